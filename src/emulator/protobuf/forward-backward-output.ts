import { float32Bytes, int32Bytes, int64Bytes, uint16Bytes } from './little-endian.ts';
import { type WireWriter, writeMessage } from './wire-writer.ts';

/** A `ForwardBackwardOutput` (protocol 4.2). */
export interface ForwardBackwardOutputMessage {
  /** May have a prefix that ends in a colon. */
  readonly type: string;
  readonly records: readonly OutputRecord[];
  readonly metrics: Readonly<Record<string, number>>;
}

/** An `ArrayRecord`: the outputs of a run of data, field by field. */
export interface OutputRecord {
  readonly typeTag: string;
  readonly fields: Readonly<Record<string, OutputField>>;
  /** Number of data. */
  readonly count: number;
}

/** A `BatchedTensor`: an array for each datum. Numbers of int64 must be at least 0; bfloat16 is given as bits. */
export type OutputField = { readonly trailingShape: readonly number[] } & (
  | { readonly dtype: 'float32'; readonly items: readonly Float32Array[] }
  | { readonly dtype: 'int64'; readonly items: readonly ArrayLike<number>[] }
  | { readonly dtype: 'int32'; readonly items: readonly Int32Array[] }
  | { readonly dtype: 'bfloat16'; readonly items: readonly Uint16Array[] }
);

const DTYPES = { float32: 1, int64: 2, int32: 3, bfloat16: 4 } as const;

/** The message's bytes: fields in the order of their numbers, entries of maps in their own. */
export function encodeForwardBackwardOutput(output: ForwardBackwardOutputMessage): Uint8Array<ArrayBuffer> {
  const message = writeMessage().text(1, output.type);
  for (const record of output.records) message.message(2, writeRecord(record));
  for (const [name, value] of Object.entries(output.metrics)) {
    message.message(3, writeMessage().text(1, name).double(2, value));
  }
  return message.finish();
}

function writeRecord({ typeTag, fields, count }: OutputRecord): WireWriter {
  const record = writeMessage().text(1, typeTag);
  for (const [name, field] of Object.entries(fields)) {
    record.message(2, writeMessage().text(1, name).message(2, writeField(field)));
  }
  return record.integer(3, count);
}

function writeField(field: OutputField): WireWriter {
  const items = itemBytes(field);
  const data = new Uint8Array(items.reduce((length, item) => length + item.length, 0));
  const offsets = [0];
  for (const item of items) {
    const start = offsets.at(-1) ?? 0;
    data.set(item, start);
    offsets.push(start + item.length);
  }
  return writeMessage()
    .bytes(1, data)
    .bytes(2, int64Bytes(offsets))
    .integer(3, DTYPES[field.dtype])
    .integers(4, field.trailingShape);
}

function itemBytes(field: OutputField): Uint8Array[] {
  if (field.dtype === 'float32') return field.items.map(float32Bytes);
  if (field.dtype === 'int64') return field.items.map(int64Bytes);
  return field.dtype === 'int32' ? field.items.map(int32Bytes) : field.items.map(uint16Bytes);
}
