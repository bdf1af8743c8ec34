import type { VirtualClock } from '../../src/testing/virtual-clock.ts';

/** What a promise rejects with. Fails if it resolves. */
export async function rejection(work: PromiseLike<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await work;
  } catch (error) {
    return error;
  }
  throw new Error(`It should have rejected, but resolved to ${String(value)}`);
}

/** What a promise on virtual time rejects with, running timers until it does. */
export function driveToRejection(clock: VirtualClock, work: PromiseLike<unknown>): Promise<unknown> {
  return clock.drive(rejection(work));
}

/** What a function throws. Fails if it returns. */
export function thrown(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('It should have thrown');
}
