import { type Bench, median, type Row } from './bench.ts';
import type { LatencyReport } from './latency-child.ts';
import { withBenchProcesses } from './pinned-process.ts';

const SAMPLES = 200;
const ROUNDS = 2;

const percentile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.ceil(values.length * part) - 1] ?? Number.NaN;

export const latency: Bench = {
  name: 'latency',
  title:
    `Milliseconds from the moment in which the server has a result to the moment in which it is the caller's, through a long\n` +
    `poll; ${SAMPLES} samples each, in turns in one process, in ${ROUNDS} processes. "added": beyond the loop of bare fetch in the same run.`,
  async run() {
    const reports: LatencyReport[] = [];
    await withBenchProcesses('latency-child.ts', async ({ baseUrl, runClient }) => {
      for (let round = 0; round < ROUNDS; round++) reports.push(await runClient([baseUrl, String(SAMPLES)]));
    });
    const all = (name: keyof LatencyReport): readonly number[] => reports.flatMap((report) => report[name]);
    const row = (
      client: string,
      waiting: number,
      name: keyof LatencyReport,
      base: keyof LatencyReport,
    ): Row => ({
      client,
      'others that wait': waiting,
      median: median(all(name)),
      'added, median': median(all(name)) - median(all(base)),
      p95: percentile(all(name), 0.95),
      'added, p95': percentile(all(name), 0.95) - percentile(all(base), 0.95),
    });
    return [
      row('bare fetch', 0, 'bare', 'bare'),
      row('isotinker', 0, 'isotinker', 'bare'),
      row('bare fetch', 200, 'bareAmongOthers', 'bareAmongOthers'),
      row('isotinker', 200, 'isotinkerAmongOthers', 'bareAmongOthers'),
    ];
  },
};
