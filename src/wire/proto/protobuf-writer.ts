import { encodeUtf8 } from '../../kernel/bytes.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import { isLittleEndian, putArray, putWidened, type WireArray } from './little-endian.ts';
import { WIRE_TYPE } from './wire-type.ts';

/** The largest int32, and the most bytes a protobuf message may have. */
const MAX_INT32 = 2 ** 31 - 1;

/** Writes the fields of a message, in the order of the calls. It leaves nothing out: defaults are the caller's to skip. */
export interface ProtobufWriter {
  /** An int32, int64, bool or enum that is an integer in [0, 2^53). */
  varint(field: number, value: number): void;
  /** A double. */
  double(field: number, value: number): void;
  /** Text. */
  string(field: number, text: string): void;
  /** Repeated integers in [0, 2^53), packed. */
  packed(field: number, values: readonly number[]): void;
  /** Bytes: the elements of an array. */
  array(field: number, values: WireArray): void;
  /** Bytes: int32 numbers as int64. */
  widened(field: number, values: Int32Array): void;
  /** A nested message, of the fields that are written until `write` returns. */
  message(field: number, write: () => void): void;
}

/** What the pass that measures leaves to the pass that writes. */
interface Measures {
  /** Bytes of the whole message. */
  total: number;
  /** Bytes of each nested message, in the order in which they begin. */
  readonly nested: number[];
  /** A text's bytes. Names come back with every datum, so it keeps them. */
  readonly utf8: (text: string) => Uint8Array;
}

/**
 * Encode a message into one buffer of exactly its size. `write` runs twice, to measure and to write, and must do the
 * same both times.
 *
 * @param field - what a message that is too large is blamed on.
 * @throws TinkerInputError - for more bytes than protobuf can carry.
 */
export function encodeMessage(
  field: string,
  write: (writer: ProtobufWriter) => void,
): Uint8Array<ArrayBuffer> {
  const measures: Measures = { total: 0, nested: [], utf8: createUtf8() };
  write(createMeasurer(measures));
  if (measures.total > MAX_INT32) {
    throw new TinkerInputError(
      field,
      `must take at most ${MAX_INT32} bytes in protobuf, got ${measures.total}`,
    );
  }
  const bytes = new Uint8Array(measures.total);
  write(createFiller(bytes, measures));
  return bytes;
}

function createMeasurer(measures: Measures): ProtobufWriter {
  const { nested, utf8 } = measures;
  const add = (field: number, payload: number): void => {
    measures.total += varintSize(tagOf(field, 0)) + payload;
  };
  const addDelimited = (field: number, length: number): void => add(field, varintSize(length) + length);
  return {
    varint: (field, value) => add(field, varintSize(value)),
    double: (field) => add(field, 8),
    string: (field, text) => addDelimited(field, utf8(text).length),
    packed: (field, values) => addDelimited(field, packedSize(values)),
    array: (field, values) => addDelimited(field, values.byteLength),
    widened: (field, values) => addDelimited(field, 8 * values.length),
    message(field, write) {
      const slot = nested.push(0) - 1;
      const before = measures.total;
      measures.total = 0;
      write();
      const length = measures.total;
      nested[slot] = length;
      measures.total = before;
      addDelimited(field, length);
    },
  };
}

function createFiller(bytes: Uint8Array<ArrayBuffer>, { nested, utf8 }: Measures): ProtobufWriter {
  const view = new DataView(bytes.buffer);
  const isNative = isLittleEndian();
  let at = 0;
  let begun = 0;
  const putVarint = (value: number): void => {
    let rest = value;
    // Shifts cut a number to 32 bits, so they wait until it fits.
    for (; rest > MAX_INT32; rest = Math.floor(rest / 0x80)) bytes[at++] = (rest % 0x80) | 0x80;
    for (; rest >= 0x80; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
    bytes[at++] = rest;
  };
  const begin = (field: number, length: number): void => {
    putVarint(tagOf(field, WIRE_TYPE.lengthDelimited));
    putVarint(length);
  };
  const put = (field: number, values: WireArray): void => {
    begin(field, values.byteLength);
    putArray(bytes, at, values, isNative);
    at += values.byteLength;
  };
  return {
    varint(field, value) {
      putVarint(tagOf(field, WIRE_TYPE.varint));
      putVarint(value);
    },
    double(field, value) {
      putVarint(tagOf(field, WIRE_TYPE.fixed64));
      view.setFloat64(at, value, true);
      at += 8;
    },
    string: (field, text) => put(field, utf8(text)),
    packed(field, values) {
      begin(field, packedSize(values));
      for (const value of values) putVarint(value);
    },
    array: put,
    widened(field, values) {
      begin(field, 8 * values.length);
      putWidened(view, at, values);
      at += 8 * values.length;
    },
    message(field, write) {
      begin(field, nested[begun++] ?? 0);
      write();
    },
  };
}

function createUtf8(): (text: string) => Uint8Array {
  const known = new Map<string, Uint8Array>();
  return (text) => {
    const bytes = known.get(text) ?? encodeUtf8(text);
    known.set(text, bytes);
    return bytes;
  };
}

function tagOf(field: number, wireType: number): number {
  return 8 * field + wireType;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

function packedSize(values: readonly number[]): number {
  return values.reduce((size, value) => size + varintSize(value), 0);
}
