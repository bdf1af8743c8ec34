import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../support/command.ts';
import { longText } from '../support/golden-tokenizers.ts';
import { type Bench, interleaved, median, type Row } from './bench.ts';
import type { ChildReport } from './tokenizer-child.ts';
import { type AnyTokenizer, type TokenizerKind, tokenizerKinds, writeRanks } from './tokenizer-kinds.ts';

const ROUNDS = 5;
const TEXT_BYTES = 1 << 18;
const CHILDREN = 3;
const HEAPS_MB = [8, 12, 16, 24, 32, 48, 64, 80, 96, 112, 128, 160, 192, 256, 384, 512];

const CHILD = fileURLToPath(new URL('tokenizer-child.ts', import.meta.url));

const child = (number: number, flags: readonly string[] = []) =>
  runCommand(process.execPath, ['--expose-gc', ...flags, '--import', 'tsx', CHILD, String(number)]);

/** Medians of a few processes, of which each loads the tokenizer once. */
async function loadAlone(number: number): Promise<ChildReport> {
  const reports: ChildReport[] = [];
  for (let i = 0; i < CHILDREN; i++) {
    const { code, stdout, stderr } = await child(number);
    if (code !== 0) throw new Error(`loading tokenizer ${number} ended with ${code}: ${stderr.slice(-1000)}`);
    reports.push(JSON.parse(stdout) as ChildReport);
  }
  const middle = (of: (report: ChildReport) => number): number => median(reports.map(of));
  return {
    loadMs: middle(({ loadMs }) => loadMs),
    parseMs: middle(({ parseMs }) => parseMs),
    retainedMB: middle(({ retainedMB }) => retainedMB),
    peakMB: middle(({ peakMB }) => peakMB),
  };
}

/** The smallest of some heaps in which the tokenizer loads and then encodes 100 kB. */
async function smallestHeap(number: number): Promise<number> {
  let [low, high] = [0, HEAPS_MB.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    const flags = [`--max-old-space-size=${HEAPS_MB[middle]}`, '--max-semi-space-size=2'];
    if ((await child(number, flags)).code === 0) high = middle;
    else low = middle + 1;
  }
  return HEAPS_MB[low] ?? Number.NaN;
}

/** Times of encoding and decoding the same text, in turns. */
async function speeds(tokenizers: ReadonlyMap<TokenizerKind, AnyTokenizer>) {
  const text = longText(TEXT_BYTES);
  const works: Record<string, () => Promise<void>> = {};
  for (const [{ vocabulary, library }, tokenizer] of tokenizers) {
    const ids = Array.from(tokenizer.encode(text));
    works[`encode ${vocabulary} ${library}`] = async () => void tokenizer.encode(text);
    works[`decode ${vocabulary} ${library}`] = async () => void tokenizer.decode(ids);
  }
  return interleaved(ROUNDS, works);
}

export const tokenizers: Bench = {
  name: 'tokenizers',
  title:
    `A text of ${TEXT_BYTES / 1024} KiB in many scripts, medians of ${ROUNDS} interleaved rounds; loading in ${CHILDREN} processes each. Times are\n` +
    'those of ours, 1 is as fast as it, 2 takes twice as long. "kept" is heap and typed arrays after loading, "peak" the\n' +
    'memory of the process above what it had before; "smallest heap" the one of some in which a process loads it and encodes\n' +
    '100 kB (--max-old-space-size; "nothing" is the process without a tokenizer).',
  async run() {
    const folder = await writeRanks();
    process.env['RANKS_FOLDER'] = folder;
    try {
      return await measure();
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

async function measure(): Promise<readonly Row[]> {
  const loaded = new Map<TokenizerKind, AnyTokenizer>();
  for (const kind of tokenizerKinds) loaded.set(kind, await (await kind.prepare())());
  const times = await speeds(loaded);
  loaded.clear();
  const rows: Row[] = [{ vocabulary: 'nothing', 'smallest heap MB': await smallestHeap(-1) }];
  let ours: { readonly library: string; readonly report: ChildReport } | undefined;
  for (const [number, { vocabulary, library }] of tokenizerKinds.entries()) {
    const report = await loadAlone(number);
    if (library === 'isotinker') ours = { library, report };
    if (ours === undefined) throw new Error('ours comes first');
    const ratio = (what: string): number =>
      (times[`${what} ${vocabulary} ${library}`] ?? Number.NaN) /
      (times[`${what} ${vocabulary} ${ours?.library}`] ?? Number.NaN);
    rows.push({
      vocabulary,
      library,
      'encode ×': ratio('encode'),
      'decode ×': ratio('decode'),
      'load ×': report.loadMs / ours.report.loadMs,
      'load / JSON.parse': report.parseMs === 0 ? '' : report.loadMs / report.parseMs,
      'kept MB': report.retainedMB,
      'kept ×': report.retainedMB / ours.report.retainedMB,
      'peak MB': report.peakMB,
      'smallest heap MB': await smallestHeap(number),
    });
  }
  return rows;
}
