import { describe, expect, it } from 'vitest';
import { rejection } from '../../support/settled.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';

describe('createVirtualClock', () => {
  it('stands still until it is told to move', async () => {
    const clock = createVirtualClock(5_000);
    let fired = false;
    clock.schedule(() => {
      fired = true;
    }, 10);
    await new Promise((resolve) => setImmediate(resolve));
    expect([clock.now(), clock.monotonic(), fired]).toEqual([5_000, 0, false]);
    await clock.advance(9);
    expect([clock.now(), clock.monotonic(), fired]).toEqual([5_009, 9, false]);
    await clock.advance(1);
    expect([clock.now(), fired, clock.pending]).toEqual([5_010, true, 0]);
  });

  it('runs timers by time, and those of one time in the order they were made', async () => {
    const clock = createVirtualClock();
    const order: string[] = [];
    const at = (name: string, ms: number) =>
      clock.schedule(() => order.push(`${name} ${clock.monotonic()}`), ms);
    at('late', 20);
    at('first', 10);
    at('second', 10);
    at('negative', -5);
    await clock.advance(100);
    expect(order).toEqual(['negative 0', 'first 10', 'second 10', 'late 20']);
    expect(clock.monotonic()).toBe(100);
  });

  it('runs timers that timers make, if they are due', async () => {
    const clock = createVirtualClock();
    const at: number[] = [];
    const again = (): void => {
      at.push(clock.monotonic());
      clock.schedule(again, 10);
    };
    clock.schedule(again, 10);
    await clock.advance(35);
    expect(at).toEqual([10, 20, 30]);
    expect(clock.pending).toBe(1);
  });

  it('forgets a cancelled timer, and counts those of the background', async () => {
    const clock = createVirtualClock();
    const cancel = clock.schedule(() => expect.unreachable(), 1, { background: true });
    clock.schedule(() => {}, 1);
    expect([clock.pending, clock.pendingInBackground]).toEqual([2, 1]);
    cancel();
    cancel();
    expect([clock.pending, clock.pendingInBackground]).toEqual([1, 0]);
    await clock.advance(1);
    expect(clock.pending).toBe(0);
  });

  it('drives a promise over as many timers as it takes, and no further', async () => {
    const clock = createVirtualClock();
    const wait = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        clock.schedule(resolve, ms);
      });
    const work = wait(1_000).then(() => wait(500));
    clock.schedule(() => expect.unreachable(), 2_000);
    await clock.drive(work);
    expect(clock.monotonic()).toBe(1_500);
    expect(clock.pending).toBe(1);
  });

  it('says so where nothing is left that could settle a promise', async () => {
    const clock = createVirtualClock();
    expect(await rejection(clock.drive(new Promise(() => {})))).toMatchObject({
      message: 'Nothing is left that could settle the promise',
    });
  });
});
