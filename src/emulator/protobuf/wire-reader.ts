import { concatBytes } from '../../kernel/concat.ts';
import { type HttpProblem, problem } from '../http/http.ts';

/**
 * A protobuf message whose fields are read one by one, by number. As in any reader of proto3, an absent field reads as
 * its default, the last of several values counts, and what is of another wire type than asked for is not there.
 */
export interface WireMessage {
  /** UTF-8 text; '' when absent. */
  text(field: number): string;
  bytes(field: number): Uint8Array | undefined;
  /** An int32, an enum or a bool; 0 when absent. */
  int32(field: number): number;
  /** As {@link int32}, but undefined when absent. */
  optionalInt32(field: number): number | undefined;
  double(field: number): number;
  /** A repeated int64, packed or not; beyond 2^53 it is rounded. */
  integers(field: number): number[];
  /** A message; several of one field are merged, as the format says. */
  message(field: number): WireMessage | undefined;
  messages(field: number): WireMessage[];
  /** Which of the fields of a `oneof` came last; undefined where none is there. */
  lastOf(fields: readonly number[]): number | undefined;
}

interface WireValue {
  readonly type: number;
  readonly number: number;
  readonly bytes: Uint8Array;
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;
const NO_BYTES = /* @__PURE__ */ new Uint8Array(0);

/** What is wrong with a body that is no message. */
function malformed(what: string): HttpProblem {
  return problem(422, `The body is not a valid protobuf message: ${what}`);
}

/** @throws HttpProblem 422 - where the bytes are no message, now or when the field that is malformed is read. */
export function readMessage(bytes: Uint8Array): WireMessage {
  const { fields, places } = parse(bytes);
  const all = (field: number, type: number): WireValue[] =>
    (fields.get(field) ?? []).filter((value) => value.type === type);
  const optionalInt32 = (field: number): number | undefined => {
    const value = all(field, VARINT).at(-1);
    return value === undefined ? undefined : value.number | 0;
  };
  return {
    text: (field) => textOf(all(field, LENGTH).at(-1)?.bytes ?? NO_BYTES),
    bytes: (field) => all(field, LENGTH).at(-1)?.bytes,
    int32: (field) => optionalInt32(field) ?? 0,
    optionalInt32,
    double: (field) => all(field, FIXED64).at(-1)?.number ?? 0,
    integers: (field) =>
      (fields.get(field) ?? []).flatMap((value) => {
        if (value.type === LENGTH) return varintsIn(value.bytes);
        return value.type === VARINT ? [value.number] : [];
      }),
    message: (field) => {
      const parts = all(field, LENGTH).map((value) => value.bytes);
      return parts.length === 0 ? undefined : readMessage(concatBytes(parts));
    },
    messages: (field) => all(field, LENGTH).map((value) => readMessage(value.bytes)),
    lastOf: (candidates) =>
      candidates
        .filter((field) => places.has(field))
        .sort((a, b) => (places.get(b) ?? 0) - (places.get(a) ?? 0))[0],
  };
}

/** The values of each field, and which of all values its last one was. */
function parse(bytes: Uint8Array): { fields: Map<number, WireValue[]>; places: Map<number, number> } {
  const fields = new Map<number, WireValue[]>();
  const places = new Map<number, number>();
  let count = 0;
  const cursor = createCursor(bytes);
  while (!cursor.isAtEnd()) {
    const tag = cursor.varint();
    const field = Math.floor(tag / 8);
    if (field < 1 || field >= 2 ** 29) throw malformed(`${field} is not a field number`);
    const value = cursor.value(tag % 8);
    const known = fields.get(field);
    if (known === undefined) fields.set(field, [value]);
    else known.push(value);
    places.set(field, count++);
  }
  return { fields, places };
}

interface Cursor {
  isAtEnd(): boolean;
  /** A varint as a signed 64-bit number; beyond 2^53 it is rounded. */
  varint(): number;
  value(type: number): WireValue;
}

function createCursor(bytes: Uint8Array): Cursor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const skip = (length: number): number => {
    if (length < 0 || at + length > bytes.length) throw malformed('it is cut short');
    at += length;
    return at - length;
  };
  const varint = (): number => {
    let low = 0; // the first 49 bits
    let high = 0; // the others
    for (let index = 0; index < 10; index++) {
      const byte = view.getUint8(skip(1));
      if (index < 7) low += (byte & 0x7f) * 2 ** (7 * index);
      else high += (byte & 0x7f) * 2 ** (7 * (index - 7));
      if (byte >= 0x80) continue;
      return high === 0 ? low : Number(BigInt.asIntN(64, BigInt(low) + (BigInt(high) << 49n)));
    }
    throw malformed('a number has more than ten bytes');
  };
  const value = (type: number): WireValue => {
    if (type === VARINT) return { type, number: varint(), bytes: NO_BYTES };
    if (type === FIXED64) return { type, number: view.getFloat64(skip(8), true), bytes: NO_BYTES };
    if (type === FIXED32) return { type, number: view.getFloat32(skip(4), true), bytes: NO_BYTES };
    if (type !== LENGTH) throw malformed(`wire type ${type} is not used`);
    const length = varint();
    const start = skip(length);
    return { type, number: 0, bytes: bytes.subarray(start, start + length) };
  };
  return { isAtEnd: () => at >= bytes.length, varint, value };
}

function varintsIn(bytes: Uint8Array): number[] {
  const cursor = createCursor(bytes);
  const numbers: number[] = [];
  while (!cursor.isAtEnd()) numbers.push(cursor.varint());
  return numbers;
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed('a text is not UTF-8');
  }
}
