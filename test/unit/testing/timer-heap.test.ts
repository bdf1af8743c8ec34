import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTimerHeap, type HeapTimer } from '../../../src/testing/timer-heap.ts';

const timer = (at: number, order: number): HeapTimer => ({
  at,
  order,
  isBackground: false,
  callback: () => {},
});

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), at: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pop' as const) }) },
  // Also those that have gone already.
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), which: fc.nat() }) },
);

describe('createTimerHeap', () => {
  it('is a sorted list', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const heap = createTimerHeap();
        const made: HeapTimer[] = [];
        let list: HeapTimer[] = [];
        const take = (gone: HeapTimer): void => {
          expect(heap.remove(gone)).toBe(list.includes(gone));
          list = list.filter((one) => one !== gone);
        };
        for (const one of steps) {
          if (one.do === 'add') {
            const added = timer(one.at, made.length);
            made.push(added);
            heap.add(added);
            list = [...list, added].sort((a, b) => a.at - b.at || a.order - b.order);
          } else if (one.do === 'pop') {
            if (list[0] !== undefined) take(list[0]);
          } else if (made.length > 0) take(made[one.which % made.length]!);
          expect([heap.size, heap.first()]).toEqual([list.length, list[0]]);
          expect(heap.first()).toBe(list[0]);
        }
        while (list[0] !== undefined) {
          expect(heap.first()).toBe(list[0]);
          take(list[0]);
        }
        expect(heap.size).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it('takes a few comparisons per timer, however many there are', () => {
    let reads = 0;
    const counted = (at: number, order: number): HeapTimer => ({
      ...timer(at, order),
      get at() {
        reads += 1;
        return at;
      },
    });
    const heap = createTimerHeap();
    const timers = Array.from({ length: 16_384 }, (_, i) => counted((i * 7_919) % 16_384, i));
    for (const one of timers) heap.add(one);
    for (const one of timers.slice(0, 8_192)) heap.remove(one);
    for (let first = heap.first(); first !== undefined; first = heap.first()) heap.remove(first);
    expect(heap.size).toBe(0);
    // 16,384 in, 16,384 out, each over at most 14 levels of 4 reads and a few more.
    expect(reads).toBeGreaterThan(0);
    expect(reads).toBeLessThan(2 * 16_384 * 14 * 6);
  });
});
