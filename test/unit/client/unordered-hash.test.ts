import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unorderedHash } from '../../../src/client/passes/unordered-hash.ts';

describe('unorderedHash', () => {
  it.each<readonly [readonly number[], bigint]>([
    [[5], -7_813_438_383_599_366_905n],
    [[1, 2], -3_550_055_125_485_641_917n],
    [[5, 3], 7_586_885_779_985_432_798n],
    [[3, 5], 7_586_885_779_985_432_798n],
  ])('case 34: hashes %j as the protocol says', (values, hash) => {
    expect(unorderedHash(values)).toBe(hash);
  });

  // From CPython 3.11: hash(tuple(sorted(map(int, values)))).
  it.each<readonly [readonly number[], bigint]>([
    [[], 5_740_354_900_026_072_187n],
    [[-0], -8_753_497_827_991_233_192n],
    [[-1], 8_078_679_518_589_016_365n],
    [[-2], 8_078_679_518_589_016_365n],
    [[-1, -2], 960_947_337_673_586_213n],
    [[10, 9], 4_001_662_073_422_813_760n],
    [[-10, 9, 100], -52_908_777_409_742_626n],
    [[1.9, -1.9], 9_083_154_820_904_886_697n],
    [[0.5, -0.5, 7], 5_565_063_683_458_177_572n],
    [[2 ** 53, 2 ** 53 + 2], -6_511_148_189_112_202_559n],
    [[2 ** 61], -6_644_214_454_873_602_895n],
    [[-(2 ** 61)], 8_078_679_518_589_016_365n],
    [[2 ** 62, -(2 ** 62)], -208_276_591_052_177_797n],
    [[1e300, -1e300], -8_077_537_193_444_858_215n],
    [[1e19, 3, 3], 3_138_699_345_706_522_543n],
    // The one hash it keeps for errors is replaced.
    [[396_488_726_932_217, 110], 1_546_275_796n],
  ])('hashes %j as CPython does', (values, hash) => {
    expect(unorderedHash(values)).toBe(hash);
  });

  it('gives nothing where a value is not a number, or has no end', () => {
    expect(unorderedHash([1, Number.NaN])).toBeUndefined();
    expect(unorderedHash([Number.POSITIVE_INFINITY])).toBeUndefined();
    expect(unorderedHash([Number.NEGATIVE_INFINITY, 1])).toBeUndefined();
  });

  it('depends on the whole parts and on how often each is there, not on the order; 64 bits, never -1', () => {
    const value = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }));
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 8 }),
        fc.infiniteStream(fc.nat()),
        (values, keys) => {
          const hash = unorderedHash(values);
          const shuffled = values
            .map((item) => ({ item, key: keys.next().value }))
            .sort((a, b) => a.key - b.key)
            .map(({ item }) => item);
          expect(unorderedHash(shuffled)).toBe(hash);
          expect(unorderedHash(values.map(Math.trunc))).toBe(hash);
          expect(unorderedHash([...values, values[0] ?? 0])).not.toBe(hash);
          expect(hash === undefined ? undefined : BigInt.asIntN(64, hash)).toBe(hash);
          expect(hash).not.toBe(-1n);
        },
      ),
    );
  });

  it('leaves the values as they are', () => {
    const values = Object.freeze([3.5, -1.5, 2]);
    expect(unorderedHash(values)).toBe(unorderedHash([-1, 2, 3]));
  });
});
