import { encodeUtf8 } from '../../kernel/bytes.ts';
import { concatBytes } from '../../kernel/concat.ts';

/**
 * Writes a protobuf message field by field, in the order of the calls. As proto3 has it, a number that is 0 and a text or
 * bytes that are empty are left out; what has explicit presence is written with {@link WireWriter.present}.
 */
export interface WireWriter {
  /** Total of what was written, in bytes. */
  readonly length: number;
  /** An int32, int64, uint32 or enum, at least 0. */
  integer(field: number, value: number): WireWriter;
  text(field: number, value: string): WireWriter;
  bytes(field: number, value: Uint8Array): WireWriter;
  /** Bytes of an `optional` field: written even if they are empty. */
  present(field: number, value: Uint8Array): WireWriter;
  /** A double, written even if it is 0: the value of a map's entry. */
  double(field: number, value: number): WireWriter;
  /** A repeated int64, packed. */
  integers(field: number, values: readonly number[]): WireWriter;
  /** A message, written even if it is empty. */
  message(field: number, message: WireWriter): WireWriter;
  /** The pieces written; nothing is copied until {@link WireWriter.finish}. */
  readonly parts: readonly Uint8Array[];
  finish(): Uint8Array<ArrayBuffer>;
}

/** An empty message. */
export function writeMessage(): WireWriter {
  const parts: Uint8Array[] = [];
  let length = 0;
  const add = (part: Uint8Array): void => {
    parts.push(part);
    length += part.length;
  };
  const prefixed = (field: number, size: number, contents: readonly Uint8Array[]): WireWriter => {
    add(varints([field * 8 + 2, size]));
    for (const part of contents) add(part);
    return writer;
  };
  const writer: WireWriter = {
    get length() {
      return length;
    },
    parts,
    integer(field, value) {
      if (value !== 0) add(varints([field * 8, value]));
      return writer;
    },
    text: (field, value) => writer.bytes(field, encodeUtf8(value)),
    bytes: (field, value) => (value.length === 0 ? writer : writer.present(field, value)),
    present: (field, value) => prefixed(field, value.length, [value]),
    double(field, value) {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setFloat64(0, value, true);
      add(varints([field * 8 + 1]));
      add(bytes);
      return writer;
    },
    integers: (field, values) => writer.bytes(field, varints(values)),
    message: (field, message) => prefixed(field, message.length, message.parts),
    finish: () => concatBytes([new Uint8Array(0), ...parts]),
  };
  return writer;
}

/** Numbers from 0 to 2^53, each in as many bytes of seven bits as it takes. */
function varints(values: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  for (const value of values) {
    let left = value;
    while (left >= 0x80) {
      bytes.push((left % 0x80) + 0x80);
      left = Math.floor(left / 0x80);
    }
    bytes.push(left);
  }
  return Uint8Array.from(bytes);
}
