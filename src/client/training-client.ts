import { checkBoolean, checkText } from '../kernel/checks.ts';
import { TinkerOperationError } from '../kernel/errors.ts';
import { type ApiFuture, startOperation } from '../operations/api-future.ts';
import { type Runtime, sendResilient } from '../operations/runtime.ts';
import type { CallOptions } from '../operations/scope.ts';
import { createTurns, type NumberedRequest } from '../operations/turns.ts';
import { checkedBatch } from '../wire/checked-input.ts';
import {
  forwardBody,
  optimStepBody,
  readForwardBackward,
  readLoaded,
  readModelInfo,
  readOptimStep,
  readSaved,
  readSavedSamplerSession,
} from '../wire/json/training.ts';
import type { Datum, LossFn } from '../wire/types/datum.ts';
import type {
  AdamParams,
  ForwardBackwardOutput,
  LoadWeightsResponse,
  ModelInfo,
  OptimStepResponse,
  SaveWeightsResponse,
} from '../wire/types/training.ts';
import { createSamplingClient, type SamplingClient } from './sampling-client.ts';
import {
  checkedLossConfig,
  type ForwardOptions,
  type LoadStateOptions,
  overwriteField,
  resolveAdam,
  type SaveOptions,
  type SaveStateOptions,
  ttlField,
} from './training-options.ts';

/** What {@link TrainStep} resolves to. */
export interface TrainStepOutput {
  /** Loss, log-probabilities and metrics of the pass. */
  readonly forwardBackward: ForwardBackwardOutput;
  /** What the optimizer reported. */
  readonly optimStep: OptimStepResponse;
}

/** One step of training under way: await it for both results, or await its halves. */
export interface TrainStep extends PromiseLike<TrainStepOutput> {
  /** The pass, submitted first. */
  readonly forwardBackward: ApiFuture<ForwardBackwardOutput>;
  /** The optimizer's step, submitted behind it. */
  readonly optimStep: ApiFuture<OptimStepResponse>;
}

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
  /** Save the weights as a named checkpoint to sample from. */
  saveWeightsForSampler(name: string, options?: SaveOptions): ApiFuture<SaveWeightsResponse>;
  /** A client that samples from the weights as they are now: all that was submitted before, nothing after. */
  saveWeightsAndGetSamplingClient(options?: CallOptions): Promise<SamplingClient>;
  /** What the server knows of the model. */
  getInfo(options?: CallOptions): Promise<ModelInfo>;
}

/** A client for a model that exists. `nextSamplingSessionId` numbers the sampling sessions of the whole service. */
export function createTrainingClient(
  runtime: Runtime,
  modelId: string,
  nextSamplingSessionId: () => number,
): TrainingClient {
  const turns = createTurns(runtime);

  function start<T>(
    request: NumberedRequest,
    decode: (body: unknown) => T,
    options?: CallOptions,
  ): ApiFuture<T> {
    return startOperation(runtime, { submit: (scope) => turns.submit(scope, request), decode }, options);
  }

  function forwardRequest(
    route: 'forward' | 'forward_backward',
    data: readonly Datum[],
    lossFn: LossFn,
    options: ForwardOptions | undefined,
  ): NumberedRequest {
    const lossFnConfig = checkedLossConfig(options?.lossFnConfig);
    const input = { data: checkedBatch(data, lossFn), lossFn, lossFnConfig };
    return {
      path: `/api/v1/${route}`,
      body: (sequenceId) => forwardBody(`${route}_input`, modelId, sequenceId, input),
    };
  }

  function optimStepRequest(params: AdamParams | undefined): NumberedRequest {
    const adam = resolveAdam(params ?? {});
    return { path: '/api/v1/optim_step', body: (sequenceId) => optimStepBody(modelId, sequenceId, adam) };
  }

  /** `late` gives fields that are only known when the request's turn has come. */
  function weightsRequest(type: string, fields: object, late?: () => object): NumberedRequest {
    return {
      path: `/api/v1/${type}`,
      body: (sequenceId) => ({ model_id: modelId, ...fields, ...late?.(), seq_id: sequenceId, type }),
    };
  }

  function trainStep(
    data: readonly Datum[],
    lossFn: LossFn,
    params: AdamParams | undefined,
    options: ForwardOptions | undefined,
  ): TrainStep {
    const forward = forwardRequest('forward_backward', data, lossFn, options);
    const update = optimStepRequest(params);
    let isAccepted = false;
    const accepted = (): void => {
      isAccepted = true;
    };
    const precondition = (): void => {
      if (isAccepted) return;
      throw new TinkerOperationError(
        'operation_failed',
        'user',
        'Not sent: the forward-backward pass before it was not submitted',
      );
    };
    const forwardBackward = start({ ...forward, accepted }, readForwardBackward, options);
    const optimStep = start({ ...update, precondition }, readOptimStep, options);
    return {
      forwardBackward,
      optimStep,
      // biome-ignore lint/suspicious/noThenProperty: a step is awaited like the two results it stands for.
      then: (onValue, onError) =>
        Promise.all([forwardBackward, optimStep])
          .then(([forwardBackward, optimStep]) => ({ forwardBackward, optimStep }))
          .then(onValue, onError),
    };
  }

  return {
    modelId,
    trainStep,
    forward: (data, lossFn, options) =>
      start(forwardRequest('forward', data, lossFn, options), readForwardBackward, options),
    forwardBackward: (data, lossFn, options) =>
      start(forwardRequest('forward_backward', data, lossFn, options), readForwardBackward, options),
    optimStep: (params, options) => start(optimStepRequest(params), readOptimStep, options),
    saveState(name, options) {
      const fields = { path: checkText('name', name), ...ttlField(options), ...overwriteField(options) };
      return start(weightsRequest('save_weights', fields), readSaved, options);
    },
    loadState(path, options) {
      const fields = {
        path: checkText('path', path),
        optimizer: checkBoolean('optimizer', options?.optimizer ?? false),
      };
      return start(weightsRequest('load_weights', fields), readLoaded, options);
    },
    saveWeightsForSampler(name, options) {
      const fields = { path: checkText('name', name), ...ttlField(options) };
      return start(weightsRequest('save_weights_for_sampler', fields), readSaved, options);
    },
    async saveWeightsAndGetSamplingClient(options) {
      const number = () => ({ sampling_session_seq_id: nextSamplingSessionId() });
      const request = weightsRequest('save_weights_for_sampler', {}, number);
      return createSamplingClient(runtime, await start(request, readSavedSamplerSession, options));
    },
    getInfo: async (options = {}) =>
      runtime.scopes.run(options, async ({ signal }) => {
        const body = { model_id: modelId, type: 'get_info' };
        return readModelInfo(
          await sendResilient(runtime, { method: 'POST', path: '/api/v1/get_info', body, signal }),
        );
      }),
  };
}
