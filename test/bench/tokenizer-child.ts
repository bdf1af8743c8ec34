import { longText } from '../support/golden-tokenizers.ts';
import { jsonOf, tokenizerKinds } from './tokenizer-kinds.ts';

// Loads one tokenizer in a process of its own and says what that took: `node --expose-gc … tokenizer-child.ts NUMBER`.
// Without a number it loads none, for what the process takes by itself.

/** What a child says. */
export interface ChildReport {
  readonly loadMs: number;
  /** Of `JSON.parse` of its file alone; 0 where that is no JSON. */
  readonly parseMs: number;
  /** Heap and typed arrays that stay when the files are gone. */
  readonly retainedMB: number;
  /** The most that the process had in memory, above what it had before. */
  readonly peakMB: number;
}

declare const gc: () => void;

const inUse = async (): Promise<number> => {
  for (let round = 0; round < 4; round++) {
    gc();
    // Typed arrays are given back a little later than the heap.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};
const timed = async <T>(work: () => Promise<T> | T): Promise<readonly [ms: number, result: T]> => {
  const startedAt = performance.now();
  const result = await work();
  return [performance.now() - startedAt, result];
};

async function main(): Promise<void> {
  const kind = tokenizerKinds[Number(process.argv[2])];
  const text = longText(100_000);
  if (kind === undefined) return;
  // The packages' own code is not what is measured.
  await (async () => void (await kind.prepare()))();
  const before = await inUse();
  const rssBefore = process.memoryUsage().rss;
  // In a function of its own, so that nothing holds the files afterwards.
  const [loadMs, tokenizer] = await (async () => timed(await kind.prepare()))();
  const retained = (await inUse()) - before;
  const peak = process.resourceUsage().maxRSS * 1024 - rssBefore;
  const ids = tokenizer.encode(text);
  if (ids.length === 0) throw new Error('no ids');
  const json = jsonOf(kind.vocabulary);
  // Twice: the first is slower, as the first load is.
  const parseMs = json === undefined ? 0 : (await timed(() => JSON.parse(json) as unknown))[0];
  const report: ChildReport = { loadMs, parseMs, retainedMB: retained / 1e6, peakMB: peak / 1e6 };
  console.log(JSON.stringify(report));
}

await main();
