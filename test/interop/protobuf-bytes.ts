import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** A field of a message: its number, and where it is in the message, with its tag. */
interface Field {
  readonly number: number;
  readonly start: number;
  readonly end: number;
  /** Where a nested message begins. */
  readonly content: number;
}

/** What the comparison needs of a `ForwardBackwardRequest` (protocol 4.2). */
export interface PassBytes {
  readonly modelId: string;
  readonly sequenceId: number;
  /** All of it in hexadecimal, with its maps in order. */
  readonly hex: string;
}

const REQUEST = { modelId: 1, sequenceId: 2, data: 3, config: 5 } as const;
const DATUM = { inputs: 2 } as const;

/**
 * Read a request as bytes. Protobuf gives maps no order, so their entries are put into one; nothing else is touched, and two
 * that are the same here differ in nothing but that.
 */
export function readPass(bytes: Uint8Array): PassBytes {
  const fields = fieldsOf(bytes);
  const only = (number: number): Field | undefined => fields.find((field) => field.number === number);
  const [model, sequence] = [only(REQUEST.modelId), only(REQUEST.sequenceId)];
  const modelId = model ? new TextDecoder().decode(bytes.subarray(model.content, model.end)) : '';
  const sequenceId = sequence ? new BinaryReader(bytes.subarray(sequence.content, sequence.end)).int32() : 0;
  const parts = fields.map((field) => {
    const whole = bytes.subarray(field.start, field.end);
    if (field.number !== REQUEST.data) return whole;
    const head = bytes.subarray(field.start, field.content);
    return Buffer.concat([head, sortedMap(bytes.subarray(field.content, field.end), DATUM.inputs)]);
  });
  return { modelId, sequenceId, hex: sortedMap(Buffer.concat(parts), REQUEST.config).toString('hex') };
}

/** The message with the entries of one map in the order of their bytes. */
function sortedMap(bytes: Uint8Array, number: number): Buffer {
  const fields = fieldsOf(bytes).map((field) => ({
    ...field,
    bytes: bytes.subarray(field.start, field.end),
  }));
  const entries = fields.filter((field) => field.number === number).map((field) => field.bytes);
  entries.sort(Buffer.compare);
  let next = 0;
  return Buffer.concat(
    fields.map((field) => (field.number === number ? (entries[next++] ?? field.bytes) : field.bytes)),
  );
}

function fieldsOf(bytes: Uint8Array): Field[] {
  const reader = new BinaryReader(bytes);
  const fields: Field[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, type] = reader.tag();
    const afterTag = reader.pos;
    reader.skip(type, number);
    const end = reader.pos;
    const content = type === WireType.LengthDelimited ? end - lengthAt(bytes, afterTag) : afterTag;
    fields.push({ number, start, end, content });
  }
  return fields;
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return new BinaryReader(bytes.subarray(at)).uint32();
}
