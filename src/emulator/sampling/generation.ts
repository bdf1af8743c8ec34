import { type RandomSource, seededRandom } from '../../kernel/random.ts';
import type { Device } from '../device.ts';
import { isFailure, userFailure } from '../futures/operation-failure.ts';
import { createDecoder, type Decoder } from '../model/decoder.ts';
import type { Weights } from '../model/effective-weights.ts';
import { computeTargetLogprobs } from '../model/forward.ts';
import { sampleToken, topLogprobs } from '../model/token-sampling.ts';
import { EMPTY_CELL, type SampledSequenceMessage, type TopkMatrix } from '../protobuf/sample-response.ts';
import { seedNumber } from '../seeds.ts';
import type { TinyModel } from '../tiny-model.ts';
import type { GenerationRequest } from './generation-request.ts';
import type { PrefixMemory } from './prefix-memory.ts';
import type { SampleResult } from './sample-result.ts';

/** Tokens generated before other requests get a turn. */
const TOKENS_PER_BREATH = 16;

/** Distance of the seeds of two sequences of one request. */
const SEQUENCE_STEP = 0x1_0000_0001;

/** What generating needs beside the request. */
export interface Generator {
  readonly model: TinyModel;
  readonly weights: Weights;
  readonly prefixes: PrefixMemory;
  readonly device: Device;
  /** Seeds requests that bring none. */
  readonly random: RandomSource;
}

/** Run a sample request. @throws OperationFailure - for a prompt that is not text, or longer than the context. */
export async function generate(generator: Generator, request: GenerationRequest): Promise<SampleResult> {
  const { model, weights, random } = generator;
  const { prompt } = request;
  if (isFailure(prompt)) throw prompt;
  const { contextLength } = model.config;
  if (prompt.length > contextLength)
    throw userFailure(
      `The prompt has ${prompt.length} tokens; the context of "${model.name}" holds ${contextLength}`,
    );
  const room = Math.min(request.maxTokens ?? contextLength, contextLength - prompt.length);
  const prompted = createDecoder(weights, model.kernels);
  try {
    const first = Float32Array.from(prompted.prefill(prompt));
    const seed = request.seed === undefined ? Math.floor(random() * 2 ** 31) : seedNumber(request.seed);
    const sequences: SampledSequenceMessage[] = [];
    for (let index = 0; index < request.numSamples; index++) {
      // A stream of its own for each sequence, so that their number does not change the first ones.
      const own = seededRandom(seed + index * SEQUENCE_STEP);
      sequences.push(await continueFrom(generator, prompted, first, { ...request, room }, own));
      await generator.device.breathe();
    }
    return {
      sequences,
      promptLogprobs: request.promptLogprobs ? promptLogprobs(generator, prompt) : undefined,
      topkPromptLogprobs:
        request.topkPromptLogprobs > 0
          ? topkMatrix(generator, prompt, request.topkPromptLogprobs)
          : undefined,
      promptCacheHitTokens: generator.prefixes.add(prompt),
    };
  } finally {
    prompted.release();
  }
}

async function continueFrom(
  { device }: Generator,
  prompted: Decoder,
  first: Float32Array,
  request: GenerationRequest & { readonly room: number },
  random: RandomSource,
): Promise<SampledSequenceMessage> {
  const { room, stops } = request;
  const decoder = prompted.fork();
  const tokens: number[] = [];
  const logprobs: number[] = [];
  let logits = first;
  try {
    while (tokens.length < room) {
      const { token, logprob } = sampleToken(logits, request, random);
      tokens.push(token);
      logprobs.push(logprob);
      const stop = stops.find((candidate) => endsWith(tokens, candidate));
      if (stop !== undefined) return sequence('stop', tokens, logprobs, tokens.length - stop.length);
      if (tokens.length < room) logits = decoder.append(token);
      if (tokens.length % TOKENS_PER_BREATH === 0) await device.breathe();
    }
    return sequence('length', tokens, logprobs, tokens.length);
  } finally {
    decoder.release();
  }
}

function sequence(
  stopReason: 'stop' | 'length',
  tokens: readonly number[],
  logprobs: readonly number[],
  length: number,
): SampledSequenceMessage {
  return {
    stopReason,
    tokens: Int32Array.from(tokens.slice(0, length)),
    logprobs: Float32Array.from(logprobs.slice(0, length)),
  };
}

/** Of each token, given those before it; of the first nothing is known. */
function promptLogprobs({ model, weights }: Generator, prompt: Int32Array): Float32Array {
  const all = new Float32Array(prompt.length).fill(Number.NaN);
  if (prompt.length === 1) return all;
  const sequence = { tokens: prompt.subarray(0, -1), targets: prompt.subarray(1) };
  const [known] = computeTargetLogprobs(weights, [sequence], model.kernels);
  if (known !== undefined) all.set(known, 1);
  return all;
}

/** What could have stood at each place of the prompt; at the first nothing is known. */
function topkMatrix({ model, weights }: Generator, prompt: Int32Array, wanted: number): TopkMatrix {
  const k = Math.min(wanted, model.config.vocabularySize);
  const tokens = new Int32Array(prompt.length * k);
  const logprobs = new Float32Array(prompt.length * k).fill(EMPTY_CELL);
  const decoder = createDecoder(weights, model.kernels);
  try {
    for (let row = 1; row < prompt.length; row++) {
      const best = topLogprobs(decoder.append(prompt[row - 1]!), k);
      tokens.set(
        best.map(([token]) => token),
        row * k,
      );
      logprobs.set(
        best.map(([, logprob]) => logprob),
        row * k,
      );
    }
  } finally {
    decoder.release();
  }
  return { k, tokens, logprobs };
}

function endsWith(tokens: readonly number[], tail: Int32Array): boolean {
  const start = tokens.length - tail.length;
  return start >= 0 && tail.every((token, i) => tokens[start + i] === token);
}
