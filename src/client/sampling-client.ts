import { checkBoolean, checkFinite, checkInteger, show } from '../kernel/checks.ts';
import { TinkerInputError, TinkerResponseError } from '../kernel/errors.ts';
import { type ApiFuture, startOperation } from '../operations/api-future.ts';
import { createQueueObserver } from '../operations/queue-observer.ts';
import type { Runtime } from '../operations/runtime.ts';
import { dispatchSample, withinSamplingLimits } from '../operations/sampling-dispatch.ts';
import type { CallOptions } from '../operations/scope.ts';
import { checkedChunks, chunksLength } from '../wire/checked-input.ts';
import { type ResolvedSample, readSample, sampleBody } from '../wire/json/sampling.ts';
import type { ModelInput, TokenIds } from '../wire/types/model-input.ts';
import type { SampleRequest, SampleResponse } from '../wire/types/sampling.ts';

/** Estimated size of a token in a prompt (protocol 5.7). */
const BYTES_PER_TOKEN = 10;

/** Samples from one set of weights. Calls are independent of each other: make as many as you like at once. */
export interface SamplingClient {
  /** The server's id of the sampling session. */
  readonly samplingSessionId: string;
  /** Continue a prompt. Throws a `TinkerInputError` at once for arguments that cannot be right. */
  sample(request: SampleRequest, options?: CallOptions): ApiFuture<SampleResponse>;
  /**
   * Log-probability of each token of a text given those before it: as many numbers as tokens, `NaN` for the first.
   * The server samples one token along the way.
   */
  computeLogprobs(prompt: ModelInput | TokenIds, options?: CallOptions): ApiFuture<Float32Array>;
}

/** A client for a sampling session that exists. */
export function createSamplingClient(runtime: Runtime, samplingSessionId: string): SamplingClient {
  let nextId = 0;
  const subject = { name: `Sampling ${samplingSessionId}`, kind: 'sampling' } as const;
  const observer = createQueueObserver(runtime.clock, runtime.emit, subject);

  function start<T>(
    sample: ResolvedSample,
    pick: (response: SampleResponse) => T,
    options: CallOptions | undefined,
  ): ApiFuture<T> {
    const length = chunksLength(sample.prompt);
    return startOperation(
      runtime,
      {
        path: '/api/v1/asample',
        observer,
        within: (scope, work) => withinSamplingLimits(runtime, scope, work),
        // A number of its own for each submission that is not a repetition (protocol 5.8).
        submit(scope, observer, isResubmission) {
          const body = sampleBody(samplingSessionId, nextId++, sample);
          const submission = { body, bytes: BYTES_PER_TOKEN * length, isResubmission };
          return dispatchSample(runtime, scope, submission, observer);
        },
        resubmitsExpired: true,
        decode: (body) => pick(readSample(body, length)),
      },
      options,
    );
  }

  return {
    samplingSessionId,
    sample: (request, options) => start(resolveSample(request), (response) => response, options),
    computeLogprobs(prompt, options) {
      const sample = resolveSample({ prompt, maxTokens: 1, includePromptLogprobs: true });
      const length = chunksLength(sample.prompt);
      const pick = ({ promptLogprobs }: SampleResponse): Float32Array => {
        // Nothing comes before a single token; servers that leave the first number out send none at all.
        if (length === 1) return Float32Array.of(Number.NaN);
        if (promptLogprobs?.length === length) return promptLogprobs;
        const count = promptLogprobs?.length ?? 'no';
        throw new TinkerResponseError(
          `The server returned ${count} prompt log-probabilities for ${length} tokens`,
        );
      };
      return start(sample, pick, options);
    },
  };
}

function resolveSample(request: SampleRequest): ResolvedSample {
  return {
    prompt: checkedChunks('prompt', request.prompt),
    numSamples: checkInteger('numSamples', request.numSamples ?? 1, { min: 1 }),
    maxTokens: checkInteger('maxTokens', request.maxTokens, { min: 1 }),
    temperature: checkFinite('temperature', request.temperature ?? 1, { min: 0 }),
    topK: checkTopK(request.topK ?? -1),
    topP: checkFinite('topP', request.topP ?? 1, { min: 0, aboveMin: true, max: 1 }),
    seed: request.seed === undefined ? undefined : checkInteger('seed', request.seed),
    stop: checkStop(request.stop),
    includePromptLogprobs: checkBoolean('includePromptLogprobs', request.includePromptLogprobs ?? false),
    topkPromptLogprobs: checkInteger('topkPromptLogprobs', request.topkPromptLogprobs ?? 0, { min: 0 }),
  };
}

function checkTopK(topK: unknown): number {
  return topK === -1 ? -1 : checkInteger('topK', topK, { min: 1 });
}

/** Always a list of one kind: servers refuse a bare string, and mixtures (servers.md 2.1 item 7). */
function checkStop(stop: SampleRequest['stop']): readonly string[] | readonly number[] | undefined {
  if (stop === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(stop) ? stop : [stop];
  if (list.length === 0) return undefined;
  if (list.every((item): item is string => typeof item === 'string' && item !== '')) return [...list];
  if (list.every((item): item is number => Number.isInteger(item) && (item as number) >= 0)) return [...list];
  throw new TinkerInputError(
    'stop',
    `must be a string, strings or token ids, none empty or mixed, got ${list.map(show).join(', ')}`,
  );
}
