import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { TinkerApiError } from '../../src/kernel/errors.ts';
import { pollFuture } from '../../src/operations/polling/poll.ts';
import { createVirtualClock } from '../../src/testing/virtual-clock.ts';
import type { Pipeline } from '../../src/transport/pipeline.ts';
import { testRuntime } from '../support/runtime.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const LAST = 1_000_000;
const FIRST = 10_000;

it('D1, case 46: a million polls of one future need no more memory than ten thousand, and no stack', async () => {
  const clock = createVirtualClock({ graceTurns: 1 });
  const { runtime } = testRuntime({});
  const { signal } = new AbortController();
  let polls = 0;
  const used: number[] = [];
  // One error for all, because what takes time is to write down its stack.
  const pending = new TinkerApiError(408, 'pending', { retryable: true, retryAfterMs: 1 });
  const pipeline: Pipeline = {
    // A long poll that ends in 408, as often as it takes; the work of a transport is its own test's.
    async send() {
      polls += 1;
      if (polls === FIRST || polls === LAST - 1) {
        collectGarbage();
        used.push(process.memoryUsage().heapUsed);
      }
      if (polls === LAST) return { value: 7 };
      throw pending;
    },
  };
  const scope = { signal, deadlineAt: Number.POSITIVE_INFINITY };
  const work = pollFuture(
    { ...runtime, clock, pipeline },
    { requestId: 'r-1', type: 'Sample' },
    scope,
    () => {},
  );
  expect(await clock.drive(work)).toEqual({ value: 7 });
  expect(polls).toBe(LAST);
  const [before = 0, after = 0] = used;
  expect(used).toHaveLength(2);
  expect(after - before).toBeLessThan(1_000_000);
}, 300_000);
