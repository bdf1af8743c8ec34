import * as z from 'zod/mini';
import { TinkerResponseError } from '../../kernel/errors.ts';
import type { CheckedChunk } from '../checked-datum.ts';
import type { SampleResponse } from '../types/sampling.ts';
import { chunkJson } from './chunk.ts';
import { list, number, text } from './field.ts';
import { lazy } from './lazy.ts';
import { parseWire } from './parse.ts';
import { floats, tokens } from './tensor.ts';

/** A sample request with every default filled in. */
export interface ResolvedSample {
  readonly prompt: readonly CheckedChunk[];
  readonly numSamples: number;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly seed: number | bigint | undefined;
  readonly stop: readonly string[] | readonly number[] | undefined;
  readonly includePromptLogprobs: boolean;
  readonly topkPromptLogprobs: number;
}

/** Body of `asample` (protocol 2.6). */
export function sampleBody(samplingSessionId: string, sequenceId: number, sample: ResolvedSample): object {
  return {
    num_samples: sample.numSamples,
    prompt: { chunks: sample.prompt.map(chunkJson) },
    sampling_params: {
      max_tokens: sample.maxTokens,
      ...(sample.seed === undefined ? {} : { seed: sample.seed }),
      ...(sample.stop === undefined ? {} : { stop: sample.stop }),
      temperature: sample.temperature,
      top_k: sample.topK,
      top_p: sample.topP,
    },
    sampling_session_id: samplingSessionId,
    seq_id: sequenceId,
    prompt_logprobs: sample.includePromptLogprobs,
    ...(sample.topkPromptLogprobs === 0 ? {} : { topk_prompt_logprobs: sample.topkPromptLogprobs }),
    type: 'sample',
  };
}

const sampleSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({
    sequences: z.array(
      z.looseObject({
        stop_reason: z.nullish(text()),
        tokens: list(),
        logprobs: z.nullish(list()),
      }),
    ),
    prompt_logprobs: z.nullish(list()),
    topk_prompt_logprobs: z.nullish(list()),
    prompt_cache_hit_tokens: z.nullish(number()),
  }),
);

/**
 * Result of `asample` (servers.md 2.1 items 16 to 19).
 *
 * @param promptLength - Repairs servers that leave out what belongs to the first position; `undefined` where an image does
 * not say how many positions it takes.
 * @throws TinkerResponseError - naming the field that cannot be read.
 */
export function readSample(body: unknown, promptLength: number | undefined): SampleResponse {
  const read = parseWire(sampleSchema, body, 'sample result');
  const promptLogprobs = perPosition(read.prompt_logprobs, promptLength);
  const topk = perPosition(read.topk_prompt_logprobs, promptLength);
  return {
    sequences: read.sequences.map((sequence, i) => ({
      tokens: tokens(sequence.tokens, `sequences[${i}].tokens`),
      logprobs: isEmpty(sequence.logprobs)
        ? undefined
        : floats(sequence.logprobs, `sequences[${i}].logprobs`),
      stopReason: sequence.stop_reason ?? 'stop',
    })),
    promptLogprobs: promptLogprobs && floats(promptLogprobs, 'prompt_logprobs'),
    topkPromptLogprobs: topk?.map((row, i) => readTopkRow(row, `topk_prompt_logprobs[${i}]`)),
    promptCacheHitTokens: read.prompt_cache_hit_tokens ?? 0,
  };
}

/** No list, or one without elements: the server does not tell (as protocol 4.5). */
function isEmpty(values: readonly unknown[] | null | undefined): values is null | undefined {
  return values === null || values === undefined || values.length === 0;
}

/** One element per position of the prompt, null for the first where the server leaves it out. */
function perPosition(
  values: readonly unknown[] | null | undefined,
  promptLength: number | undefined,
): readonly unknown[] | undefined {
  if (isEmpty(values)) return undefined;
  return promptLength !== undefined && values.length === promptLength - 1 ? [null, ...values] : values;
}

/** Pairs of a token and its log-probability; `undefined` for a position that has none. */
function readTopkRow(row: unknown, where: string): readonly (readonly [number, number])[] | undefined {
  if (row === null || row === undefined) return undefined;
  if (!Array.isArray(row)) throw new TinkerResponseError(`${where} is not a list`);
  return Array.from(row, (cell: unknown, i) => {
    const [token, logprob]: readonly unknown[] = Array.isArray(cell) && cell.length === 2 ? cell : [];
    const isToken = typeof token === 'number' && (token | 0) === token;
    if (isToken && (typeof logprob === 'number' || logprob === null)) return [token, logprob ?? Number.NaN];
    throw new TinkerResponseError(`${where}[${i}] is not a token and its log-probability`);
  });
}
