import { type Bench, median, type Row } from './bench.ts';
import type { ConcurrencyReport } from './concurrency-child.ts';
import { withBenchProcesses } from './pinned-process.ts';
import type { LoopName } from './sampling-loops.ts';

const SAMPLES = 2_000;
/** What a sample takes on the server. */
const RESULT_MS = 4_000;
const ROUNDS = 3;
const NAMES = ['bare fetch', 'ky, timeout and signal', 'isotinker'] as const satisfies readonly LoopName[];

export const concurrency: Bench = {
  name: 'concurrency',
  title:
    `${SAMPLES.toLocaleString('en')} samples at once, each handed in and polled to its result; medians of ${ROUNDS} interleaved rounds in fresh processes, the\n` +
    `server on another core. "a second": results take ${RESULT_MS / 1_000} s; "a second, busy": they are there at once, so that the client never\n` +
    'waits. "held": heap and typed arrays while all wait on polls, above what there was before, "peak": the most that the\n' +
    'process had in memory, both per sample. "idle": CPU time while all wait, in percent of a core.',
  async run() {
    const reports = new Map<LoopName, ConcurrencyReport[]>(NAMES.map((name) => [name, []]));
    await withBenchProcesses('concurrency-child.ts', async ({ baseUrl, runClient }) => {
      for (let round = 0; round < ROUNDS; round++) {
        for (const name of NAMES)
          reports.get(name)?.push(await runClient([name, baseUrl, String(SAMPLES), String(RESULT_MS)]));
      }
    });
    const middle = (name: LoopName, of: (report: ConcurrencyReport) => number): number =>
      median((reports.get(name) ?? []).map(of));
    return NAMES.map((name): Row => {
      const beyondBare = (of: (report: ConcurrencyReport) => number): number =>
        middle(name, of) - middle('bare fetch', of);
      const timesBare = (of: (report: ConcurrencyReport) => number): number =>
        middle(name, of) / middle('bare fetch', of);
      return {
        client: name,
        'a second': middle(name, ({ throughput }) => throughput),
        'times bare': timesBare(({ throughput }) => throughput),
        'a second, busy': middle(name, ({ busyThroughput }) => busyThroughput),
        'times bare, busy': timesBare(({ busyThroughput }) => busyThroughput),
        'held kB': middle(name, ({ bytesHeld }) => bytesHeld) / 1e3,
        'beyond bare kB': beyondBare(({ bytesHeld }) => bytesHeld) / 1e3,
        'peak beyond bare kB': beyondBare(({ peakBytes }) => peakBytes) / 1e3,
        'idle %': middle(name, ({ idlePercent }) => idlePercent),
      };
    });
  },
};
