import { TinkerResponseError } from '../../kernel/errors.ts';
import type { TensorData } from '../types/datum.ts';
import { DTYPE } from './dtype.ts';
import { arrayOf, widenBfloat16, widenInt32 } from './little-endian.ts';
import { readMessage } from './protobuf-reader.ts';

/** Most axes a tensor may have; no array library goes beyond. They are repeated for every datum. */
const MAX_AXES = 64;

/** One field of a record: a tensor per datum, end to end (protocol 4.2). */
export interface BatchedTensor {
  data: Uint8Array;
  /** Where in `data` each tensor begins, in bytes, and where the last ends: int64. */
  offsets: Uint8Array;
  dtype: number;
  /** Axes after the first, the same for every datum. */
  readonly trailingShape: number[];
}

/** The numbers of a dtype of the wire as one of ours. */
interface DtypeReader {
  /** Bytes of one number on the wire. */
  readonly width: number;
  readonly dtype: TensorData['dtype'];
  readonly read: (bytes: Uint8Array) => TensorData['data'];
}

/** By dtype. A function, so that bundlers leave it out of programs that read no tensor. */
const readers = (): Readonly<Record<number, DtypeReader>> => ({
  [DTYPE.float32]: { width: 4, dtype: 'float32', read: (bytes) => arrayOf(Float32Array, bytes) },
  [DTYPE.int64]: { width: 8, dtype: 'int64', read: (bytes) => arrayOf(BigInt64Array, bytes) },
  [DTYPE.int32]: { width: 4, dtype: 'int64', read: widenInt32 },
  [DTYPE.bfloat16]: { width: 2, dtype: 'float32', read: widenBfloat16 },
});

/** What an absent `BatchedTensor` is. */
export function emptyBatchedTensor(): BatchedTensor {
  return { data: new Uint8Array(0), offsets: new Uint8Array(0), dtype: 0, trailingShape: [] };
}

/** Read a `BatchedTensor` into one that is there: protobuf merges the occurrences of a message. */
export function mergeBatchedTensor(into: BatchedTensor, bytes: Uint8Array): void {
  const names = ['data', 'offsets', 'dtype', 'trailing_shape'];
  readMessage('BatchedTensor', names, bytes, (field) => {
    if (field.number === 1) into.data = field.bytes();
    else if (field.number === 2) into.offsets = field.bytes();
    else if (field.number === 3) into.dtype = field.int32();
    else field.eachInt64((axis) => addAxis(into.trailingShape, axis));
  });
}

function addAxis(shape: number[], axis: number): void {
  if (axis < 0) throw new TinkerResponseError('BatchedTensor.trailing_shape has a negative axis');
  if (shape.push(axis) <= MAX_AXES) return;
  throw new TinkerResponseError(`BatchedTensor.trailing_shape has more than ${MAX_AXES} axes`);
}

/** Number of datums a `BatchedTensor` has tensors for. */
export function batchedTensorCount({ offsets }: BatchedTensor): number {
  return Math.max(0, Math.floor(offsets.length / 8) - 1);
}

/**
 * The tensors of the first `count` datums (protocol 4.6). They lie side by side in one buffer, where possible that of the
 * bytes; no two overlap.
 *
 * @throws TinkerResponseError - where the parts do not fit each other, naming `where`.
 */
export function splitBatchedTensor(tensor: BatchedTensor, count: number, where: string): TensorData[] {
  const { data, trailingShape } = tensor;
  const reader = readers()[tensor.dtype];
  if (reader === undefined) throw new TinkerResponseError(`${where} has an unknown dtype, ${tensor.dtype}`);
  if (data.length % reader.width !== 0) {
    throw new TinkerResponseError(
      `${where} has ${data.length} bytes of data, which no ${reader.width}-byte numbers fill`,
    );
  }
  const offsets = readOffsets(tensor, count, reader.width, where);
  const values = reader.read(data);
  const rowSize = trailingShape.includes(0) ? 0 : trailingShape.reduce((size, axis) => size * axis, 1);
  const tensors: TensorData[] = [];
  for (let i = 0; i < count; i++) {
    const begin = offsets[i]!;
    const end = offsets[i + 1]!;
    const length = end - begin;
    if ((rowSize === 0 ? length : length % rowSize) !== 0) {
      throw new TinkerResponseError(
        `${where}: the ${length} numbers of datum ${i} do not fill rows of ${rowSize}, as its trailing shape has them`,
      );
    }
    const rows = rowSize === 0 ? 0 : length / rowSize;
    const shape = trailingShape.length === 0 ? [rows] : [rows, ...trailingShape];
    // A reader's dtype is that of the array it makes.
    tensors.push({ data: values.subarray(begin, end), dtype: reader.dtype, shape } as TensorData);
  }
  return tensors;
}

/** The first `count + 1` offsets, in numbers instead of bytes. */
function readOffsets(tensor: BatchedTensor, count: number, width: number, where: string): Float64Array {
  const { data, offsets: bytes } = tensor;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length % 8 !== 0) throw new TinkerResponseError(`${where} has offsets that are not int64`);
  if (batchedTensorCount(tensor) < count) {
    throw new TinkerResponseError(`${where} has ${batchedTensorCount(tensor)} tensors for ${count} datums`);
  }
  // Without datums there may be no offset at all.
  const offsets = new Float64Array(count === 0 ? 0 : count + 1);
  let before = 0;
  for (let i = 0; i < offsets.length; i++) {
    const offset = view.getInt32(8 * i + 4, true) * 2 ** 32 + view.getUint32(8 * i, true);
    // Never backwards: two datums would share their numbers.
    if (offset < before || offset > data.length || offset % width !== 0) {
      throw new TinkerResponseError(
        `${where} has an offset ${i} that is not a multiple of ${width} from ${before} to ${data.length}: ${offset}`,
      );
    }
    before = offset;
    offsets[i] = offset / width;
  }
  return offsets;
}
