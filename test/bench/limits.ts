import pLimit from 'p-limit';
import { createByteBudget } from '../../src/policy/byte-budget.ts';
import { createLimiter } from '../../src/policy/limiter.ts';
import { createLanes } from '../../src/transport/lanes.ts';
import { type Bench, interleaved } from './bench.ts';

const TASKS = 10_000;
const CAPACITY = 10;
const ROUNDS = 9;

// One each, as operations have them.
const signals = Array.from({ length: TASKS }, () => new AbortController().signal);
const nothing = async (): Promise<void> => {};
const all = async (run: (signal: AbortSignal) => Promise<unknown>): Promise<void> => {
  await Promise.all(signals.map(run));
};

export const limits: Bench = {
  name: 'limits',
  title:
    `${TASKS.toLocaleString('en')} tasks of no work on ${CAPACITY} places, all asked for at once; medians of ${ROUNDS} interleaved rounds.\n` +
    'Each beside p-limit alone, which cannot be aborted while it waits.',
  async run() {
    const medians = await interleaved(ROUNDS, {
      'p-limit alone': () => {
        const limit = pLimit(CAPACITY);
        return all(() => limit(nothing));
      },
      'count limiter': () => {
        const limiter = createLimiter(CAPACITY);
        return all((signal) => limiter.run(signal, nothing));
      },
      lanes: () => {
        const lanes = createLanes({ total: CAPACITY + 1, polls: CAPACITY - 1 });
        return all((signal) => lanes.run('sample', signal, nothing));
      },
      'byte budget': () => {
        const budget = createByteBudget(CAPACITY);
        return all(async (signal) => {
          const release = await budget.acquire(signal, 1);
          await nothing();
          release();
        });
      },
    });
    const base = medians['p-limit alone'] ?? Number.NaN;
    return Object.entries(medians).map(([limit, ms]) => ({
      limit,
      'µs a task': (ms * 1_000) / TASKS,
      'times p-limit': ms / base,
      'ms for all, beyond p-limit': ms - base,
    }));
  },
};
