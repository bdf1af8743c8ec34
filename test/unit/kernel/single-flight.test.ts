import { describe, expect, it } from 'vitest';
import { createSingleFlight } from '../../../src/kernel/single-flight.ts';
import { rejection } from '../../support/settled.ts';
import { forbidUnhandledRejections } from '../../support/unhandled.ts';

forbidUnhandledRejections();

/** Work that is ended by hand. */
function createWork() {
  const started: {
    readonly signal: AbortSignal;
    resolve(value: number): void;
    reject(reason: unknown): void;
  }[] = [];
  const work = (signal: AbortSignal): Promise<number> =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      started.push({ signal, resolve, reject });
    });
  return { started, work };
}

describe('work that is shared', () => {
  it('is done once, for all of one key', async () => {
    const flights = createSingleFlight<number>();
    const { started, work } = createWork();
    const calls = [1, 2, 3].map(() => flights.join('a', undefined, work));
    const other = flights.join('b', undefined, work);
    expect(started).toHaveLength(2);
    started[0]?.resolve(5);
    started[1]?.resolve(6);
    expect(await Promise.all([...calls, other])).toEqual([5, 5, 5, 6]);
  });

  it('is not remembered, neither done nor failed', async () => {
    const flights = createSingleFlight<number>();
    const { started, work } = createWork();
    const first = flights.join('a', undefined, work);
    const failure = new Error('no');
    started[0]?.reject(failure);
    expect(await rejection(first)).toBe(failure);
    const second = flights.join('a', undefined, work);
    started[1]?.resolve(1);
    await second;
    const third = flights.join('a', undefined, work);
    expect(started).toHaveLength(3);
    started[2]?.resolve(1);
    await third;
  });

  it('goes on for others when one leaves, who hears of it at once', async () => {
    const flights = createSingleFlight<number>();
    const { started, work } = createWork();
    const leaver = new AbortController();
    const left = flights.join('a', leaver.signal, work);
    const stays = flights.join('a', new AbortController().signal, work);
    leaver.abort('gone');
    expect(await rejection(left)).toBe('gone');
    expect(started[0]?.signal.aborted).toBe(false);
    started[0]?.resolve(7);
    expect(await stays).toBe(7);
    expect(started).toHaveLength(1);
  });

  it('goes on for one who cannot leave', async () => {
    const flights = createSingleFlight<number>();
    const { started, work } = createWork();
    const leaver = new AbortController();
    const stays = flights.join('a', undefined, work);
    const left = flights.join('a', leaver.signal, work);
    leaver.abort('gone');
    await rejection(left);
    expect(started[0]?.signal.aborted).toBe(false);
    started[0]?.resolve(7);
    expect(await stays).toBe(7);
  });

  it('ends when the last one leaves, and who comes then gets new work', async () => {
    const flights = createSingleFlight<number>();
    const { started, work } = createWork();
    const [one, two] = [new AbortController(), new AbortController()];
    const calls = [flights.join('a', one.signal, work), flights.join('a', two.signal, work)];
    one.abort('first');
    two.abort('second');
    const next = flights.join('a', undefined, work);
    expect(await Promise.all(calls.map(rejection))).toEqual(['first', 'second']);
    expect(started[0]?.signal.reason).toBe('second');
    expect(started[1]?.signal.aborted).toBe(false);
    // The one that ended must not have taken the new one with it.
    const another = flights.join('a', undefined, work);
    expect(started).toHaveLength(2);
    started[1]?.resolve(3);
    expect(await Promise.all([next, another])).toEqual([3, 3]);
  });

  it('is not begun for one who has left already', async () => {
    const { started, work } = createWork();
    expect(await rejection(createSingleFlight<number>().join('a', AbortSignal.abort('gone'), work))).toBe(
      'gone',
    );
    expect(started).toHaveLength(0);
  });

  it('listens once to a signal, and lets go of it', async () => {
    const flights = createSingleFlight<number>();
    const { started, work } = createWork();
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...all: Parameters<typeof add>) => {
      listeners += 1;
      add(...all);
    };
    signal.removeEventListener = (...all: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...all);
    };
    const calls = Array.from({ length: 50 }, () => flights.join('a', signal, work));
    expect(listeners).toBe(1);
    started[0]?.resolve(1);
    await Promise.all(calls);
    await Promise.resolve();
    expect(listeners).toBe(0);
  });
});
