/** Arrays that are sent as their elements' bytes, least significant byte first (protocol 4.3). */
export type WireArray = Uint8Array | Int32Array | BigInt64Array | Float32Array;

/** Constructor of an array over bytes that are already there. */
export interface WireArrayType<T> {
  /** Bytes of one element. */
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

/** Whether this machine keeps numbers as the wire does. */
export function isLittleEndian(): boolean {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
}

/** Write an array's elements at an offset of any alignment. `isNative`: the machine is little-endian. */
export function putArray(target: Uint8Array, offset: number, values: WireArray, isNative: boolean): void {
  const { buffer, byteOffset, byteLength } = values;
  target.set(values instanceof Uint8Array ? values : new Uint8Array(buffer, byteOffset, byteLength), offset);
  if (!isNative) {
    reverseElements(target.subarray(offset, offset + byteLength), values.BYTES_PER_ELEMENT);
  }
}

/** Write int32 numbers as int64. Word by word: BigInts cost several times as much on some engines. */
export function putWidened(target: DataView, offset: number, values: Int32Array): void {
  let at = offset;
  for (let i = 0; i < values.length; i++, at += 8) {
    const value = values[i]!;
    target.setInt32(at, value, true);
    target.setInt32(at + 4, value >> 31, true);
  }
}

/**
 * The numbers in bytes whose length is a multiple of their size: a view where the bytes are aligned and the machine is
 * little-endian (`isNative`), else a copy.
 */
export function arrayOf<T>(type: WireArrayType<T>, bytes: Uint8Array, isNative = isLittleEndian()): T {
  const width = type.BYTES_PER_ELEMENT;
  const isAligned = bytes.byteOffset % width === 0;
  // Not `slice`: that of a Node Buffer does not copy.
  const source = isNative && isAligned ? bytes : new Uint8Array(bytes);
  if (!isNative) reverseElements(source, width);
  return new type(source.buffer, source.byteOffset, bytes.length / width);
}

/** Bytes of int32 numbers as int64. */
export function widenInt32(bytes: Uint8Array): BigInt64Array {
  const wide = new Uint8Array(2 * bytes.length);
  putWidened(new DataView(wide.buffer), 0, arrayOf(Int32Array, bytes));
  return arrayOf(BigInt64Array, wide);
}

/** Bytes of bfloat16 numbers as float32: the same bits, with 16 zeros below. */
export function widenBfloat16(bytes: Uint8Array): Float32Array {
  const wide = new Uint8Array(2 * bytes.length);
  for (let i = 0; i < bytes.length; i += 2) {
    wide[2 * i + 2] = bytes[i]!;
    wide[2 * i + 3] = bytes[i + 1]!;
  }
  return arrayOf(Float32Array, wide);
}

function reverseElements(bytes: Uint8Array, width: number): void {
  for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
}
