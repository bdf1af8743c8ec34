import { encodeUtf8 } from '../../kernel/bytes.ts';
import type { OperationFailure } from '../futures/operation-failure.ts';
import type { Fields } from '../http/fields.ts';
import { problem } from '../http/http.ts';
import type { TokenSamplingOptions } from '../model/token-sampling.ts';
import { foldSeed } from '../seeds.ts';
import { readJsonChunks, tokensOf } from '../training/input-chunk.ts';

/** A sample request as it came (protocol 2.6). */
export interface GenerationRequest extends TokenSamplingOptions {
  /** A failure, for the future to tell, where it is more than text. */
  readonly prompt: Int32Array | OperationFailure;
  readonly numSamples: number;
  /** Undefined: as many as the context has room for. */
  readonly maxTokens: number | undefined;
  readonly seed: bigint | undefined;
  /** Runs of tokens that end a sequence and are not part of it. */
  readonly stops: readonly Int32Array[];
  readonly promptLogprobs: boolean;
  readonly topkPromptLogprobs: number;
}

/** Samples in one request. More are a mistake, and would keep the processor for good. */
const MAX_SAMPLES = 65_536;

/** Read `asample`'s body. @throws HttpProblem 422 */
export function readGeneration(body: Fields): GenerationRequest {
  const params = body.object('sampling_params');
  const seed = params.optionalBigInteger('seed');
  const maxTokens = params.optionalInteger('max_tokens');
  const topP = params.number('top_p', 1);
  if (!(topP > 0 && topP <= 1)) throw problem(422, `top_p must be above 0 and at most 1, got ${topP}`);
  return {
    prompt: readPrompt(body.object('prompt')),
    numSamples: readNumSamples(body.optionalInteger('num_samples') ?? 1),
    maxTokens: maxTokens === undefined ? undefined : atLeast(1, 'max_tokens', maxTokens),
    seed: seed === undefined ? undefined : foldSeed(seed),
    stops: readStops(params.raw('stop')),
    temperature: atLeast(0, 'temperature', params.number('temperature', 1)),
    topK: atLeast(-1, 'top_k', params.optionalInteger('top_k') ?? -1),
    topP,
    promptLogprobs: body.flag('prompt_logprobs', false),
    topkPromptLogprobs: atLeast(0, 'topk_prompt_logprobs', body.optionalInteger('topk_prompt_logprobs') ?? 0),
  };
}

function readNumSamples(value: number): number {
  if (value <= MAX_SAMPLES) return atLeast(1, 'num_samples', value);
  throw problem(422, `num_samples must be at most ${MAX_SAMPLES}, got ${value}`);
}

function readPrompt(input: Fields): Int32Array | OperationFailure {
  const prompt = tokensOf(readJsonChunks(input, 'body.prompt'), 'body.prompt');
  if ('length' in prompt && prompt.length === 0)
    throw problem(422, 'body.prompt must hold at least one token');
  return prompt;
}

function readStops(stop: unknown): Int32Array[] {
  if (stop === undefined || stop === null) return [];
  const list = typeof stop === 'string' ? [stop] : stop;
  if (!Array.isArray(list)) throw problem(422, 'body.sampling_params.stop must be a string or an array');
  return list.map((item) => {
    if (typeof item === 'string' && item !== '') return Int32Array.from(encodeUtf8(item));
    if (Number.isInteger(item)) return Int32Array.of(item);
    throw problem(422, 'body.sampling_params.stop must hold non-empty strings or token ids');
  });
}

function atLeast(min: number, name: string, value: number): number {
  if (value >= min) return value;
  throw problem(422, `${name} must be at least ${min}, got ${value}`);
}
