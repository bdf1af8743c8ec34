import { checkText, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import { type ApiFuture, startOperation } from '../operations/api-future.ts';
import type { HandleDetails, ResumableKind } from '../operations/future-handle.ts';
import { createMeter, passUsage, type TokenUsage } from '../operations/metering.ts';
import type { NumberedRequest } from '../operations/numbered-submission.ts';
import type { RequestType } from '../operations/polling/poll-request.ts';
import { createQueueObserver } from '../operations/queue-observer.ts';
import type { OperationObserver } from '../operations/run-operation.ts';
import type { PassRuntime } from '../operations/runtime.ts';
import type { CallOptions, Scope } from '../operations/scope.ts';
import { type Batch, createTurns, type SubmittedBatch } from '../operations/turns.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { checkedCustomBatch } from '../wire/checked-input.ts';
import { readLoaded, readOptimStep, readSaved, readSavedSamplerSession } from '../wire/json/training.ts';
import type { Datum, LossFn } from '../wire/types/datum.ts';
import type { TinkerPath } from '../wire/types/tinker-path.ts';
import type {
  AdamParams,
  ForwardBackwardOutput,
  LoadWeightsResponse,
  ModelInfo,
  OptimStepResponse,
  SaveWeightsResponse,
  UnloadModelResponse,
} from '../wire/types/training.ts';
import {
  type CustomLoss,
  type CustomLossResult,
  customMetrics,
  withMetrics,
} from './custom-loss/custom-loss.ts';
import { submitCustomLoss } from './custom-loss/custom-loss-operation.ts';
import { getModelInfo } from './model-info.ts';
import { trainedTokenizer } from './model-tokenizer.ts';
import { alignedWithRows, onePart, readPass } from './operation-results.ts';
import type { SamplingClient } from './sampling-client.ts';
import type { SamplingSessions } from './sampling-sessions.ts';
import { chained, joinTrainStep, type TrainStep } from './train-step.ts';
import {
  type ForwardOptions,
  type LoadStateOptions,
  loadFields,
  overwriteField,
  type SaveOptions,
  type SaveStateOptions,
  ttlField,
} from './training-options.ts';
import { createTrainingRequests, fillerRequest, type Pass, type PassRoute } from './training-requests.ts';
import { unloadModel } from './unload-model.ts';

/**
 * Trains one adapter. Requests are numbered and handed to the server in call order; results are waited for side by
 * side, so a step need not wait for the one before it.
 *
 * A method that returns an {@link ApiFuture} throws a `TinkerInputError` at once for arguments that cannot be right;
 * nothing is sent and no number is taken.
 */
export interface TrainingClient {
  /** The server's id of the model, e.g. `session:train:0`. */
  readonly modelId: string;
  /** Compute the loss and the log-probabilities; no gradient. */
  forward<L extends LossFn>(
    data: readonly Datum<L>[],
    lossFn: L,
    options?: ForwardOptions,
  ): ApiFuture<ForwardBackwardOutput>;
  /** The same, and add the gradient of the loss (a sum over positions) to what has accumulated. */
  forwardBackward<L extends LossFn>(
    data: readonly Datum<L>[],
    lossFn: L,
    options?: ForwardOptions,
  ): ApiFuture<ForwardBackwardOutput>;
  /**
   * A pass with a loss of your own (protocol 5.6): a forward pass, your function, and a pass that adds the gradient it
   * gave to what has accumulated. Counts as one request in the order: what you call later comes after all of it. The
   * loss is the metric `custom_loss`; the server's own loss metrics are those of the linear stand-in.
   */
  forwardBackwardCustom(
    data: readonly Datum<'cross_entropy'>[],
    customLoss: CustomLoss,
    options?: CallOptions,
  ): ApiFuture<ForwardBackwardOutput>;
  /** Apply the accumulated gradient with AdamW, and clear it. */
  optimStep(params?: AdamParams, options?: CallOptions): ApiFuture<OptimStepResponse>;
  /**
   * `forwardBackward` and `optimStep`, submitted one behind the other without waiting for a result. If the first
   * cannot be submitted, the second is not sent.
   */
  trainStep<L extends LossFn>(
    data: readonly Datum<L>[],
    lossFn: L,
    params?: AdamParams,
    options?: ForwardOptions,
  ): TrainStep;
  /** Save weights and optimizer state as a checkpoint to continue training from. */
  saveState(name: string, options?: SaveStateOptions): ApiFuture<SaveWeightsResponse>;
  /** Replace the weights by a checkpoint's. `path` as `saveState` returned it. */
  loadState(path: string, options?: LoadStateOptions): ApiFuture<LoadWeightsResponse>;
  /** Save the weights as a named checkpoint to sample from: `path` is for `createSamplingClient`. */
  saveWeightsForSampler(name: string, options?: SaveOptions): ApiFuture<SaveWeightsResponse>;
  /** A client that samples from the weights as they are now: all that was submitted before, nothing after. */
  saveWeightsAndGetSamplingClient(options?: CallOptions): Promise<SamplingClient>;
  /** A client that samples from saved sampler weights. `modelPath` as `saveWeightsForSampler` returned it. */
  createSamplingClient(modelPath: TinkerPath | (string & {}), options?: CallOptions): Promise<SamplingClient>;
  /** What the server knows of the model. */
  getInfo(options?: CallOptions): Promise<ModelInfo>;
  /** The model's tokenizer, as the service's `loadTokenizer` gives it; loaded once. Refused for a service without one. */
  getTokenizer(options?: CallOptions): Promise<Tokenizer>;
  /** Give the model's place on the server free, behind all that was submitted before. What was saved stays. */
  unload(options?: CallOptions): ApiFuture<UnloadModelResponse>;
  /** Tokens that this client's finished calls have spent, by kind. */
  usage(): TokenUsage;
}

const OPTIM_STEP = { kind: 'optim_step', type: 'OptimStep' } as const;
const SAVE_WEIGHTS = { kind: 'save_weights', type: 'SaveWeights' } as const;
const LOAD_WEIGHTS = { kind: 'load_weights', type: 'LoadWeights' } as const;
const SAVE_FOR_SAMPLER = { kind: 'save_weights', type: 'SaveWeightsForSampler' } as const;
/** Its result is a session, which another process could not use. */
const SAVE_EPHEMERAL = { kind: 'unknown', type: 'SaveWeightsForSampler' } as const;

/** A client for a model that exists. @param baseModel - Where it is known. */
export function createTrainingClient(
  runtime: PassRuntime,
  { modelId, baseModel }: { readonly modelId: string; readonly baseModel: string | undefined },
  sampling: SamplingSessions,
): TrainingClient {
  const turns = createTurns(runtime, () => fillerRequest(modelId));
  const requests = createTrainingRequests(runtime, modelId, baseModel);
  const meter = createMeter(runtime.meter);
  const subject = { name: `Training ${modelId}`, kind: 'training' } as const;
  const observer = createQueueObserver(runtime.clock, runtime.emit, subject);

  function start<T>(
    request: NumberedRequest,
    { kind, type }: { readonly kind: ResumableKind | 'unknown'; readonly type: RequestType },
    read: (body: unknown) => T,
    options: CallOptions | undefined,
    hooks: Pick<Batch, 'precondition'> = {},
  ): ApiFuture<T> {
    const { path } = request;
    const submit = (scope: Scope, seen: OperationObserver): Promise<SubmittedBatch> =>
      turns.submit(scope, { requests: [request], ...hooks }, seen);
    const handle = (): HandleDetails => ({ kind });
    return startOperation(runtime, { path, type, observer, submit, decode: onePart(read), handle }, options);
  }

  function startPass(
    route: PassRoute,
    pass: Pass,
    options: CallOptions | undefined,
    hooks: Pick<Batch, 'accepted'> = {},
  ): ApiFuture<ForwardBackwardOutput> {
    return startOperation(
      runtime,
      {
        path: `/api/v1/${route}`,
        type: route === 'forward' ? 'Forward' : 'ForwardBackward',
        isLarge: true,
        observer,
        submit: (scope, seen) => turns.submit(scope, { ...pass.batch(), ...hooks }, seen),
        decode: (bodies) => alignedWithRows(readPass(bodies), pass.data),
        handle: () => ({ kind: route }),
        metering: { meter, estimate: pass.tokens, usage: () => passUsage(route, pass.tokens) },
      },
      options,
    );
  }

  function startCustom(
    data: readonly Datum<'cross_entropy'>[],
    customLoss: CustomLoss,
    options: CallOptions | undefined,
  ): ApiFuture<ForwardBackwardOutput> {
    const checked = checkedCustomBatch(data);
    if (typeof customLoss !== 'function')
      throw new TinkerInputError('customLoss', `must be a function, got ${show(customLoss)}`);
    const { tokens } = requests.pass('forward', checked);
    let result: CustomLossResult | undefined;
    const evaluated = (its: CustomLossResult): void => {
      result = its;
    };
    const parts = { runtime, turns, requests, data, checked, customLoss, evaluated };
    return startOperation(
      runtime,
      {
        path: '/api/v1/forward_backward',
        type: 'ForwardBackward',
        isLarge: true,
        observer,
        submit: (scope, seen) => submitCustomLoss(parts, scope, seen),
        decode: (bodies) => {
          const output = readPass(bodies);
          return result === undefined ? output : withMetrics(output, result);
        },
        handle: () => ({ kind: 'forward_backward', ...(result && { metrics: customMetrics(result) }) }),
        metering: { meter, estimate: 2 * tokens, usage: () => ({ prefill: tokens, trained: tokens }) },
      },
      options,
    );
  }

  return {
    modelId,
    usage: () => meter.snapshot(),
    trainStep(data, lossFn, params, options) {
      const pass = requests.forward('forward_backward', data, lossFn, options);
      const update = requests.optimStep(params);
      const tied = chained();
      const forwardBackward = startPass('forward_backward', pass, options, tied.pass);
      // Once the pass is in, the step waits: to be told to try again would mean to add the gradient twice.
      const patient = { ...options, onLimit: 'wait' } as const;
      const optimStep = start(update, OPTIM_STEP, readOptimStep, patient, tied.step);
      return joinTrainStep(forwardBackward, optimStep);
    },
    forwardBackwardCustom: startCustom,
    forward: (data, lossFn, options) =>
      startPass('forward', requests.forward('forward', data, lossFn, options), options),
    forwardBackward: (data, lossFn, options) =>
      startPass('forward_backward', requests.forward('forward_backward', data, lossFn, options), options),
    optimStep: (params, options) => start(requests.optimStep(params), OPTIM_STEP, readOptimStep, options),
    saveState(name, options) {
      const fields = { path: checkText('name', name), ...ttlField(options), ...overwriteField(options) };
      const read = (body: unknown) => readSaved(body, `tinker://${modelId}/weights/${name}`);
      return start(requests.save('weights', fields), SAVE_WEIGHTS, read, options);
    },
    loadState(path, options) {
      const request = requests.weights('load_weights', loadFields(path, options));
      return start(request, LOAD_WEIGHTS, readLoaded, options);
    },
    saveWeightsForSampler(name, options) {
      const fields = { path: checkText('name', name), ...ttlField(options) };
      const read = (body: unknown) => readSaved(body, `tinker://${modelId}/sampler_weights/${name}`);
      return start(requests.save('sampler_weights', fields), SAVE_FOR_SAMPLER, read, options);
    },
    async saveWeightsAndGetSamplingClient(options) {
      const number = () => ({ sampling_session_seq_id: sampling.nextId() });
      const request = requests.weights('save_weights_for_sampler', {}, number);
      const id = await start(request, SAVE_EPHEMERAL, readSavedSamplerSession, options);
      return sampling.attach(id, baseModel);
    },
    createSamplingClient: (modelPath, options) => sampling.create({ modelPath }, options),
    getInfo: (options) => getModelInfo(runtime, modelId, options),
    getTokenizer: trainedTokenizer(runtime, modelId, baseModel),
    unload: (options) => unloadModel(runtime, turns, modelId, options),
  };
}
