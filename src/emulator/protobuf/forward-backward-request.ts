import { problem } from '../http/http.ts';
import type { InputChunk } from '../training/input-chunk.ts';
import type { TrainingDatum, TrainingRequest } from '../training/training-request.ts';
import { denseTensor, sparseTensor, type TrainingTensor } from '../training/training-tensor.ts';
import { float32In, int32In, int64In } from './little-endian.ts';
import { readMessage, type WireMessage } from './wire-reader.ts';

/** A `ForwardBackwardRequest` (protocol 4.2). */
export interface ForwardBackwardRequest extends TrainingRequest {
  readonly modelId: string;
  /** Undefined where it is absent, which is the same as 0. */
  readonly sequenceId: number | undefined;
  readonly forwardOnly: boolean;
}

const FLOAT32 = 1;
const INT64 = 2;

/** @throws HttpProblem 422 - for bytes that are no such message, or one that the protocol does not allow. */
export function decodeForwardBackwardRequest(bytes: Uint8Array): ForwardBackwardRequest {
  const message = readMessage(bytes);
  const sequenceId = message.int32(2);
  return {
    modelId: message.text(1),
    sequenceId: sequenceId === 0 ? undefined : sequenceId,
    data: message.messages(3).map((datum, index) => readDatum(datum, `body.data[${index}]`)),
    lossFn: message.text(4),
    lossFnConfig: new Map(message.messages(5).map((entry) => [entry.text(1), entry.double(2)])),
    forwardOnly: message.int32(6) !== 0,
  };
}

function readDatum(datum: WireMessage, at: string): TrainingDatum {
  const tensors = datum.messages(2).map((entry) => {
    const name = entry.text(1);
    return [name, readTensor(entry.message(2), `${at}.loss_fn_inputs.${name}`)] as const;
  });
  return {
    chunks: datum.messages(1).map((chunk, index) => readChunk(chunk, `${at}.model_input.chunks[${index}]`)),
    tensors: new Map(tensors),
  };
}

function readChunk(chunk: WireMessage, at: string): InputChunk {
  const kind = chunk.lastOf([1, 2, 3]);
  if (kind === 2) return { type: 'image' };
  if (kind === 3) return { type: 'dmel' };
  const tokens = kind === 1 ? chunk.message(1)?.bytes(1) : undefined;
  if (kind === undefined) throw problem(422, `${at} is empty`);
  return { type: 'encoded_text', tokens: int32In(wholeItems(tokens, 4, `${at}.tokens`)) };
}

function readTensor(tensor: WireMessage | undefined, at: string): TrainingTensor {
  const dtype = tensor?.int32(3) ?? 0;
  if (tensor === undefined || (dtype !== FLOAT32 && dtype !== INT64))
    throw problem(422, `${at} has the dtype ${dtype}; it must be float32 (${FLOAT32}) or int64 (${INT64})`);
  const numbers = (bytes: Uint8Array | undefined) =>
    dtype === FLOAT32
      ? { dtype: 'float32' as const, values: float32In(wholeItems(bytes, 4, at)) }
      : { dtype: 'int64' as const, values: int64In(wholeItems(bytes, 8, at)) };
  const dimensions = tensor.integers(4);
  const shape = dimensions.length === 0 ? undefined : dimensions;
  const sparse = tensor.lastOf([1, 2]) === 2 ? tensor.message(2) : undefined;
  if (sparse === undefined) return denseTensor(numbers(tensor.bytes(1)), shape, at);
  const rowStarts = int64In(wholeItems(sparse.bytes(2), 8, `${at}.crow_indices`));
  const columns = int64In(wholeItems(sparse.bytes(3), 8, `${at}.col_indices`));
  return sparseTensor(numbers(sparse.bytes(1)), shape, { rowStarts, columns }, at);
}

function wholeItems(bytes: Uint8Array | undefined, size: number, at: string): Uint8Array {
  if (bytes === undefined) return new Uint8Array(0);
  if (bytes.length % size === 0) return bytes;
  throw problem(422, `${at} has ${bytes.length} bytes, which is no multiple of ${size}`);
}
