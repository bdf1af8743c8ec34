import { type Bench, median, type Row } from './bench.ts';
import { withBenchProcesses } from './pinned-process.ts';
import type { RequestsReport } from './requests-child.ts';
import { type LoopName, SAMPLING_LOOPS } from './sampling-loops.ts';

const ROUNDS = 3;
const SAMPLES = 600;

const NAMES = Object.keys(SAMPLING_LOOPS) as LoopName[];

export const requests: Bench = {
  name: 'requests',
  title:
    `CPU time of the client's process per request: samples of which each is handed in and polled once, ${SAMPLES.toLocaleString('en')} after as many\n` +
    `to warm up, medians of ${ROUNDS} interleaved rounds in fresh processes. All send the same requests to the same server on another\n` +
    'core. "in memory": against a fetch that answers from memory, which leaves the code of the client.',
  async run() {
    const reports = new Map<LoopName, RequestsReport[]>(NAMES.map((name) => [name, []]));
    await withBenchProcesses('requests-child.ts', async ({ baseUrl, runClient }) => {
      for (let round = 0; round < ROUNDS; round++) {
        for (const name of NAMES) reports.get(name)?.push(await runClient([name, baseUrl, String(SAMPLES)]));
      }
    });
    const middle = (name: LoopName, of: (report: RequestsReport) => number): number =>
      median((reports.get(name) ?? []).map(of));
    return NAMES.map((name): Row => {
      const network = middle(name, (report) => report.network);
      const times = (other: LoopName): number => network / middle(other, (report) => report.network);
      return {
        client: name,
        'µs a request': network,
        'times bare fetch': times('bare fetch'),
        'times ky with limits': times('ky, timeout and signal'),
        'times ky without': times('ky, no limits'),
        'µs in memory': middle(name, (report) => report.memory),
      };
    });
  },
};
