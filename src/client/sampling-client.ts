import { type ApiFuture, startOperation } from '../operations/api-future.ts';
import type { ResumableKind } from '../operations/future-handle.ts';
import { createMeter, sampleEstimate, sampleUsage, type TokenUsage } from '../operations/metering.ts';
import { createQueueObserver } from '../operations/queue-observer.ts';
import type { Runtime } from '../operations/runtime.ts';
import { dispatchSample, withinSamplingLimits } from '../operations/sampling-dispatch.ts';
import type { CallOptions } from '../operations/scope.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { chunksLength } from '../wire/checked-chunks.ts';
import { checkedSample } from '../wire/checked-sample.ts';
import { checkContextLength } from '../wire/context-length.ts';
import { estimatedPromptBytes } from '../wire/estimated-prompt-bytes.ts';
import { readSampler } from '../wire/json/rest-sessions.ts';
import { type ResolvedSample, sampleBody } from '../wire/json/sampling.ts';
import type { ModelInput, TokenIds } from '../wire/types/model-input.ts';
import type { SampleRequest, SampleResponse } from '../wire/types/sampling.ts';
import { createModelTokenizer } from './model-tokenizer.ts';
import { alignedWithPrompt, promptLogprobsOf, readSampled } from './operation-results.ts';
import { askRest } from './rest/rest-request.ts';
import { routeSegment, routeTo } from './rest/rest-routes.ts';

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
  computeLogprobs(prompt: ModelInput | TokenIds, options?: CallOptions): ApiFuture<Float32Array<ArrayBuffer>>;
  /**
   * Name of the model that the weights adapt, or that is sampled.
   *
   * @throws TinkerUnsupportedError - as a rejection, where the server cannot tell and the client was not told.
   */
  getBaseModel(options?: CallOptions): Promise<string>;
  /** The model's tokenizer, as the service's `loadTokenizer` gives it; loaded once. Refused for a service without one. */
  getTokenizer(options?: CallOptions): Promise<Tokenizer>;
  /** Tokens that this client's finished calls have spent, by kind. */
  usage(): TokenUsage;
}

/** A client for a sampling session that exists. @param baseModel - Where it is known. */
export function createSamplingClient(
  runtime: Runtime,
  samplingSessionId: string,
  baseModel: string | undefined,
): SamplingClient {
  let nextId = 0;
  const meter = createMeter(runtime.meter);
  const subject = { name: `Sampling ${samplingSessionId}`, kind: 'sampling' } as const;
  const observer = createQueueObserver(runtime.clock, runtime.emit, subject);

  function start<T>(
    sample: ResolvedSample,
    kind: Extract<ResumableKind, 'sample' | 'compute_logprobs'>,
    pick: (response: SampleResponse, length: number | undefined) => T,
    options: CallOptions | undefined,
  ): ApiFuture<T> {
    const length = chunksLength(sample.prompt);
    const limit = baseModel === undefined ? undefined : runtime.contextLengths.get(baseModel);
    checkContextLength('prompt', length, sample.maxTokens, limit);
    const promptTokens = length ?? 0;
    let response: SampleResponse | undefined;
    let sequenceIds: readonly string[] = [];
    return startOperation(
      runtime,
      {
        path: '/api/v1/asample',
        type: 'Sample',
        isLarge: true,
        observer,
        within: (scope, work) => withinSamplingLimits(runtime, scope, work),
        // A number of its own for each submission that is not a repetition (protocol 5.8).
        async submit(scope, seen, isResubmission) {
          const body = sampleBody(samplingSessionId, nextId++, sample);
          const submission = { body, bytes: estimatedPromptBytes(sample.prompt), isResubmission };
          const submitted = await dispatchSample(runtime, scope, submission, seen);
          sequenceIds = submitted.sequenceIds ?? [];
          return [submitted];
        },
        resubmitsExpired: !runtime.settings.current.sampleNoRetries,
        decode(bodies) {
          response = withSequenceIds(readSampled(bodies, length), sequenceIds);
          return pick(response, length);
        },
        handle: () => ({ kind, ...(length === undefined ? {} : { promptLength: length }) }),
        metering: {
          meter,
          estimate: sampleEstimate({ ...sample, promptTokens }),
          usage: () => (response === undefined ? {} : sampleUsage(promptTokens, response)),
        },
      },
      options,
    );
  }

  const getBaseModel: SamplingClient['getBaseModel'] = async (options) => {
    if (baseModel !== undefined) return baseModel;
    const path = routeTo(`samplers/${routeSegment('samplingSessionId', samplingSessionId)}`);
    return (await askRest(runtime, { method: 'GET', path }, readSampler, options)).baseModel;
  };

  return {
    samplingSessionId,
    sample(request, options) {
      const sample = checkedSample(request);
      const isAsked = sample.includePromptLogprobs || sample.topkPromptLogprobs > 0;
      return start(sample, 'sample', isAsked ? alignedWithPrompt : (response) => response, options);
    },
    computeLogprobs(prompt, options) {
      const sample = checkedSample({ prompt, maxTokens: 1, includePromptLogprobs: true });
      return start(sample, 'compute_logprobs', promptLogprobsOf, options);
    },
    getBaseModel,
    getTokenizer: createModelTokenizer(runtime, async (options) => ({
      modelName: await getBaseModel(options),
    })),
    usage: () => meter.snapshot(),
  };
}

function withSequenceIds(response: SampleResponse, ids: readonly string[]): SampleResponse {
  if (ids.length === 0) return response;
  const sequences = response.sequences.map((sequence, index) => ({ ...sequence, sequenceId: ids[index] }));
  return { ...response, sequences };
}
