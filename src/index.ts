export type { CustomLoss, CustomLossResult } from './client/custom-loss.ts';
export type { ServiceClientOptions } from './client/options.ts';
export type { SamplingClient } from './client/sampling-client.ts';
export {
  createServiceClient,
  type LoraTrainingOptions,
  type SamplingSource,
  type ServiceClient,
} from './client/service-client.ts';
export type { CircuitGauge, LimitGauge, OperationGauge, ServiceSnapshot } from './client/snapshot.ts';
export type { TrainingClient, TrainStep, TrainStepOutput } from './client/training-client.ts';
export type {
  ForwardOptions,
  LoadStateOptions,
  SaveOptions,
  SaveStateOptions,
} from './client/training-options.ts';
export { type Clock, type ScheduleOptions, systemClock } from './kernel/clock.ts';
export type { CircuitKind, EventSink, TinkerEvent } from './kernel/diagnostics.ts';
export {
  isTinkerError,
  TinkerApiError,
  TinkerClosedError,
  TinkerConnectionError,
  TinkerError,
  type TinkerErrorByCode,
  type TinkerErrorCategory,
  type TinkerErrorCode,
  TinkerInputError,
  TinkerOperationError,
  TinkerResponseError,
  TinkerTimeoutError,
} from './kernel/errors.ts';
export type { Lane } from './kernel/lane.ts';
export { type LimitScope, TinkerCircuitOpenError, TinkerLimitError } from './kernel/limit-errors.ts';
export { type RandomSource, seededRandom } from './kernel/random.ts';
export { TinkerAmbiguousSubmitError, TinkerPoisonedError } from './kernel/submission-errors.ts';
export type { WakeSource } from './kernel/wake.ts';
export type { ApiFuture, ResultOptions } from './operations/api-future.ts';
export type { FutureEvent, FutureStatus } from './operations/operation-view.ts';
export type { CallOptions, OnLimit } from './operations/scope.ts';
export { createSharedLimits, type SharedLimits } from './operations/shared-limits.ts';
export type { CircuitBreakerOptions } from './policy/breaker.ts';
export type { AdaptivePollOptions, PollContext, PollPolicyOption } from './policy/poll-policy.ts';
export { memoryStorage } from './storage/memory.ts';
export type { Storage, StorageSetOptions } from './storage/storage.ts';
export type { ApiKey, FetchLike } from './transport/transport.ts';
export { VERSION } from './version.ts';
export type {
  Datum,
  FloatInput,
  LossFn,
  LossFnInputs,
  PolicyLossInputs,
  TensorData,
  TensorValues,
} from './wire/types/datum.ts';
export {
  type EncodedTextChunk,
  ModelInput,
  type ModelInputChunk,
  type TokenIds,
} from './wire/types/model-input.ts';
export type {
  SampledSequence,
  SampleRequest,
  SampleResponse,
  SamplingParams,
} from './wire/types/sampling.ts';
export type { QueueState, ServerCapabilities, SupportedModel } from './wire/types/server.ts';
export type {
  AdamParams,
  ForwardBackwardOutput,
  LoadWeightsResponse,
  LoraConfig,
  ModelInfo,
  OptimStepResponse,
  SaveWeightsResponse,
} from './wire/types/training.ts';
