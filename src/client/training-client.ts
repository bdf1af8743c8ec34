import { raceAbort } from '../kernel/abort.ts';
import { checkBoolean, checkText, show } from '../kernel/checks.ts';
import { TinkerInputError, TinkerOperationError } from '../kernel/errors.ts';
import { type ApiFuture, type OperationObserver, startOperation } from '../operations/api-future.ts';
import { pollFuture } from '../operations/poll.ts';
import { createQueueObserver } from '../operations/queue-observer.ts';
import { type Runtime, sendResilient } from '../operations/runtime.ts';
import type { CallOptions, Scope } from '../operations/scope.ts';
import { createTurns, type NumberedRequest, type SubmitInTurn } from '../operations/turns.ts';
import { checkedBatch } from '../wire/checked-input.ts';
import {
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
import {
  backwardData,
  type CustomLoss,
  type CustomLossResult,
  forwardData,
  logprobsOf,
  withMetrics,
} from './custom-loss.ts';
import { createSamplingClient, type SamplingClient } from './sampling-client.ts';
import {
  type ForwardOptions,
  type LoadStateOptions,
  overwriteField,
  type SaveOptions,
  type SaveStateOptions,
  ttlField,
} from './training-options.ts';
import { createTrainingRequests } from './training-requests.ts';

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
  const requests = createTrainingRequests(runtime, modelId);
  const subject = { name: `Training ${modelId}`, kind: 'training' } as const;
  const observer = createQueueObserver(runtime.clock, runtime.emit, subject);

  function start<T>(
    request: NumberedRequest,
    decode: (body: unknown) => T,
    options?: CallOptions,
  ): ApiFuture<T> {
    const { path } = request;
    const submit = (scope: Scope, observer: OperationObserver) => turns.submit(scope, request, observer);
    return startOperation(runtime, { path, observer, submit, decode }, options);
  }

  function trainStep(
    data: readonly Datum[],
    lossFn: LossFn,
    params: AdamParams | undefined,
    options: ForwardOptions | undefined,
  ): TrainStep {
    const forward = requests.forward('forward_backward', data, lossFn, options);
    const update = requests.optimStep(params);
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
    // Once the pass is in, the step waits: to be told to try again would mean to add the gradient twice.
    const optimStep = start({ ...update, precondition }, readOptimStep, { ...options, onLimit: 'wait' });
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

  function forwardBackwardCustom(
    data: readonly Datum<'cross_entropy'>[],
    customLoss: CustomLoss,
    options: CallOptions | undefined,
  ): ApiFuture<ForwardBackwardOutput> {
    const checked = checkedBatch(data, 'cross_entropy');
    if (typeof customLoss !== 'function')
      throw new TinkerInputError('customLoss', `must be a function, got ${show(customLoss)}`);
    let result: CustomLossResult | undefined;
    const submit = (scope: Scope, observer: OperationObserver) =>
      turns.hold(
        scope,
        async (submitNext: SubmitInTurn) => {
          const pass = await submitNext(requests.pass('forward', forwardData(checked)));
          const body =
            'settled' in pass
              ? pass.settled
              : await pollFuture(runtime, pass.requestId, scope, observer.heard);
          observer.onWait('the custom loss runs');
          result = await raceAbort(
            scope.signal,
            Promise.resolve(customLoss(data, logprobsOf(checked, readForwardBackward(body)))),
          );
          return submitNext(requests.pass('forward_backward', backwardData(checked, result)));
        },
        observer,
      );
    const decode = (body: unknown): ForwardBackwardOutput => {
      const output = readForwardBackward(body);
      return result === undefined ? output : withMetrics(output, result);
    };
    return startOperation(runtime, { path: '/api/v1/forward_backward', observer, submit, decode }, options);
  }

  return {
    modelId,
    trainStep,
    forwardBackwardCustom,
    forward: (data, lossFn, options) =>
      start(requests.forward('forward', data, lossFn, options), readForwardBackward, options),
    forwardBackward: (data, lossFn, options) =>
      start(requests.forward('forward_backward', data, lossFn, options), readForwardBackward, options),
    optimStep: (params, options) => start(requests.optimStep(params), readOptimStep, options),
    saveState(name, options) {
      const fields = { path: checkText('name', name), ...ttlField(options), ...overwriteField(options) };
      return start(requests.save('weights', fields), readSaved, options);
    },
    loadState(path, options) {
      const fields = {
        path: checkText('path', path),
        optimizer: checkBoolean('optimizer', options?.optimizer ?? false),
      };
      return start(requests.weights('load_weights', fields), readLoaded, options);
    },
    saveWeightsForSampler(name, options) {
      const fields = { path: checkText('name', name), ...ttlField(options) };
      return start(requests.save('sampler_weights', fields), readSaved, options);
    },
    async saveWeightsAndGetSamplingClient(options) {
      const number = () => ({ sampling_session_seq_id: nextSamplingSessionId() });
      const request = requests.weights('save_weights_for_sampler', {}, number);
      return createSamplingClient(runtime, await start(request, readSavedSamplerSession, options));
    },
    getInfo: async (options = {}) =>
      runtime.scopes.run(options, async (scope) => {
        const body = { model_id: modelId, type: 'get_info' };
        const path = '/api/v1/get_info';
        return readModelInfo(
          await sendResilient(runtime, { method: 'POST', path, lane: 'rest', body, scope }),
        );
      }),
  };
}
