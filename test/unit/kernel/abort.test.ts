import { describe, expect, it } from 'vitest';
import { createAbortFanout, linkAbort, raceAbort, sleep } from '../../../src/kernel/abort.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { rejection } from '../../support/settled.ts';

/** An abort's reason may be anything; it must come through as the same thing. */
const REASONS: readonly (readonly [string, unknown])[] = [
  ['an Error', new Error('enough')],
  ['a string', 'enough'],
  ['null', null],
  ['zero', 0],
  ['an object', { why: 'enough' }],
];

const never = (): Promise<never> => new Promise(() => {});

describe('sleep', () => {
  it('waits exactly as long as it is told', async () => {
    const clock = createVirtualClock();
    let isAwake = false;
    const work = sleep(clock, 1_000).then(() => {
      isAwake = true;
    });
    await clock.advance(999);
    expect(isAwake).toBe(false);
    await clock.advance(1);
    expect(isAwake).toBe(true);
    await work;
    expect(clock.pending).toBe(0);
  });

  it('takes a timer even for no time at all, so that a loop around it yields', async () => {
    const clock = createVirtualClock();
    const work = sleep(clock, 0);
    expect(clock.pending).toBe(1);
    await clock.drive(work);
    expect(clock.pending).toBe(0);
  });

  it.each(REASONS)('rejects with the signal’s reason: %s', async (_, reason) => {
    const clock = createVirtualClock();
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const work = rejection(sleep(clock, 1_000, controller.signal));
    controller.abort(reason);
    expect(await work).toBe(reason);
    expect(clock.pending).toBe(0);
    expect(listeners.left).toBe(0);
  });

  it('rejects with the platform’s reason for an abort without one', async () => {
    const clock = createVirtualClock();
    const controller = new AbortController();
    const work = rejection(sleep(clock, 1_000, controller.signal));
    controller.abort(undefined);
    const reason = await work;
    expect(reason).toBe(controller.signal.reason);
    expect(reason).toMatchObject({ name: 'AbortError' });
    expect(clock.pending).toBe(0);
  });

  it.each(REASONS)('starts no timer under an aborted signal: %s', async (_, reason) => {
    const clock = createVirtualClock();
    const signal = AbortSignal.abort(reason);
    const listeners = countListeners(signal);
    expect(await rejection(sleep(clock, 1_000, signal))).toBe(reason);
    expect(clock.pending).toBe(0);
    expect(listeners.added).toBe(0);
  });

  it('takes its listener off the signal when it wakes', async () => {
    const clock = createVirtualClock();
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    const work = sleep(clock, 10, signal);
    expect(listeners.left).toBe(1);
    await clock.drive(work);
    expect(listeners.left).toBe(0);
  });

  it('hands the timer’s options on', async () => {
    const clock = createVirtualClock();
    const work = sleep(clock, 10, undefined, { background: true });
    expect(clock.pendingInBackground).toBe(1);
    await clock.drive(work);
    const foreground = sleep(clock, 10);
    expect(clock.pendingInBackground).toBe(0);
    await clock.drive(foreground);
  });
});

describe('raceAbort', () => {
  it('settles like the work, and leaves no listener', async () => {
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    expect(await raceAbort(signal, Promise.resolve(5))).toBe(5);
    const error = new Error('no');
    expect(await rejection(raceAbort(signal, Promise.reject(error)))).toBe(error);
    expect(listeners.added).toBe(2);
    expect(listeners.left).toBe(0);
  });

  it.each(REASONS)('rejects at once with the reason: %s', async (_, reason) => {
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const work = rejection(raceAbort(controller.signal, never()));
    controller.abort(reason);
    expect(await work).toBe(reason);
    expect(listeners.left).toBe(0);
  });

  it.each(REASONS)('rejects under an aborted signal although the work is done: %s', async (_, reason) => {
    expect(await rejection(raceAbort(AbortSignal.abort(reason), Promise.resolve(1)))).toBe(reason);
  });

  it('swallows what the work throws after an abort', async () => {
    // An unhandled rejection fails the whole run.
    const controller = new AbortController();
    let fail: (error: Error) => void = () => {};
    const work = new Promise<never>((_, reject) => {
      fail = reject;
    });
    const race = rejection(raceAbort(controller.signal, work));
    controller.abort('enough');
    expect(await race).toBe('enough');
    fail(new Error('too late'));
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('accepts any thenable', async () => {
    const { signal } = new AbortController();
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what this is about.
    const thenable: PromiseLike<number> = { then: (onValue) => Promise.resolve(3).then(onValue) };
    expect(await raceAbort(signal, thenable)).toBe(3);
  });
});

describe('linkAbort', () => {
  it.each(REASONS)('passes the parent’s reason on: %s', (_, reason) => {
    const parent = new AbortController();
    const listeners = countListeners(parent.signal);
    const linked = linkAbort(parent.signal);
    parent.abort(reason);
    expect(linked.signal.aborted).toBe(true);
    expect(linked.signal.reason).toBe(reason);
    expect(listeners.left).toBe(0);
  });

  it('passes on the reason the platform made up', () => {
    const parent = new AbortController();
    const linked = linkAbort(parent.signal);
    parent.abort();
    expect(linked.signal.reason).toBe(parent.signal.reason);
  });

  it('is aborted at once under an aborted parent, without listening', () => {
    const parent = AbortSignal.abort('enough');
    const listeners = countListeners(parent);
    const linked = linkAbort(parent);
    expect(linked.signal.reason).toBe('enough');
    expect(listeners.added).toBe(0);
  });

  it('aborts by itself without touching the parent', () => {
    const parent = new AbortController();
    const linked = linkAbort(parent.signal);
    linked.abort('own');
    parent.abort('parent');
    expect(linked.signal.reason).toBe('own');
  });

  it('hears nothing after it is disposed', () => {
    const parent = new AbortController();
    const listeners = countListeners(parent.signal);
    const linked = linkAbort(parent.signal);
    linked.dispose();
    expect(listeners.left).toBe(0);
    parent.abort();
    expect(linked.signal.aborted).toBe(false);
  });
});

describe('createAbortFanout', () => {
  it('puts one listener on a signal for a thousand followers, and takes it off with the last', () => {
    const fanout = createAbortFanout();
    const { signal } = new AbortController();
    const listeners = countListeners(signal);
    const unsubscribes = Array.from({ length: 1_000 }, () => fanout.subscribe(signal, () => {}));
    expect(listeners.added).toBe(1);
    for (const unsubscribe of unsubscribes.slice(1)) unsubscribe();
    expect(listeners.left).toBe(1);
    unsubscribes[0]?.();
    expect(listeners.left).toBe(0);
  });

  it('listens again after everyone left', () => {
    const fanout = createAbortFanout();
    const controller = new AbortController();
    fanout.subscribe(controller.signal, () => {})();
    const heard: unknown[] = [];
    fanout.subscribe(controller.signal, (reason) => heard.push(reason));
    controller.abort('enough');
    expect(heard).toEqual(['enough']);
  });

  it.each(REASONS)('tells every follower the reason once: %s', (_, reason) => {
    const fanout = createAbortFanout();
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const heard: unknown[] = [];
    const callback = (why: unknown) => heard.push(why);
    fanout.subscribe(controller.signal, callback);
    // The same function twice is two followers.
    const unsubscribe = fanout.subscribe(controller.signal, callback);
    controller.abort(reason);
    expect(heard).toEqual([reason, reason]);
    unsubscribe();
    expect(heard).toHaveLength(2);
    expect(listeners.left).toBe(0);
  });

  it('tells those who left nothing, also when they leave during the abort', () => {
    const fanout = createAbortFanout();
    const controller = new AbortController();
    const heard: string[] = [];
    const leaveEarly = fanout.subscribe(controller.signal, () => heard.push('early'));
    let leaveDuring = (): void => {};
    fanout.subscribe(controller.signal, () => {
      heard.push('first');
      leaveDuring();
    });
    leaveDuring = fanout.subscribe(controller.signal, () => heard.push('during'));
    leaveEarly();
    controller.abort();
    expect(heard).toEqual(['first']);
  });

  it('calls back at once under an aborted signal', () => {
    const fanout = createAbortFanout();
    const signal = AbortSignal.abort('enough');
    const listeners = countListeners(signal);
    const heard: unknown[] = [];
    fanout.subscribe(signal, (reason) => heard.push(reason))();
    expect(heard).toEqual(['enough']);
    expect(listeners.added).toBe(0);
  });

  it('lets a follower leave twice without removing another', () => {
    const fanout = createAbortFanout();
    const controller = new AbortController();
    const heard: unknown[] = [];
    const leave = fanout.subscribe(controller.signal, () => heard.push('left'));
    fanout.subscribe(controller.signal, (reason) => heard.push(reason));
    leave();
    leave();
    controller.abort('enough');
    expect(heard).toEqual(['enough']);
  });

  it('keeps signals apart', () => {
    const fanout = createAbortFanout();
    const one = new AbortController();
    const other = new AbortController();
    const heard: unknown[] = [];
    fanout.subscribe(one.signal, () => heard.push('one'));
    fanout.subscribe(other.signal, () => heard.push('other'));
    other.abort();
    expect(heard).toEqual(['other']);
  });
});
