/** Arrays that are sent as their elements' bytes, least significant byte first (protocol 4.3). */
export type WireArray = Uint8Array | Int32Array | BigInt64Array | Float32Array;

/** Constructor of an array over bytes that are already there. */
export interface WireArrayType<T> {
  /** Bytes of one element. */
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): T;
}

const IS_LITTLE_ENDIAN = /* @__PURE__ */ findLittleEndian();

/** Whether this machine keeps numbers as the wire does. Found out once: it takes as long as reading a message. */
export function isLittleEndian(): boolean {
  return IS_LITTLE_ENDIAN;
}

function findLittleEndian(): boolean {
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

/** Numbers that are widened at a time, so that their words stay in the nearest cache. */
const WIDENED_AT_A_TIME = 1024;

/** Writes int32 numbers as int64 at an offset of any alignment. */
export type Widener = (target: Uint8Array, offset: number, values: Int32Array) => void;

/** A {@link Widener}. Unaligned words are slow one by one: it makes them elsewhere and copies. `isNative`: see above. */
export function createWidener(isNative: boolean): Widener {
  const words = new Int32Array(2 * WIDENED_AT_A_TIME);
  // The tensors of a batch tend to have one length, and views are work for the garbage collector.
  let widened = new Uint8Array(words.buffer);
  return (target, offset, values) => {
    for (let from = 0; from < values.length; from += WIDENED_AT_A_TIME) {
      const count = Math.min(WIDENED_AT_A_TIME, values.length - from);
      widen(values, from, count, words);
      if (!isNative) reverseElements(new Uint8Array(words.buffer), 4);
      if (widened.length !== 8 * count) widened = new Uint8Array(words.buffer, 0, 8 * count);
      target.set(widened, offset + 8 * from);
    }
  };
}

/** The words of `count` numbers as int64. Not by BigInts: they cost several times as much on some engines. */
function widen(values: Int32Array, from: number, count: number, words: Int32Array): void {
  const end = (from + count) | 0;
  const lastFour = (end - 4) | 0;
  let i = from | 0;
  let at = 0;
  // By fours, which takes half the time.
  for (; i <= lastFour; i = (i + 4) | 0, at = (at + 8) | 0) {
    const a = values[i]!;
    const b = values[(i + 1) | 0]!;
    const c = values[(i + 2) | 0]!;
    const d = values[(i + 3) | 0]!;
    words[at] = a;
    words[(at + 1) | 0] = a >> 31;
    words[(at + 2) | 0] = b;
    words[(at + 3) | 0] = b >> 31;
    words[(at + 4) | 0] = c;
    words[(at + 5) | 0] = c >> 31;
    words[(at + 6) | 0] = d;
    words[(at + 7) | 0] = d >> 31;
  }
  for (; i < end; i = (i + 1) | 0, at = (at + 2) | 0) {
    const value = values[i]!;
    words[at] = value;
    words[(at + 1) | 0] = value >> 31;
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
  // What is read came as a response's body, which is never in shared memory.
  return new type(source.buffer as ArrayBuffer, source.byteOffset, bytes.length / width);
}

/** Bytes of int32 numbers as int64. */
export function widenInt32(bytes: Uint8Array): BigInt64Array<ArrayBuffer> {
  const wide = new Uint8Array(2 * bytes.length);
  createWidener(isLittleEndian())(wide, 0, arrayOf(Int32Array, bytes));
  return arrayOf(BigInt64Array, wide);
}

/** Bytes of bfloat16 numbers as float32: the same bits, with 16 zeros below. */
export function widenBfloat16(bytes: Uint8Array): Float32Array<ArrayBuffer> {
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
