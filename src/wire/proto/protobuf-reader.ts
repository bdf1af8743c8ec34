import { TinkerResponseError } from '../../kernel/errors.ts';
import { WIRE_TYPE } from './wire-type.ts';

/**
 * One occurrence of a field, until the next is read. Each method reads its value as the type it names.
 *
 * @throws TinkerResponseError - each method, where the wire type is that of another.
 */
export interface ProtobufField {
  /** Its number in the message. */
  readonly number: number;
  /** An int32 or enum: the low 32 bits, as protobuf says. */
  int32(): number;
  /** The same without a sign. */
  uint32(): number;
  /** An int64 that a number holds exactly. */
  int64(): number;
  /** What this occurrence holds of a repeated int64, packed or not, one at a time. */
  eachInt64(visit: (value: number) => void): void;
  /** A double. */
  double(): number;
  /** Text; malformed UTF-8 is refused. */
  string(): string;
  /** Bytes, or a nested message: a view. */
  bytes(): Uint8Array;
}

/**
 * Read a message: every occurrence of each known field, in order, so the last one wins where `visit` assigns. Unknown fields
 * are skipped. Nothing is allocated for a length before that many bytes are known to be there.
 *
 * @param message - its name, for errors.
 * @param fieldNames - names of the fields 1, 2, …, all that are known, for errors.
 * @throws TinkerResponseError - naming message and field, for what is cut or malformed, and for groups.
 */
export function readMessage(
  message: string,
  fieldNames: readonly string[],
  bytes: Uint8Array,
  visit: (field: ProtobufField) => void,
): void {
  const cursor = createCursor(bytes);
  // One object for all fields, and names put together for errors only: results have thousands of fields.
  const state: FieldState = { number: 0, wireType: 0, low: 0, high: 0, begin: 0, end: 0 };
  const where = (): string => `${message}${nameOf(fieldNames, state.number)}`;
  const inTag = (): string => `${message}: a tag`;
  const field = createField(bytes, state, where);
  while (cursor.position() < bytes.length) {
    cursor.varint(inTag);
    const tag = cursor.low();
    state.number = tag >>> 3;
    if (state.number === 0 || cursor.high() !== 0) {
      throw new TinkerResponseError(`${message}: a tag has a field number out of bounds`);
    }
    readValue(cursor, state, tag & 7, where);
    if (state.number > fieldNames.length) continue;
    field.number = state.number;
    visit(field);
  }
}

/** The occurrence that is being read. */
interface FieldState {
  number: number;
  wireType: number;
  /** Unsigned words of the number, where the wire type is a varint. */
  low: number;
  high: number;
  /** Where the bytes are, where it is anything else. */
  begin: number;
  end: number;
}

/** Reads forward through bytes. `where` names the field in errors. */
interface Cursor {
  position(): number;
  /** Read a varint, which is then in {@link Cursor.low} and {@link Cursor.high}. */
  varint(where: () => string): void;
  /** Unsigned words of the last varint. */
  low(): number;
  high(): number;
  /** Pass over the next `length` bytes. */
  skip(length: number, where: () => string): void;
}

function nameOf(fieldNames: readonly string[], number: number): string {
  const name = fieldNames[number - 1];
  return name === undefined ? `: field ${number}` : `.${name}`;
}

function readValue(cursor: Cursor, state: FieldState, wireType: number, where: () => string): void {
  state.wireType = wireType;
  if (wireType === WIRE_TYPE.varint) {
    cursor.varint(where);
    state.low = cursor.low();
    state.high = cursor.high();
    return;
  }
  let length: number;
  if (wireType === WIRE_TYPE.lengthDelimited) {
    cursor.varint(where);
    length = cursor.high() * 2 ** 32 + cursor.low();
  } else if (wireType === WIRE_TYPE.fixed64) length = 8;
  else if (wireType === WIRE_TYPE.fixed32) length = 4;
  else throw new TinkerResponseError(`${where()} has wire type ${wireType}, which is not supported`);
  state.begin = cursor.position();
  cursor.skip(length, where);
  state.end = cursor.position();
}

function createField(
  bytes: Uint8Array,
  state: FieldState,
  where: () => string,
): { -readonly [K in keyof ProtobufField]: ProtobufField[K] } {
  const expect = (expected: number): void => {
    if (state.wireType === expected) return;
    throw new TinkerResponseError(`${where()} has wire type ${state.wireType} instead of ${expected}`);
  };
  const payload = (): Uint8Array => {
    expect(WIRE_TYPE.lengthDelimited);
    return bytes.subarray(state.begin, state.end);
  };
  const low = (): number => {
    expect(WIRE_TYPE.varint);
    return state.low;
  };
  return {
    number: 0,
    int32: () => low() | 0,
    uint32: low,
    int64() {
      expect(WIRE_TYPE.varint);
      return exactInteger(state.low, state.high, where);
    },
    eachInt64(visit) {
      if (state.wireType !== WIRE_TYPE.lengthDelimited) return visit(this.int64());
      const packed = payload();
      const elements = createCursor(packed);
      while (elements.position() < packed.length) {
        elements.varint(where);
        visit(exactInteger(elements.low(), elements.high(), where));
      }
    },
    double() {
      expect(WIRE_TYPE.fixed64);
      return new DataView(bytes.buffer, bytes.byteOffset + state.begin, 8).getFloat64(0, true);
    },
    string: () => decodeText(payload(), where),
    bytes: payload,
  };
}

function createCursor(bytes: Uint8Array): Cursor {
  let at = 0;
  let low = 0;
  let high = 0;
  return {
    position: () => at,
    low: () => low >>> 0,
    high: () => high >>> 0,
    varint(where) {
      low = 0;
      high = 0;
      for (let i = 0; ; i++) {
        const byte = bytes[at++];
        if (byte === undefined) throw new TinkerResponseError(`${where()} is cut inside a varint`);
        if (i === 9 && byte > 1)
          throw new TinkerResponseError(`${where()} has a varint of more than 64 bits`);
        const bits = byte & 0x7f;
        if (i < 5) low |= bits << (7 * i);
        if (i === 4) high = bits >>> 4;
        if (i > 4) high |= bits << (7 * i - 32);
        if (byte < 0x80) return;
      }
    },
    skip(length, where) {
      const left = bytes.length - at;
      if (length > left)
        throw new TinkerResponseError(`${where()} is cut: ${left} bytes are left of ${length}`);
      at += length;
    },
  };
}

function exactInteger(low: number, high: number, where: () => string): number {
  const value = (high | 0) * 2 ** 32 + low;
  if (Number.isSafeInteger(value)) return value;
  throw new TinkerResponseError(
    `${where()} has an integer beyond 2^53 - 1, which a number cannot hold exactly`,
  );
}

function decodeText(bytes: Uint8Array, where: () => string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new TinkerResponseError(`${where()} is not text in UTF-8`, { cause });
  }
}
