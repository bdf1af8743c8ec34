import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTelemetryQueue } from '../../../src/operations/telemetry/telemetry-queue.ts';

describe('createTelemetryQueue', () => {
  it('drops a push as a whole where not all of it fits', () => {
    const queue = createTelemetryQueue<number>(3);
    queue.push([1, 2]);
    queue.push([3, 4]);
    expect([queue.size, queue.dropped]).toEqual([2, 2]);
    queue.push([5]);
    expect(queue.first(9)).toEqual([1, 2, 5]);
  });

  it('keeps what is looked at until it is settled', () => {
    const queue = createTelemetryQueue<number>(10);
    queue.push([1, 2, 3]);
    expect(queue.first(2)).toEqual([1, 2]);
    queue.push([4]);
    queue.settle(2, 'sent');
    expect(queue.first(2)).toEqual([3, 4]);
    queue.settle(5, 'dropped');
    expect([queue.size, queue.sent, queue.dropped]).toEqual([0, 2, 2]);
  });

  it('counts exactly, and keeps order, whatever happens', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('push' as const), count: fc.integer({ min: 0, max: 6 }) }),
      fc.record({
        kind: fc.constantFrom('sent' as const, 'dropped' as const),
        count: fc.integer({ min: 0, max: 6 }),
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.array(step), (capacity, steps) => {
        const queue = createTelemetryQueue<number>(capacity);
        const model = { waiting: [] as number[], sent: 0, dropped: 0 };
        let next = 0;
        for (const { kind, count } of steps) {
          if (kind === 'push') {
            const items = Array.from({ length: count }, () => next++);
            queue.push(items);
            if (model.waiting.length + count > capacity) model.dropped += count;
            else model.waiting = [...model.waiting, ...items];
          } else {
            model[kind] += Math.min(count, model.waiting.length);
            model.waiting = model.waiting.slice(count);
            queue.settle(count, kind);
          }
          expect(queue.first(capacity)).toEqual(model.waiting);
          expect([queue.size, queue.sent, queue.dropped]).toEqual([
            model.waiting.length,
            model.sent,
            model.dropped,
          ]);
          expect(queue.size + queue.sent + queue.dropped).toBe(next);
        }
      }),
    );
  });
});
