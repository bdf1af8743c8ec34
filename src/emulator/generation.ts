import { encodeUtf8 } from '../kernel/bytes.ts';
import { type RandomSource, seededRandom } from '../kernel/random.ts';
import type { Device } from './device.ts';
import { type Fields, readTokens } from './fields.ts';
import { problem } from './http.ts';
import { createDecoder, type Decoder } from './model/decoder.ts';
import type { Weights } from './model/effective-weights.ts';
import { computeTargetLogprobs } from './model/forward.ts';
import { sampleToken, type TokenSamplingOptions, topLogprobs } from './model/token-sampling.ts';
import type { TinyModel } from './tiny-model.ts';

/** A sample request as it came (protocol 2.6). */
export interface GenerationRequest extends TokenSamplingOptions {
  readonly prompt: Int32Array;
  readonly numSamples: number;
  readonly maxTokens: number;
  readonly seed: number | undefined;
  /** Runs of tokens that end a sequence and are not part of it. */
  readonly stops: readonly Int32Array[];
  readonly promptLogprobs: boolean;
  readonly topkPromptLogprobs: number;
}

/** Tokens generated before other requests get a turn. */
const TOKENS_PER_BREATH = 16;

/** Read `asample`'s body. @throws HttpProblem 422 */
export function readGeneration(body: Fields): GenerationRequest {
  const params = body.object('sampling_params');
  const prompt = readTokens(body.object('prompt'), 'body.prompt');
  if (prompt.length === 0) throw problem(422, 'body.prompt must hold at least one token');
  return {
    prompt,
    numSamples: atLeast(1, 'num_samples', body.optionalInteger('num_samples') ?? 1),
    maxTokens: atLeast(1, 'max_tokens', params.integer('max_tokens')),
    seed: params.optionalInteger('seed'),
    stops: readStops(params.raw('stop')),
    temperature: atLeast(0, 'temperature', params.number('temperature', 1)),
    topK: params.optionalInteger('top_k') ?? -1,
    topP: params.number('top_p', 1),
    promptLogprobs: body.flag('prompt_logprobs', false),
    topkPromptLogprobs: body.optionalInteger('topk_prompt_logprobs') ?? 0,
  };
}

/** What generating needs beside the request. */
export interface Generator {
  readonly model: TinyModel;
  readonly weights: Weights;
  readonly device: Device;
  /** Seeds requests that bring none. */
  readonly random: RandomSource;
}

/** Run a sample request. @returns the result as the protocol words it (4.8). */
export async function generate(generator: Generator, request: GenerationRequest): Promise<object> {
  const { model, weights, random } = generator;
  const prompted = createDecoder(weights, model.kernels);
  try {
    const first = Float32Array.from(prompted.prefill(request.prompt));
    const seed = request.seed ?? Math.floor(random() * 2 ** 31);
    const sequences: object[] = [];
    for (let index = 0; index < request.numSamples; index++) {
      // A stream of its own for each sequence, so that their number does not change the first ones.
      const own = seededRandom(seed + index * 0x1_0000_0001);
      sequences.push(await continueFrom(generator, prompted, first, request, own));
    }
    return { sequences, ...promptResults(generator, request), prompt_cache_hit_tokens: 0, type: 'sample' };
  } finally {
    prompted.release();
  }
}

async function continueFrom(
  { model, device }: Generator,
  prompted: Decoder,
  first: Float32Array,
  request: GenerationRequest,
  random: RandomSource,
): Promise<object> {
  const room = Math.min(request.maxTokens, model.config.contextLength - request.prompt.length);
  const decoder = prompted.fork();
  const tokens: number[] = [];
  const logprobs: number[] = [];
  let logits = first;
  try {
    while (tokens.length < room) {
      const { token, logprob } = sampleToken(logits, request, random);
      tokens.push(token);
      logprobs.push(logprob);
      const stop = request.stops.find((candidate) => endsWith(tokens, candidate));
      if (stop !== undefined) {
        const length = tokens.length - stop.length;
        return { stop_reason: 'stop', tokens: tokens.slice(0, length), logprobs: logprobs.slice(0, length) };
      }
      if (tokens.length < room) logits = decoder.append(token);
      if (tokens.length % TOKENS_PER_BREATH === 0) await device.breathe();
    }
    return { stop_reason: 'length', tokens, logprobs };
  } finally {
    decoder.release();
  }
}

function promptResults({ model, weights }: Generator, request: GenerationRequest): object {
  const { prompt, topkPromptLogprobs } = request;
  const results: { prompt_logprobs?: unknown; topk_prompt_logprobs?: unknown } = {};
  if (request.promptLogprobs) {
    const sequence = { tokens: prompt.subarray(0, -1), targets: prompt.subarray(1) };
    const [logprobs] = prompt.length > 1 ? computeTargetLogprobs(weights, [sequence], model.kernels) : [];
    results.prompt_logprobs = [null, ...(logprobs ?? [])];
  }
  if (topkPromptLogprobs > 0) {
    const decoder = createDecoder(weights, model.kernels);
    const rows = Array.from(prompt.subarray(0, -1), (token) =>
      topLogprobs(decoder.append(token), topkPromptLogprobs),
    );
    decoder.release();
    results.topk_prompt_logprobs = [null, ...rows];
  }
  return results;
}

function endsWith(tokens: readonly number[], tail: Int32Array): boolean {
  const start = tokens.length - tail.length;
  return start >= 0 && tail.every((token, i) => tokens[start + i] === token);
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
