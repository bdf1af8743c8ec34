import { describe, expect, it } from 'vitest';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { type LockSource, withLock } from '../../../src/tokenizer/hub/web-locks.ts';
import { createFakeLocks } from '../../support/fake-locks.ts';
import { driveToRejection } from '../../support/settled.ts';
import { forbidUnhandledRejections } from '../../support/unhandled.ts';

forbidUnhandledRejections();

function setUp(locks: LockSource | undefined = createFakeLocks()) {
  const clock = createVirtualClock();
  const controller = new AbortController();
  const wait = { locks, clock, signal: controller.signal, limitMs: 1_000 };
  return { clock, controller, wait, locks };
}

/** Work that takes so long, and tells when it began and ended. */
const timed = (clock: ReturnType<typeof createVirtualClock>, ms: number, log: string[], name: string) => () =>
  new Promise<string>((resolve) => {
    log.push(`${name} begins at ${clock.monotonic()}`);
    clock.schedule(() => {
      log.push(`${name} ends at ${clock.monotonic()}`);
      resolve(name);
    }, ms);
  });

describe('a lock', () => {
  it('lets one after the other', async () => {
    const { clock, wait } = setUp();
    const log: string[] = [];
    const both = ['a', 'b'].map((name) => withLock('x', wait, timed(clock, 400, log, name)));
    expect(await clock.drive(Promise.all(both))).toEqual(['a', 'b']);
    expect(log).toEqual(['a begins at 0', 'a ends at 400', 'b begins at 400', 'b ends at 800']);
    expect(clock.pending).toBe(0);
  });

  it('is held for as long as the work takes, however long that is', async () => {
    const { clock, wait } = setUp();
    const log: string[] = [];
    const first = withLock('x', wait, timed(clock, 5_000, log, 'a'));
    await clock.drive(first);
    expect(log).toEqual(['a begins at 0', 'a ends at 5000']);
  });

  it('is not waited for for ever', async () => {
    const { clock, wait } = setUp();
    const log: string[] = [];
    const hangs = withLock('x', wait, () => new Promise(() => {}));
    hangs.catch(() => {});
    expect(await clock.drive(withLock('x', wait, timed(clock, 10, log, 'b')))).toBe('b');
    expect(log).toEqual(['b begins at 1000', 'b ends at 1010']);
    expect(clock.pending).toBe(0);
  });

  it('that comes too late is not taken', async () => {
    const { clock, wait, locks } = setUp({
      // It neither hears of the abort nor refuses.
      request: async (_, __, work) => {
        await new Promise<void>((resolve) => clock.schedule(() => resolve(), 2_000));
        return work();
      },
    });
    expect(locks).toBeDefined();
    let runs = 0;
    const work = async () => ++runs;
    expect(await clock.drive(withLock('x', wait, work))).toBe(1);
    await clock.advance(5_000);
    expect(runs).toBe(1);
  });

  it('is done without where there is none, and where it gives trouble', async () => {
    const refuses: LockSource = { request: async () => Promise.reject(new Error('SecurityError')) };
    const throws: LockSource = {
      request: () => {
        throw new Error('SecurityError');
      },
    };
    for (const locks of [undefined, refuses, throws]) {
      const { clock, wait } = setUp();
      expect(await clock.drive(withLock('x', { ...wait, locks }, async () => 'done'))).toBe('done');
      expect(clock.pending).toBe(0);
    }
  });

  it('gives way to an abort while it is waited for', async () => {
    const { clock, wait, controller } = setUp();
    const blocker = new AbortController();
    withLock('x', { ...wait, signal: blocker.signal }, () => new Promise(() => {})).catch(() => {});
    let runs = 0;
    const waiting = withLock('x', wait, async () => ++runs);
    clock.schedule(() => controller.abort('gone'), 100);
    expect(await driveToRejection(clock, waiting)).toBe('gone');
    expect(clock.monotonic()).toBe(100);
    expect([runs, clock.pending]).toEqual([0, 0]);
  });

  it('gives what the work throws, unchanged, and is free again', async () => {
    const { clock, wait } = setUp();
    const failure = new Error('no');
    expect(
      await driveToRejection(
        clock,
        withLock('x', wait, () => Promise.reject(failure)),
      ),
    ).toBe(failure);
    expect(await clock.drive(withLock('x', wait, async () => 'free'))).toBe('free');
  });
});
