import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitIntoChunks } from '../../../src/client/passes/chunking.ts';

/** The hosted server's defaults (protocol 5.2). */
const LIMITS = { maxItems: 1_024, maxBytes: 5_000_000 };

const sizes = (count: number, size: number): number[] => new Array<number>(count).fill(size);
const split = (items: readonly number[], limits = LIMITS): number[][] =>
  splitIntoChunks(items, (size) => size, limits);
const sum = (items: readonly number[]): number => items.reduce((total, size) => total + size, 0);

describe('splitIntoChunks', () => {
  it.each<readonly [string, readonly number[], readonly number[]]>([
    ['1,024 items', sizes(1_024, 1), [1_024]],
    ['1,025 items', sizes(1_025, 1), [1_024, 1]],
    ['51 of 100,000 bytes', sizes(51, 100_000), [50, 1]],
    ['9 of 600,000 bytes', sizes(9, 600_000), [8, 1]],
    ['a first one of 6,000,000 bytes', [6_000_000, ...sizes(5, 100)], [1, 5]],
    ['one of 6,000,000 bytes in the middle', [100, 6_000_000, 100], [1, 1, 1]],
    ['one of 6,000,000 bytes at the end', [100, 100, 6_000_000], [2, 1]],
    ['two of 6,000,000 bytes', [6_000_000, 6_000_000], [1, 1]],
    ['nothing', [], []],
    ['exactly 5,000,000 bytes', [2_500_000, 2_500_000], [2]],
    ['a byte too much', [2_500_000, 2_500_001], [1, 1]],
    ['2,049 items that weigh nothing', sizes(2_049, 0), [1_024, 1_024, 1]],
  ])('case 29: cuts %s', (_, items, lengths) => {
    const chunks = split(items);
    expect(chunks.map((chunk) => chunk.length)).toEqual(lengths);
    expect(chunks.flat()).toEqual(items);
  });

  it('case 30: makes two requests of 1,025 datums, in order', () => {
    const data = Array.from({ length: 1_025 }, (_, index) => ({ index }));
    const [first, second, ...more] = splitIntoChunks(data, () => 4, LIMITS);
    expect(first).toEqual(data.slice(0, 1_024));
    expect(second).toEqual(data.slice(1_024));
    expect(more).toEqual([]);
  });

  it.each([
    { maxItems: 0, maxBytes: 0 },
    { maxItems: -1, maxBytes: -1 },
    { maxItems: 1.5, maxBytes: 1e9 },
    { maxItems: 9, maxBytes: 0 },
  ])('makes a chunk of each item, and no empty one, for limits as small as %j', (limits) => {
    expect(split([3, 1, 2], limits)).toEqual([[3], [1], [2]]);
  });

  it.each<readonly [string, readonly number[], number | undefined, readonly number[]]>([
    ['exactly as many as it may', [60, 40, 60, 40], 100, [2, 2]],
    ['one too many', [60, 41, 60, 40], 100, [1, 1, 2]],
    ['a larger item', [10, 500, 10, 20], 100, [1, 1, 2]],
    ['no limit', sizes(1_024, 1e9), undefined, [1_024]],
  ])('keeps to a limit of tokens, beside the others: %s', (_, tokens, maxTokens, lengths) => {
    const limits = { ...LIMITS, maxTokens };
    const chunks = splitIntoChunks(
      tokens.map((count) => ({ count })),
      () => 1,
      limits,
      ({ count }) => count,
    );
    expect(chunks.map((chunk) => chunk.length)).toEqual(lengths);
    expect(chunks.flat().map(({ count }) => count)).toEqual(tokens);
  });

  it('asks for each size once, in order, and leaves the batch alone', () => {
    const items = Object.freeze([3, 1, 2, 5, 4]);
    const asked: number[] = [];
    const chunks = splitIntoChunks(items, (size) => asked.push(size) && size, { maxItems: 2, maxBytes: 4 });
    expect(chunks).toEqual([[3, 1], [2], [5], [4]]);
    expect(asked).toEqual(items);
  });

  it('keeps the order, stays within the limits, and fills each chunk as far as they allow', () => {
    const item = fc.record({
      bytes: fc.oneof(fc.nat(10), fc.nat(100)),
      tokens: fc.oneof(fc.nat(5), fc.nat(50)),
    });
    const bounds = fc.record({
      maxItems: fc.integer({ min: 1, max: 12 }),
      maxBytes: fc.integer({ min: 1, max: 60 }),
      maxTokens: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(item, { maxLength: 80 }), bounds, (items, limits) => {
        const chunks = splitIntoChunks(
          items,
          ({ bytes }) => bytes,
          limits,
          ({ tokens }) => tokens,
        );
        expect(chunks.flat()).toEqual(items);
        const fits = (some: typeof items): boolean =>
          some.length <= limits.maxItems &&
          sum(some.map(({ bytes }) => bytes)) <= limits.maxBytes &&
          sum(some.map(({ tokens }) => tokens)) <= limits.maxTokens;
        for (const [index, chunk] of chunks.entries()) {
          expect(chunk.length).toBeGreaterThan(0);
          if (chunk.length > 1) expect(fits(chunk)).toBe(true);
          const next = chunks[index + 1]?.[0];
          if (next !== undefined) expect(fits([...chunk, next])).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('makes no more chunks than any other cut of the batch would', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(20), { maxLength: 9 }),
        fc.record({ maxItems: fc.integer({ min: 1, max: 5 }), maxBytes: fc.integer({ min: 20, max: 50 }) }),
        (items, limits) => {
          expect(split(items, limits)).toHaveLength(fewestChunks(items, limits));
        },
      ),
    );
  });
});

/** The least number of chunks, found by trying every length of the first. */
function fewestChunks(items: readonly number[], limits: typeof LIMITS): number {
  if (items.length === 0) return 0;
  const lengths = Array.from(items, (_, index) => index + 1).filter(
    (length) => length <= limits.maxItems && sum(items.slice(0, length)) <= limits.maxBytes,
  );
  return 1 + Math.min(...lengths.map((length) => fewestChunks(items.slice(length), limits)));
}
