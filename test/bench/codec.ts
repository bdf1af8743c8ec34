import { withTemporaryFolder } from '../runtimes/temporary-folder.ts';
import type { Bench, Row } from './bench.ts';
import { DATUMS, SAMPLED, SEQUENCES, TOKENS } from './codec-batch.ts';
import type { CodecReport } from './codec-child.ts';
import { bundled, runForJson, runtimePrograms } from './runtime-programs.ts';

/** A group of works of which each is compared with one: what the figures are times. */
interface Group {
  readonly of: keyof CodecReport;
  readonly work: string;
  readonly base: string;
  /** What a figure says, given the time of the base and its own. */
  readonly figure: (base: number, own: number) => number;
  readonly says: string;
}

/** What this package does, as tables call it. */
const OWN: Readonly<Record<string, string>> = {
  encode: 'isotinker',
  'check and encode': 'isotinker, check and encode',
  decode: 'isotinker',
  'decode, not aligned': 'isotinker, not aligned',
};

const OF_COPY_BOUND = {
  base: 'copy bound',
  figure: (base: number, own: number) => base / own,
  says: "of the copy bound's speed",
};

const TIMES_OURS = {
  base: 'decode',
  figure: (base: number, own: number) => own / base,
  says: 'times our time',
};

const GROUPS: readonly Group[] = [
  { of: 'encode', work: 'encode', ...OF_COPY_BOUND },
  { of: 'stringify', work: 'encode', ...OF_COPY_BOUND },
  { of: 'pass', work: 'decode a pass', ...TIMES_OURS },
  { of: 'sample', work: 'decode a sample', ...TIMES_OURS },
];

export const codec: Bench = {
  name: 'codec',
  title:
    `A batch of ${DATUMS.toLocaleString('en')} x ${TOKENS.toLocaleString('en')} tokens, targets and weights (16.4 MB), encoded; the result of its pass, and of a sample of\n` +
    `${SEQUENCES} x ${SAMPLED} tokens, decoded. Medians of 15 rounds in one process, each in an order of chance. Copy bound: one fresh\n` +
    'buffer and one `set` per tensor. memcpy: one `set` into a buffer that is there. protobuf-es gets bytes that are ready, or\n' +
    'makes the targets int64 as ours must; its result is not checked. JSON.stringify gets plain arrays that are ready.',
  run: () =>
    withTemporaryFolder('bench', async (folder) => {
      const script = await bundled('codec-child.ts', folder);
      const reports: (readonly [runtime: string, report: CodecReport])[] = [];
      for (const program of await runtimePrograms())
        reports.push([program.name, await runForJson<CodecReport>(program, script)]);
      return GROUPS.flatMap((group) => rowsOf(group, reports));
    }),
};

function rowsOf(
  { of, work, base, figure, says }: Group,
  reports: readonly (readonly [string, CodecReport])[],
): readonly Row[] {
  const [first] = reports;
  // The copy bound was measured with each group, and stands in the table once.
  const names = Object.keys(first?.[1][of] ?? {}).filter((name) => of !== 'stringify' || name !== base);
  return names.map((name) => ({
    work,
    by: OWN[name] ?? name,
    ...Object.fromEntries(
      reports.map(([runtime, { [of]: times }]) => [
        runtime,
        figure(times[base] ?? Number.NaN, times[name] ?? Number.NaN),
      ]),
    ),
    '': says,
  }));
}
