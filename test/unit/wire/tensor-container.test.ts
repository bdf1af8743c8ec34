import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tensorContainerDimension, tensorContainerShape } from '../../../src/wire/tensor-container.ts';
import { thrown } from '../../support/settled.ts';

/** LEB128 by the book. */
function varint(value: bigint): number[] {
  const low = Number(value & 127n);
  return value < 128n ? [low] : [low | 128, ...varint(value >> 7n)];
}

const header = (dtype: number, shape: readonly number[], isConstant = false): Uint8Array =>
  Uint8Array.from([
    ...(isConstant ? [254] : []),
    dtype,
    ...varint(BigInt(shape.length)),
    ...shape.flatMap((axis) => varint(BigInt(axis))),
  ]);

describe('tensorContainerShape', () => {
  it.each([1, 127, 128, 16_383, 16_384, 1_000_000])('reads an axis of %d (protocol 10.8)', (axis) => {
    expect(tensorContainerShape('x', header(4, [axis]))).toEqual([axis]);
    expect(tensorContainerShape('x', header(4, [axis], true))).toEqual([axis]);
    expect(tensorContainerShape('x', header(4, [2, axis, 3]))).toEqual([2, axis, 3]);
  });

  it('reads any shape, whatever comes behind the header', () => {
    const shape = fc.array(fc.maxSafeNat(), { maxLength: 5 });
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 7 }),
        shape,
        fc.boolean(),
        fc.uint8Array(),
        (dtype, axes, flag, rest) => {
          expect(tensorContainerShape('x', Uint8Array.of(...header(dtype, axes, flag), ...rest))).toEqual(
            axes,
          );
        },
      ),
    );
  });

  it('reads the golden dmel (protocol 4.7)', () => {
    expect(tensorContainerShape('x', Uint8Array.of(4, 2, 1, 0x50))).toEqual([1, 80]);
  });

  it.each<readonly [string, readonly number[], string]>([
    ['nothing', [], '"x" is empty: it must be a serialised tensor'],
    ['a marker alone', [254], '"x" is not a serialised tensor: Truncated after 1 bytes'],
    ['a data type alone', [4], '"x" is not a serialised tensor: Truncated after 1 bytes'],
    ['too few axes', [4, 2, 1], '"x" is not a serialised tensor: Truncated after 3 bytes'],
    ['half an axis', [4, 1, 128], '"x" is not a serialised tensor: Truncated after 3 bytes'],
    [
      'a data type that is none',
      [8, 1, 1],
      '"x" is not a serialised tensor: Unknown TensorContainer dtype byte, must be <= 7, got 8',
    ],
    [
      'two markers',
      [254, 254, 1],
      '"x" is not a serialised tensor: Unknown TensorContainer dtype byte, must be <= 7, got 254',
    ],
    [
      'a varint of 11 bytes',
      [4, 1, ...new Array(10).fill(128), 0],
      '"x" is not a serialised tensor: a varint is too long',
    ],
    [
      'a length no double holds',
      [4, 1, ...new Array(7).fill(128), 16],
      '"x" is not a serialised tensor: a dimension must be <= 9007199254740991, got 9007199254740992',
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(thrown(() => tensorContainerShape('x', Uint8Array.from(bytes)))).toMatchObject({
      code: 'input_invalid',
      message,
    });
  });

  it('reads a varint of 10 bytes', () => {
    expect(tensorContainerShape('x', Uint8Array.of(4, 1, 133, ...new Array(8).fill(128), 0))).toEqual([5]);
  });
});

describe('tensorContainerDimension', () => {
  it('knows the axes there are', () => {
    const bytes = header(4, [7, 8]);
    expect([0, 1].map((axis) => tensorContainerDimension('x', bytes, axis))).toEqual([7, 8]);
    for (const axis of [2, 3]) {
      expect(thrown(() => tensorContainerDimension('x', bytes, axis))).toMatchObject({
        message: `"x" has no dimension ${axis}: it is a serialised tensor of 2`,
      });
    }
  });
});
