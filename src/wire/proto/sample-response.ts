import { TinkerResponseError } from '../../kernel/errors.ts';
import type { SampledSequence, SampleResponse } from '../types/sampling.ts';
import { arrayOf, type WireArrayType } from './little-endian.ts';
import { readMessage } from './protobuf-reader.ts';
import { emptyTopkPromptLogprobs, mergeTopkPromptLogprobs, topkRows } from './topk-prompt-logprobs.ts';

/** Names of the enum `StopReason` by number (protocol 4.1). */
const STOP_REASONS: readonly string[] = ['stop', 'length'];

/**
 * Result of `asample` as protobuf (protocol 4.5). The arrays are views of `bytes` where those are aligned, each of its own
 * part; nothing else may write to `bytes` afterwards.
 *
 * @param promptLength - repairs servers that leave out the first prompt log-probability; `undefined`: not known.
 * @throws TinkerResponseError - naming message and field.
 */
export function decodeSampleResponse(bytes: Uint8Array, promptLength: number | undefined): SampleResponse {
  const sequences: SampledSequence[] = [];
  const topk = emptyTopkPromptLogprobs();
  let promptLogprobs = bytes.subarray(0, 0);
  let promptCacheHitTokens = 0;
  const names = ['sequences', 'prompt_logprobs', 'topk_prompt_logprobs', 'prompt_cache_hit_tokens'];
  readMessage('SampleResponse', names, bytes, (field) => {
    if (field.number === 1) sequences.push(readSequence(field.bytes()));
    else if (field.number === 2) promptLogprobs = field.bytes();
    else if (field.number === 3) mergeTopkPromptLogprobs(topk, field.bytes());
    else promptCacheHitTokens = field.int32();
  });
  return {
    sequences,
    promptLogprobs: readPromptLogprobs(promptLogprobs, promptLength),
    topkPromptLogprobs: topkRows(topk),
    promptCacheHitTokens,
  };
}

function readSequence(bytes: Uint8Array): SampledSequence {
  let stop = 0;
  let tokens = bytes.subarray(0, 0);
  let logprobs = bytes.subarray(0, 0);
  readMessage('SampledSequence', ['stop_reason', 'tokens', 'logprobs'], bytes, (field) => {
    if (field.number === 1) stop = field.int32();
    else if (field.number === 2) tokens = field.bytes();
    else logprobs = field.bytes();
  });
  const stopReason = STOP_REASONS[stop];
  if (stopReason === undefined) {
    throw new TinkerResponseError(`SampledSequence.stop_reason is unknown: ${stop}`);
  }
  return {
    tokens: wholeArray(Int32Array, tokens, 'SampledSequence.tokens'),
    logprobs:
      logprobs.length === 0 ? undefined : wholeArray(Float32Array, logprobs, 'SampledSequence.logprobs'),
    stopReason,
  };
}

function readPromptLogprobs(
  bytes: Uint8Array,
  promptLength: number | undefined,
): Float32Array<ArrayBuffer> | undefined {
  if (bytes.length === 0) return undefined;
  const values = wholeArray(Float32Array, bytes, 'SampleResponse.prompt_logprobs');
  if (promptLength === undefined || values.length !== promptLength - 1) return values;
  const padded = new Float32Array(promptLength);
  padded[0] = Number.NaN;
  padded.set(values, 1);
  return padded;
}

function wholeArray<T>(type: WireArrayType<T>, bytes: Uint8Array, where: string): T {
  if (bytes.length % type.BYTES_PER_ELEMENT === 0) return arrayOf(type, bytes);
  throw new TinkerResponseError(
    `${where} has ${bytes.length} bytes, which no ${type.BYTES_PER_ELEMENT}-byte numbers fill`,
  );
}
