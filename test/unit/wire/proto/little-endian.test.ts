import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  arrayOf,
  createWidener,
  isLittleEndian,
  putArray,
  widenBfloat16,
  widenInt32,
} from '../../../../src/wire/proto/little-endian.ts';

const IS_NATIVE = isLittleEndian();

/** Numbers in the order of bytes this machine does not have, element by element. */
function foreign(values: Int32Array | BigInt64Array | Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.byteLength));
  values.forEach((value: number | bigint, i: number) => {
    if (values instanceof BigInt64Array) view.setBigInt64(8 * i, value as bigint, !IS_NATIVE);
    else if (values instanceof Float32Array) view.setFloat32(4 * i, value as number, !IS_NATIVE);
    else view.setInt32(4 * i, value as number, !IS_NATIVE);
  });
  return new Uint8Array(view.buffer);
}

/** Arrays that start anywhere in their buffer. */
const arrays = fc
  .tuple(fc.oneof(fc.int32Array(), fc.bigInt64Array(), fc.float32Array({ noNaN: true })), fc.nat(3))
  .map(([array, skip]) => array.subarray(Math.min(skip, array.length)));

describe('isLittleEndian', () => {
  it('says how this machine keeps numbers', () => {
    const bytes = new Uint8Array(Int32Array.of(1).buffer);
    expect(new DataView(bytes.buffer).getInt32(0, isLittleEndian())).toBe(1);
  });
});

describe('putArray', () => {
  it('writes each byte of an array, and none beside it', () => {
    fc.assert(
      fc.property(arrays, fc.nat(9), (values, offset) => {
        const target = new Uint8Array(values.byteLength + 20).fill(0xee);
        putArray(target, offset, values, IS_NATIVE);
        const expected = new Uint8Array(target.length).fill(0xee);
        expected.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
        expect(target).toEqual(expected);
      }),
    );
  });

  it('turns each element around on a machine that keeps numbers the other way', () => {
    fc.assert(
      fc.property(arrays, fc.nat(9), (values, offset) => {
        const before = values.slice();
        const target = new Uint8Array(values.byteLength + 20).fill(0xee);
        putArray(target, offset, values, !IS_NATIVE);
        expect(target.subarray(offset, offset + values.byteLength)).toEqual(foreign(values));
        expect(target.subarray(0, offset).every((byte) => byte === 0xee)).toBe(true);
        expect(target.subarray(offset + values.byteLength).every((byte) => byte === 0xee)).toBe(true);
        expect(values).toEqual(before);
      }),
    );
  });

  it('never turns bytes around', () => {
    const target = new Uint8Array(3);
    putArray(target, 0, Uint8Array.of(1, 2, 3), false);
    expect(target).toEqual(Uint8Array.of(1, 2, 3));
  });
});

describe('createWidener', () => {
  /** Also longer than what is widened at a time. */
  const int32s = fc.oneof(
    fc.int32Array(),
    fc
      .integer({ min: 1000, max: 2100 })
      .map((length) => Int32Array.from({ length }, (_, i) => i * -3_456_789)),
  );

  it('writes each int32 as an int64, at any offset, and nothing beside it', () => {
    const widen = createWidener(IS_NATIVE);
    fc.assert(
      fc.property(int32s, fc.nat(9), (values, offset) => {
        const target = new Uint8Array(8 * values.length + 20).fill(0xee);
        widen(target, offset, values);
        const view = new DataView(target.buffer);
        expect(Array.from(values, (_, i) => view.getBigInt64(offset + 8 * i, true))).toEqual(
          Array.from(values, BigInt),
        );
        const isAround = (i: number): boolean => i < offset || i >= offset + 8 * values.length;
        expect(target.every((byte, i) => !isAround(i) || byte === 0xee)).toBe(true);
      }),
    );
  });

  it('turns each word around on a machine that keeps numbers the other way', () => {
    fc.assert(
      fc.property(int32s, fc.nat(9), (values, offset) => {
        const target = new Uint8Array(8 * values.length + offset);
        createWidener(!IS_NATIVE)(target, offset, values);
        const words = Int32Array.from(
          { length: 2 * values.length },
          (_, i) => values[i >> 1]! >> (31 * (i & 1)),
        );
        expect(target.subarray(offset)).toEqual(foreign(words));
      }),
    );
  });
});

describe('arrayOf', () => {
  it('views aligned bytes, and copies others', () => {
    const buffer = new ArrayBuffer(40);
    for (let offset = 0; offset < 16; offset++) {
      const bytes = new Uint8Array(buffer, offset, 16);
      bytes.set(new Uint8Array(Int32Array.of(1, -2, 3, -4).buffer));
      const ints = arrayOf(Int32Array, bytes);
      expect(ints).toEqual(Int32Array.of(1, -2, 3, -4));
      expect(ints.buffer === buffer).toBe(offset % 4 === 0);
      const longs = arrayOf(BigInt64Array, bytes);
      expect(longs).toHaveLength(2);
      expect(longs.buffer === buffer).toBe(offset % 8 === 0);
      // A copy is one of these bytes only.
      if (offset % 8 !== 0) expect(longs.buffer.byteLength).toBe(16);
    }
  });

  it('takes no bytes anywhere', () => {
    expect(arrayOf(Float32Array, new Uint8Array(8).subarray(3, 3))).toEqual(new Float32Array(0));
  });

  it('turns each element around on a machine that keeps numbers the other way, and leaves the bytes', () => {
    fc.assert(
      fc.property(arrays, fc.nat(9), (values, offset) => {
        const type = values.constructor as Float32ArrayConstructor;
        const bytes = new Uint8Array(values.byteLength + offset).subarray(offset);
        bytes.set(foreign(values));
        expect(arrayOf(type, bytes, !IS_NATIVE)).toEqual(values);
        expect(bytes).toEqual(foreign(values));
      }),
    );
  });

  it('copies out of a Node Buffer', () => {
    const bytes = Buffer.from([0, 1, 0, 0, 0]).subarray(1);
    const ints = arrayOf(
      Int32Array,
      bytes.byteOffset % 4 === 0 ? Buffer.from([0, ...bytes]).subarray(1) : bytes,
    );
    expect(ints).toEqual(Int32Array.of(1));
  });
});

describe('widening', () => {
  it('makes int64 of int32', () => {
    fc.assert(
      fc.property(fc.int32Array(), fc.nat(9), (values, offset) => {
        const bytes = new Uint8Array(values.byteLength + offset).subarray(offset);
        const view = new DataView(bytes.buffer, offset);
        for (const [i, value] of values.entries()) view.setInt32(4 * i, value, true);
        expect(widenInt32(bytes)).toEqual(BigInt64Array.from(values, BigInt));
      }),
    );
  });

  it('makes float32 of bfloat16: its bits are the upper half', () => {
    const bits = Uint8Array.of(0x80, 0x3f, 0x00, 0xbf, 0xc0, 0x7f, 0x80, 0xff, 0x00, 0x80, 0x01, 0x00);
    const expected = [1, -0.5, Number.NaN, Number.NEGATIVE_INFINITY, -0, 2 ** -133];
    expect(widenBfloat16(bits)).toEqual(Float32Array.from(expected));
    expect(widenBfloat16(new Uint8Array(0))).toEqual(new Float32Array(0));
  });
});
