import { encodeUtf8 } from '../../kernel/bytes.ts';
import { concatBytes } from '../../kernel/concat.ts';
import type { TrainingRequest } from '../training/training-request.ts';

/**
 * Bytes that two batches have in common if they ask for the same, in whatever encoding: a client that finds protobuf
 * refused, or never hears an answer, repeats its request in JSON under the same number.
 */
export function identityOf(
  { data, lossFn, lossFnConfig }: TrainingRequest,
  forwardOnly: boolean,
): Uint8Array {
  const config = [...lossFnConfig].sort(([a], [b]) => (a < b ? -1 : 1));
  const parts: Uint8Array[] = [encodeUtf8(JSON.stringify([lossFn, config, forwardOnly, data.length]))];
  for (const { chunks, tensors } of data) {
    for (const chunk of chunks) {
      if (chunk.type === 'encoded_text')
        parts.push(encodeUtf8(`text ${chunk.tokens.length}`), bytesOf(chunk.tokens));
      else parts.push(encodeUtf8(JSON.stringify(chunk)));
    }
    const sorted = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [name, { shape, values }] of sorted) {
      parts.push(encodeUtf8(JSON.stringify([name, shape])), bytesOf(Float32Array.from(values)));
    }
  }
  return concatBytes(parts);
}

function bytesOf({ buffer, byteOffset, byteLength }: Int32Array | Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
