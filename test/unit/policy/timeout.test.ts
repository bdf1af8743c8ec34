import { describe, expect, it } from 'vitest';
import { isTinkerError, type TinkerTimeoutError } from '../../../src/kernel/errors.ts';
import { withAttemptTimeout } from '../../../src/policy/timeout.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';

const never = (): Promise<never> => new Promise(() => {});

describe('withAttemptTimeout', () => {
  it('settles like the work, and leaves neither timer nor listener', async () => {
    const clock = createVirtualClock();
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    expect(await withAttemptTimeout(clock, 50, signal, async () => 5)).toBe(5);
    const error = new Error('no');
    const failing = withAttemptTimeout(clock, 50, signal, async () => {
      throw error;
    });
    expect(await rejection(failing)).toBe(error);
    expect(clock.pending).toBe(0);
    expect(listeners.added).toBe(2);
    expect(listeners.left).toBe(0);
  });

  it('ends work that does not end, at the limit, and tells it', async () => {
    const clock = createVirtualClock();
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    let inner: AbortSignal | undefined;
    const error = await driveToRejection(
      clock,
      withAttemptTimeout(clock, 1_234, signal, (given) => {
        inner = given;
        return never();
      }),
    );
    expect(isTinkerError(error, 'timed_out')).toBe(true);
    expect(error).toMatchObject({ scope: 'attempt', limitMs: 1_234, retryable: true });
    expect(clock.monotonic()).toBe(1_234);
    expect(inner?.reason).toBe(error);
    expect(clock.pending).toBe(0);
    expect(listeners.left).toBe(0);
  });

  it('gives work that settles on its abort no say in the error', async () => {
    const clock = createVirtualClock();
    const error = await driveToRejection(
      clock,
      withAttemptTimeout(clock, 10, new AbortController().signal, (inner) => {
        return new Promise((_, reject) => {
          inner.addEventListener('abort', () => reject(new Error('fetch’s own words')));
        });
      }),
    );
    expect((error as TinkerTimeoutError).scope).toBe('attempt');
  });

  it.each([
    ['an Error', new Error('enough')],
    ['null', null],
    ['a string', 'enough'],
  ])('passes the caller’s reason on: %s', async (_, reason) => {
    const clock = createVirtualClock();
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    let inner: AbortSignal | undefined;
    const work = rejection(
      withAttemptTimeout(clock, 50, controller.signal, (given) => {
        inner = given;
        return never();
      }),
    );
    controller.abort(reason);
    expect(await work).toBe(reason);
    expect(inner?.reason).toBe(reason);
    expect(clock.pending).toBe(0);
    expect(listeners.left).toBe(0);
  });

  it('does not start under an aborted signal', async () => {
    const clock = createVirtualClock();
    let started = false;
    const work = withAttemptTimeout(clock, 50, AbortSignal.abort('enough'), async () => {
      started = true;
    });
    expect(await rejection(work)).toBe('enough');
    expect(started).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it('releases everything when the work throws before it returns a promise', async () => {
    const clock = createVirtualClock();
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    const work = withAttemptTimeout(clock, 50, signal, () => {
      throw new Error('a bug');
    });
    expect(await rejection(work)).toMatchObject({ message: 'a bug' });
    expect(clock.pending).toBe(0);
    expect(listeners.left).toBe(0);
  });
});
