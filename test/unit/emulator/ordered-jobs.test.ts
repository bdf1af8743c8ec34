import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createDevice } from '../../../src/emulator/device.ts';
import { createOrderedJobs } from '../../../src/emulator/futures/ordered-jobs.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';

it('runs jobs by sequence id, in whatever order they arrive, one at a time, each after its latency', async () => {
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7], { minLength: 7 }), async (arrival) => {
      const clock = createVirtualClock(0);
      const jobs = createOrderedJobs(createDevice(clock, 10));
      const ran: string[] = [];
      const done = arrival.map((id) => jobs.run(id, () => void ran.push(`${id}@${clock.monotonic()}`)));
      await clock.drive(Promise.all(done));
      expect(ran).toEqual([1, 2, 3, 4, 5, 6, 7].map((id) => `${id}@${id * 10}`));
      expect(clock.pending).toBe(0);
    }),
    { numRuns: 25 },
  );
});

it('holds a job back until those before it have come, and goes on after one that fails', async () => {
  const clock = createVirtualClock(0);
  const jobs = createOrderedJobs(createDevice(clock, 0));
  const second = jobs.run(2, () => 'second');
  await clock.advance(1000);
  expect(clock.pending).toBe(0);
  const first = jobs.run(1, () => {
    throw new Error('first');
  });
  await expect(clock.drive(first)).rejects.toThrow('first');
  expect(await clock.drive(second)).toBe('second');
  expect(await clock.drive(jobs.run(undefined, () => 'next'))).toBe('next');
});

it('refuses an id whose turn is over, or that a job holds already: neither would ever run', async () => {
  const clock = createVirtualClock(0);
  const jobs = createOrderedJobs(createDevice(clock, 0));
  const early = jobs.run(3, () => 'third');
  for (const id of [0, 3, -1]) {
    expect(() => jobs.run(id, () => 'again')).toThrowError(
      expect.objectContaining({ status: 409, detail: `Sequence id ${id} was used for another request` }),
    );
  }
  const first = jobs.run(1, () => 'first');
  expect(() => jobs.run(1, () => 'again')).toThrowError(expect.objectContaining({ status: 409 }));
  const second = jobs.run(undefined, () => 'second');
  expect(await clock.drive(Promise.all([first, second, early]))).toEqual(['first', 'second', 'third']);
});
