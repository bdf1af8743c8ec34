import * as z from 'zod/mini';
import type { SampleResponse } from '../types/sampling.ts';
import { lazy } from './lazy.ts';
import { parseWire } from './parse.ts';
import { floats, tokens } from './tensor.ts';
import { textChunk } from './text-chunk.ts';

/** A sample request with every default filled in. */
export interface ResolvedSample {
  readonly prompt: readonly Int32Array[];
  readonly numSamples: number;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly seed: number | undefined;
  readonly stop: readonly string[] | readonly number[] | undefined;
  readonly includePromptLogprobs: boolean;
  readonly topkPromptLogprobs: number;
}

/** Body of `asample` (protocol 2.6). */
export function sampleBody(samplingSessionId: string, sequenceId: number, sample: ResolvedSample): object {
  return {
    num_samples: sample.numSamples,
    prompt: { chunks: sample.prompt.map(textChunk) },
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

const numbers = () => z.nullish(z.array(z.unknown()));

const sampleSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({
    sequences: z.array(
      z.looseObject({
        stop_reason: z.nullish(z.string()),
        tokens: z.array(z.unknown()),
        logprobs: numbers(),
      }),
    ),
    prompt_logprobs: numbers(),
    topk_prompt_logprobs: numbers(),
    prompt_cache_hit_tokens: z.nullish(z.number()),
  }),
);

/** Result of `asample`; `promptLength` repairs servers that leave out the first prompt log-probability. */
export function readSample(body: unknown, promptLength: number): SampleResponse {
  const read = parseWire(sampleSchema, body, 'sample result');
  return {
    sequences: read.sequences.map((sequence, i) => ({
      tokens: tokens(sequence.tokens, `sequences[${i}].tokens`),
      logprobs:
        sequence.logprobs === null || sequence.logprobs === undefined
          ? undefined
          : floats(sequence.logprobs, `sequences[${i}].logprobs`),
      stopReason: sequence.stop_reason ?? 'stop',
    })),
    promptLogprobs: readPromptLogprobs(read.prompt_logprobs, promptLength),
    topkPromptLogprobs: read.topk_prompt_logprobs?.map(readTopkRow),
    promptCacheHitTokens: read.prompt_cache_hit_tokens ?? 0,
  };
}

function readPromptLogprobs(
  values: unknown[] | null | undefined,
  promptLength: number,
): Float32Array | undefined {
  if (values === null || values === undefined || values.length === 0) return undefined;
  return floats(values.length === promptLength - 1 ? [null, ...values] : values, 'prompt_logprobs');
}

const topkRowSchema = /* @__PURE__ */ lazy(() => z.array(z.tuple([z.number(), z.number()])));

function readTopkRow(row: unknown): readonly (readonly [number, number])[] | undefined {
  return row === null || row === undefined
    ? undefined
    : parseWire(topkRowSchema, row, 'topk_prompt_logprobs row');
}
