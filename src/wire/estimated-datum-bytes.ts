import type { CheckedDatum, CheckedTensor } from './checked-datum.ts';
import { chunkBytes } from './estimated-prompt-bytes.ts';

/** A token of a pass over data, as int32 (protocol 5.4). */
const BYTES_PER_TOKEN = 4;

/** About how many bytes a datum takes on the wire (protocol 5.4 step 2): what splits a batch, and its budget, count. */
export function estimatedDatumBytes({ chunks, lossFnInputs }: CheckedDatum): number {
  const input = chunks.reduce((bytes, chunk) => bytes + chunkBytes(chunk, BYTES_PER_TOKEN), 0);
  return Object.values(lossFnInputs).reduce((bytes, tensor) => bytes + tensorBytes(tensor), input);
}

function tensorBytes({ data, dtype, sparse }: CheckedTensor): number {
  const indices = sparse === undefined ? 0 : 8 * (sparse.crowIndices.length + sparse.colIndices.length);
  return data.length * (dtype === 'int64' ? 8 : 4) + indices;
}
