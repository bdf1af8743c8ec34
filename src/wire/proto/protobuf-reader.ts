import { TinkerResponseError } from '../../kernel/errors.ts';
import { WIRE_TYPE } from './wire-type.ts';

/**
 * One occurrence of a field. Each method reads its value as the type it names.
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

/** The value of one occurrence. */
interface Value {
  readonly wireType: number;
  /** The number, where the wire type is a varint. */
  readonly words: Words;
  /** The bytes, where it is anything else. */
  readonly payload: Uint8Array;
}

/** A varint as two unsigned words. */
interface Words {
  readonly low: number;
  readonly high: number;
}

/** Reads forward through bytes. `where` names the field in errors. */
interface Cursor {
  isAtEnd(): boolean;
  varint(where: string): Words;
  /** A view of the next `length` bytes. */
  take(length: number, where: string): Uint8Array;
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
  while (!cursor.isAtEnd()) {
    const tag = cursor.varint(`${message}: a tag`);
    const number = tag.low >>> 3;
    if (number === 0 || tag.high !== 0) {
      throw new TinkerResponseError(`${message}: a tag has a field number out of bounds`);
    }
    const name = fieldNames[number - 1];
    const where = name === undefined ? `${message}: field ${number}` : `${message}.${name}`;
    const value = readValue(cursor, tag.low & 7, where);
    if (name !== undefined) visit(createField(number, value, where));
  }
}

function readValue(cursor: Cursor, wireType: number, where: string): Value {
  const payload = (length: number): Value => ({
    wireType,
    words: { low: 0, high: 0 },
    payload: cursor.take(length, where),
  });
  switch (wireType) {
    case WIRE_TYPE.varint:
      return { wireType, words: cursor.varint(where), payload: new Uint8Array(0) };
    case WIRE_TYPE.fixed64:
      return payload(8);
    case WIRE_TYPE.fixed32:
      return payload(4);
    case WIRE_TYPE.lengthDelimited: {
      const { low, high } = cursor.varint(where);
      return payload(high * 2 ** 32 + low);
    }
    default:
      throw new TinkerResponseError(`${where} has wire type ${wireType}, which is not supported`);
  }
}

function createField(number: number, { wireType, words, payload }: Value, where: string): ProtobufField {
  const expect = (expected: number): void => {
    if (wireType === expected) return;
    throw new TinkerResponseError(`${where} has wire type ${wireType} instead of ${expected}`);
  };
  const varint = (): Words => {
    expect(WIRE_TYPE.varint);
    return words;
  };
  const bytes = (): Uint8Array => {
    expect(WIRE_TYPE.lengthDelimited);
    return payload;
  };
  return {
    number,
    int32: () => varint().low | 0,
    uint32: () => varint().low,
    int64: () => exactInteger(varint(), where),
    eachInt64(visit) {
      if (wireType !== WIRE_TYPE.lengthDelimited) return visit(exactInteger(varint(), where));
      const elements = createCursor(payload);
      while (!elements.isAtEnd()) visit(exactInteger(elements.varint(where), where));
    },
    double() {
      expect(WIRE_TYPE.fixed64);
      return new DataView(payload.buffer, payload.byteOffset, 8).getFloat64(0, true);
    },
    string: () => decodeText(bytes(), where),
    bytes,
  };
}

function createCursor(bytes: Uint8Array): Cursor {
  let at = 0;
  return {
    isAtEnd: () => at === bytes.length,
    varint(where) {
      let low = 0;
      let high = 0;
      for (let i = 0; ; i++) {
        const byte = bytes[at++];
        if (byte === undefined) throw new TinkerResponseError(`${where} is cut inside a varint`);
        if (i === 9 && byte > 1) throw new TinkerResponseError(`${where} has a varint of more than 64 bits`);
        const bits = byte & 0x7f;
        if (i < 5) low |= bits << (7 * i);
        if (i === 4) high = bits >>> 4;
        if (i > 4) high |= bits << (7 * i - 32);
        if (byte < 0x80) return { low: low >>> 0, high: high >>> 0 };
      }
    },
    take(length, where) {
      const left = bytes.length - at;
      if (length > left)
        throw new TinkerResponseError(`${where} is cut: ${left} bytes are left of ${length}`);
      at += length;
      return bytes.subarray(at - length, at);
    },
  };
}

function exactInteger({ low, high }: Words, where: string): number {
  const value = (high | 0) * 2 ** 32 + low;
  if (Number.isSafeInteger(value)) return value;
  throw new TinkerResponseError(
    `${where} has an integer beyond 2^53 - 1, which a number cannot hold exactly`,
  );
}

function decodeText(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new TinkerResponseError(`${where} is not text in UTF-8`, { cause });
  }
}
