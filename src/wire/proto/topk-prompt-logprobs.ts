import { TinkerResponseError } from '../../kernel/errors.ts';
import type { SampleResponse } from '../types/sampling.ts';
import { arrayOf } from './little-endian.ts';
import { readMessage } from './protobuf-reader.ts';

/** A matrix of token ids and one of log-probabilities, of `promptLength` rows and `k` columns (protocol 4.5). */
export interface TopkPromptLogprobs {
  tokenIds: Uint8Array;
  logprobs: Uint8Array;
  k: number;
  promptLength: number;
}

/** What stands in an empty cell, with token id 0. */
const EMPTY_LOGPROB = -99999;

/** What an absent `TopkPromptLogprobs` is. */
export function emptyTopkPromptLogprobs(): TopkPromptLogprobs {
  return { tokenIds: new Uint8Array(0), logprobs: new Uint8Array(0), k: 0, promptLength: 0 };
}

/** Read a `TopkPromptLogprobs` into one that is there: protobuf merges the occurrences of a message. */
export function mergeTopkPromptLogprobs(into: TopkPromptLogprobs, bytes: Uint8Array): void {
  const names = ['token_ids', 'logprobs', 'k', 'prompt_length'];
  readMessage('TopkPromptLogprobs', names, bytes, (field) => {
    if (field.number === 1) into.tokenIds = field.bytes();
    else if (field.number === 2) into.logprobs = field.bytes();
    else if (field.number === 3) into.k = field.uint32();
    else into.promptLength = field.uint32();
  });
}

/** The rows without their empty cells; `undefined` for a row without any other, and for a matrix without rows or columns. */
export function topkRows(topk: TopkPromptLogprobs): SampleResponse['topkPromptLogprobs'] {
  const { k, promptLength } = topk;
  if (k === 0 || promptLength === 0) return undefined;
  const tokenIds = arrayOf(Int32Array, matrix(topk, 'tokenIds', 'token_ids'));
  const logprobs = arrayOf(Float32Array, matrix(topk, 'logprobs', 'logprobs'));
  const isEmpty = (cell: number): boolean => tokenIds[cell] === 0 && logprobs[cell] === EMPTY_LOGPROB;
  return Array.from({ length: promptLength }, (_, row) => {
    const begin = row * k;
    if (isEmpty(begin)) return undefined;
    let end = begin + k;
    while (isEmpty(end - 1)) end--;
    return Array.from({ length: end - begin }, (_, i) => {
      const cell = begin + i;
      return [tokenIds[cell] ?? 0, logprobs[cell] ?? 0] as const;
    });
  });
}

function matrix(topk: TopkPromptLogprobs, key: 'tokenIds' | 'logprobs', name: string): Uint8Array {
  const { k, promptLength, [key]: bytes } = topk;
  const size = 4 * k * promptLength;
  if (bytes.length >= size) return bytes.subarray(0, size);
  throw new TinkerResponseError(
    `TopkPromptLogprobs.${name} has ${bytes.length} bytes, too few for ${promptLength} rows of ${k}`,
  );
}
