import { checkInteger } from '../../kernel/checks.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import type { CheckedChunk, CheckedDatum, CheckedTensor } from '../checked-datum.ts';
import { DTYPE } from './dtype.ts';
import { encodeMessage, MAX_INT32, type ProtobufWriter } from './protobuf-writer.ts';

/** What a forward pass is asked for with, whether or not a backward one follows. */
export interface ForwardBackwardRequest {
  /** The model to run. */
  readonly modelId: string;
  /** Its turn, in [1, 2^31): on the wire 0 means that there is none. */
  readonly sequenceId: number;
  /** The batch. */
  readonly data: readonly CheckedDatum[];
  /** Name of the loss. */
  readonly lossFn: string;
  /** Settings of the loss, by name. */
  readonly lossFnConfig: Readonly<Record<string, number>> | undefined;
  /** Whether to leave the gradients alone. */
  readonly forwardOnly: boolean;
}

/**
 * Body of `forward_backward` as protobuf (protocol 4.4). Maps go out in the order of their keys.
 *
 * @throws TinkerInputError - for a sequence id out of bounds, for a chunk that protobuf has no form for, and for more
 * bytes than protobuf can carry.
 */
export function encodeForwardBackwardRequest(request: ForwardBackwardRequest): Uint8Array<ArrayBuffer> {
  const { modelId, data, lossFn, lossFnConfig, forwardOnly } = request;
  const sequenceId = checkInteger('sequenceId', request.sequenceId, { min: 1, max: MAX_INT32 });
  return encodeMessage('data', (writer) => {
    if (modelId !== '') writer.string(1, modelId);
    writer.varint(2, sequenceId);
    data.forEach((datum, i) => {
      writer.open(3);
      writeDatum(writer, datum, i);
      writer.close();
    });
    if (lossFn !== '') writer.string(4, lossFn);
    for (const [name, value] of Object.entries(lossFnConfig ?? {})) {
      writer.open(5);
      writer.string(1, name);
      writer.double(2, value);
      writer.close();
    }
    if (forwardOnly) writer.varint(6, 1);
  });
}

function writeDatum(writer: ProtobufWriter, { chunks, lossFnInputs }: CheckedDatum, i: number): void {
  chunks.forEach((chunk, j) => {
    writer.open(1);
    writeChunk(writer, chunk, i, j);
    writer.close();
  });
  // Not by entries, which cost as much as all the rest.
  for (const name of Object.keys(lossFnInputs)) {
    writer.open(2);
    writer.string(1, name);
    writer.open(2);
    writeTensor(writer, lossFnInputs[name]!);
    writer.close();
    writer.close();
  }
}

/** Chunk `j` of datum `i`. */
function writeChunk(writer: ProtobufWriter, chunk: CheckedChunk, i: number, j: number): void {
  switch (chunk.type) {
    case 'encoded_text':
      writer.open(1);
      writeArray(writer, 1, chunk.tokens);
      writer.close();
      break;
    case 'image':
      writer.open(2);
      writeArray(writer, 1, chunk.data);
      writer.string(2, chunk.format);
      if (chunk.expectedTokens !== undefined) {
        const bounds = { min: 0, max: MAX_INT32 };
        writer.varint(3, checkInteger(`${chunkPath(i, j)}.expectedTokens`, chunk.expectedTokens, bounds));
      }
      writer.close();
      break;
    case 'dmel':
      writer.open(3);
      writeArray(writer, 1, chunk.dmel);
      writer.close();
      break;
    case 'image_asset_pointer':
      throw new TinkerInputError(
        chunkPath(i, j),
        'is an image asset pointer, for which protobuf has no chunk',
        {
          hint: 'Send the image itself; pointers work for sampling',
        },
      );
  }
}

function chunkPath(i: number, j: number): string {
  return `data[${i}].modelInput.chunks[${j}]`;
}

function writeTensor(writer: ProtobufWriter, { data, sparse, shape }: CheckedTensor): void {
  if (sparse === undefined) writeNumbers(writer, 1, data);
  else {
    writer.open(2);
    if (data.length > 0) writeNumbers(writer, 1, data);
    writeArray(writer, 2, sparse.crowIndices);
    writeArray(writer, 3, sparse.colIndices);
    writer.close();
  }
  writer.varint(3, data instanceof Float32Array ? DTYPE.float32 : DTYPE.int64);
  if (shape.length > 0) writer.packed(4, shape);
}

/** The numbers of a tensor in its dtype, also where there are none: that says dense. */
function writeNumbers(writer: ProtobufWriter, field: number, data: CheckedTensor['data']): void {
  if (data instanceof Int32Array) writer.widened(field, data);
  else writer.array(field, data);
}

/** An array in a field whose absence means an empty one. */
function writeArray(
  writer: ProtobufWriter,
  field: number,
  values: Uint8Array | Int32Array | BigInt64Array,
): void {
  if (values.length > 0) writer.array(field, values);
}
