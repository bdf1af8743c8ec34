import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEventQueue } from '../../../src/kernel/event-queue.ts';

const queueOf = (capacity: number, onReturn?: () => void) =>
  createEventQueue<number>(capacity, (count) => -count, onReturn);

describe('createEventQueue', () => {
  it('gives events in order, to a reader that waits and to one that comes later, and then ends', async () => {
    const queue = queueOf(10);
    const seen: number[] = [];
    const reading = (async () => {
      for await (const event of queue) seen.push(event);
    })();
    queue.push(1);
    await Promise.resolve();
    queue.push(2);
    queue.push(3);
    queue.end();
    queue.push(4);
    await reading;
    expect(seen).toEqual([1, 2, 3]);
    expect(await queue.next()).toEqual({ done: true, value: undefined });
  });

  it('gives several waiting reads one event each, and ends all of them', async () => {
    const queue = queueOf(10);
    const reads = [queue.next(), queue.next(), queue.next()];
    queue.push(1);
    queue.push(2);
    queue.end();
    expect(await Promise.all(reads)).toEqual([
      { done: false, value: 1 },
      { done: false, value: 2 },
      { done: true, value: undefined },
    ]);
  });

  it('drops the oldest when it is full, and tells how many in their place', async () => {
    const queue = queueOf(3);
    for (let i = 1; i <= 10; i++) queue.push(i);
    expect((await queue.next()).value).toBe(-7);
    expect((await queue.next()).value).toBe(8);
    queue.push(11);
    queue.push(12);
    queue.push(13);
    expect((await queue.next()).value).toBe(-2);
    queue.end();
    const rest: number[] = [];
    for await (const event of queue) rest.push(event);
    expect(rest).toEqual([11, 12, 13]);
  });

  it('forgets everything when its reader breaks off, and tells once', async () => {
    let returns = 0;
    const queue = queueOf(3, () => {
      returns += 1;
    });
    queue.push(1);
    queue.push(2);
    for await (const event of queue) {
      expect(event).toBe(1);
      break;
    }
    queue.push(3);
    await queue.return();
    expect(returns).toBe(1);
    expect(await queue.next()).toEqual({ done: true, value: undefined });
  });

  it('does not tell of a return after the end', async () => {
    let returns = 0;
    const queue = queueOf(3, () => {
      returns += 1;
    });
    queue.push(1);
    queue.end();
    await queue.return();
    expect(returns).toBe(0);
    expect(await queue.next()).toEqual({ done: true, value: undefined });
  });

  it('loses nothing uncounted: what is read and what is told as dropped are all that was pushed', async () => {
    const act = fc.oneof(fc.constant('push' as const), fc.constant('read' as const));
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(act, { maxLength: 60 }),
        async (capacity, acts) => {
          const queue = queueOf(capacity);
          let pushed = 0;
          let told = 0;
          const count = ({ value }: IteratorResult<number>): void => {
            // Each event says how many there were up to it, so that order and numbers are one check.
            told = value < 0 ? told - value : told + 1;
            if (value > 0) expect(value).toBe(told);
          };
          const reads: Promise<void>[] = [];
          for (const what of acts) {
            if (what === 'push') queue.push(++pushed);
            else
              reads.push(queue.next().then((result) => (result.done === true ? undefined : count(result))));
          }
          queue.end();
          await Promise.all(reads);
          for (let result = await queue.next(); result.done !== true; result = await queue.next())
            count(result);
          expect(told).toBe(pushed);
        },
      ),
    );
  });
});
