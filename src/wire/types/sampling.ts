import type { ModelInput, TokenIds } from './model-input.ts';

/** What to generate. Every value is sent explicitly, because servers differ in their defaults. */
export interface SamplingParams {
  /** Most tokens to generate; a positive integer. */
  readonly maxTokens: number;
  /** 0 always takes the likeliest token. @default 1 */
  readonly temperature?: number | undefined;
  /** Keep only the k likeliest tokens; -1 keeps all. @default -1 */
  readonly topK?: number | undefined;
  /** Keep the smallest set of tokens with this much probability, in (0, 1]. @default 1 */
  readonly topP?: number | undefined;
  /** Makes the result repeatable where the server supports it. Any integer of 64 bits; a bigint beyond 2^53. @default none */
  readonly seed?: number | bigint | undefined;
  /** Strings to stop at, or token ids to stop at. The stop itself is not part of the result. @default none */
  readonly stop?: string | readonly string[] | TokenIds | undefined;
}

/** A call of `sample`. */
export interface SampleRequest extends SamplingParams {
  /** What to continue. */
  readonly prompt: ModelInput | TokenIds;
  /** Independent continuations to draw. @default 1 */
  readonly numSamples?: number | undefined;
  /** Also return the log-probability of each prompt token. @default false */
  readonly includePromptLogprobs?: boolean | undefined;
  /** Also return the k likeliest tokens at each prompt position. @default 0 */
  readonly topkPromptLogprobs?: number | undefined;
}

/** One continuation. */
export interface SampledSequence {
  /** What was generated, without the prompt and without the stop. */
  readonly tokens: Int32Array<ArrayBuffer>;
  /** Log-probability of each token, `NaN` where it was not computed; `undefined` where the server does not tell. */
  readonly logprobs: Float32Array<ArrayBuffer> | undefined;
  /** `stop` (a stop string or token was met), `length` (maxTokens reached), or the server's own word. */
  readonly stopReason: 'stop' | 'length' | (string & {});
  /** The server's id of the sequence, where it has ids for them. */
  readonly sequenceId?: string | undefined;
}

/** Result of `sample`. */
export interface SampleResponse {
  /** The continuations, `numSamples` of them. */
  readonly sequences: readonly SampledSequence[];
  /** One per prompt token, `NaN` where there is none (the first); `undefined` unless asked for. */
  readonly promptLogprobs: Float32Array<ArrayBuffer> | undefined;
  /** Per prompt position the likeliest tokens as `[token, logprob]`, or `undefined` where there are none. */
  readonly topkPromptLogprobs: readonly (readonly (readonly [number, number])[] | undefined)[] | undefined;
  /** Prompt tokens the server had cached. */
  readonly promptCacheHitTokens: number;
}
