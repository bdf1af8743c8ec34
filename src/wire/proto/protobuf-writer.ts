import { encodeUtf8 } from '../../kernel/bytes.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import { createWidener, isLittleEndian, putArray, type WireArray } from './little-endian.ts';
import { WIRE_TYPE } from './wire-type.ts';

/** The largest int32, and the most bytes a protobuf message may have. */
export const MAX_INT32 = 0x7fff_ffff;

/**
 * Takes the fields of a message, which are below 2^22, in the order of the calls. It leaves nothing out: defaults are the
 * caller's to skip. Arrays are read only when all is taken.
 */
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
  /** Begin a nested message, of the fields that are written until it is closed. No function: a batch would make thousands. */
  open(field: number): void;
  /** End the nested message that was begun last. */
  close(): void;
}

/** How an entry of a {@link Tape} is written after its tag. */
const KIND = {
  /** The number, as a varint. */
  varint: 0,
  /** The number, as a double. */
  double: 1,
  /** The number is a length, and what it is the length of follows as entries of its own. */
  opening: 2,
  /** The number is a length; the next array has the bytes. */
  array: 3,
  /** The same, of int32 numbers as int64. */
  widened: 4,
  /** An element of a packed field: the number as a varint, without a tag. */
  element: 5,
} as const;

/** A message taken down, to be written when its size is known. */
interface Tape {
  /** Bytes of what is on it; while a nested message is taken down, of that alone. */
  total: number;
  /** Two numbers an entry: 8 * its tag + its {@link KIND}, and its number. A typed array, as a batch makes thousands. */
  entries: Float64Array;
  /** Numbers in `entries`. */
  length: number;
  /** In the order of the entries that have one. */
  readonly arrays: WireArray[];
}

/**
 * Encode a message into one buffer of exactly its size.
 *
 * @param field - what a message that is too large is blamed on.
 * @throws TinkerInputError - for more bytes than protobuf can carry.
 */
export function encodeMessage(
  field: string,
  write: (writer: ProtobufWriter) => void,
): Uint8Array<ArrayBuffer> {
  const tape: Tape = { total: 0, entries: new Float64Array(256), length: 0, arrays: [] };
  write(createRecorder(tape));
  if (tape.total > MAX_INT32) {
    throw new TinkerInputError(field, `must take at most ${MAX_INT32} bytes in protobuf, got ${tape.total}`);
  }
  return play(tape);
}

/** @returns where the entry's number is. */
function addEntry(tape: Tape, code: number, number: number): number {
  const at = tape.length;
  if (at === tape.entries.length) {
    const larger = new Float64Array(2 * at);
    larger.set(tape.entries);
    tape.entries = larger;
  }
  tape.entries[at] = code;
  tape.entries[at + 1] = number;
  tape.length = at + 2;
  return at + 1;
}

function createRecorder(tape: Tape): ProtobufWriter {
  const utf8 = createUtf8();
  /** Of each open message, where its length goes, and the bytes of what is before it. */
  const around: number[] = [];
  const add = (field: number, wireType: number, kind: number, number: number): number => {
    tape.total += varintSize(tagOf(field, wireType));
    return addEntry(tape, 8 * tagOf(field, wireType) + kind, number);
  };
  const addDelimited = (field: number, kind: number, length: number): void => {
    add(field, WIRE_TYPE.lengthDelimited, kind, length);
    tape.total += varintSize(length) + length;
  };
  const addArray = (field: number, values: WireArray): void => {
    addDelimited(field, KIND.array, values.byteLength);
    tape.arrays.push(values);
  };
  return {
    varint(field, value) {
      add(field, WIRE_TYPE.varint, KIND.varint, value);
      tape.total += varintSize(value);
    },
    double(field, value) {
      add(field, WIRE_TYPE.fixed64, KIND.double, value);
      tape.total += 8;
    },
    string: (field, text) => addArray(field, utf8(text)),
    packed(field, values) {
      let length = 0;
      for (const value of values) length += varintSize(value);
      addDelimited(field, KIND.opening, length);
      for (const value of values) addEntry(tape, KIND.element, value);
    },
    array: addArray,
    widened(field, values) {
      addDelimited(field, KIND.widened, 8 * values.length);
      tape.arrays.push(values);
    },
    open(field) {
      const slot = add(field, WIRE_TYPE.lengthDelimited, KIND.opening, 0);
      around.push(slot, tape.total);
      tape.total = 0;
    },
    close() {
      const before = around.pop() ?? 0;
      const length = tape.total;
      tape.entries[around.pop() ?? 0] = length;
      tape.total = before + varintSize(length) + length;
    },
  };
}

function play({ total, entries, length, arrays }: Tape): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  const isNative = isLittleEndian();
  const widen = createWidener(isNative);
  let at = 0;
  let array = 0;
  for (let entry = 0; entry < length; entry += 2) {
    const code = entries[entry]!;
    const number = entries[entry + 1]!;
    const kind = code & 7;
    if (kind !== KIND.element) at = putVarint(bytes, at, code >>> 3);
    if (kind === KIND.double) {
      view.setFloat64(at, number, true);
      at += 8;
      continue;
    }
    at = putVarint(bytes, at, number);
    if (kind === KIND.array) putArray(bytes, at, arrays[array++]!, isNative);
    else if (kind === KIND.widened) widen(bytes, at, arrays[array++] as Int32Array);
    else continue;
    at += number;
  }
  return bytes;
}

/** Write an integer in [0, 2^53). @returns where it ends. */
function putVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  // Shifts cut a number to 32 bits, so they wait until it fits.
  for (; rest > MAX_INT32; rest = Math.floor(rest / 0x80)) bytes[at++] = (rest % 0x80) | 0x80;
  for (; rest >= 0x80; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
  bytes[at++] = rest;
  return at;
}

function createUtf8(): (text: string) => Uint8Array {
  const known = new Map<string, Uint8Array>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const bytes = encodeUtf8(text);
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
