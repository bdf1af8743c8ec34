/**
 * Train and sample: the clients, their data and their errors.
 *
 * @module isotinker
 */

export type { BytesInput } from './client/archive/byte-source.ts';
export type {
  CheckpointDownload,
  DownloadOptions,
  DownloadProgress,
} from './client/archive/checkpoint-download.ts';
export { type ArchiveEntry, extractArchive } from './client/archive/tar-archive.ts';
export type { ClientConfigOverrides } from './client/client-config-check.ts';
export { createSamplingService } from './client/create-sampling-service.ts';
export type { CustomLoss, CustomLossResult } from './client/custom-loss/custom-loss.ts';
export {
  checkGradients,
  type GradientAtPosition,
  type GradientCheck,
  type GradientCheckOptions,
} from './client/custom-loss/gradient-check.ts';
export type { ServiceClientOptions } from './client/options.ts';
export type { CheckpointRef } from './client/rest/checkpoint-ref.ts';
export type { Page, PagePosition, Pages, WholeList } from './client/rest/pages.ts';
export type { AuditLogQuery } from './client/rest/rest-account.ts';
export type { RestClient, SessionQuery, TrainingRunQuery } from './client/rest/rest-client.ts';
export type { AccessOptions, AccessScope } from './client/rest/rest-routes.ts';
export type { UsageWindow } from './client/rest/usage-window.ts';
export type { Identity } from './client/rest/who-am-i.ts';
export type { ResultByKind, SamplingKind } from './client/resume.ts';
export type { SamplingClient } from './client/sampling-client.ts';
export type { SamplingService, SamplingServiceOptions } from './client/sampling-service.ts';
export type { SamplingSource } from './client/sampling-sessions.ts';
export {
  createServiceClient,
  type LoraTrainingOptions,
  type ServiceClient,
} from './client/service-client.ts';
export type { CircuitGauge, LimitGauge, OperationGauge, ServiceSnapshot } from './client/snapshot.ts';
export type { TrainStep, TrainStepOutput } from './client/train-step.ts';
export type { TrainingClient } from './client/training-client.ts';
export type { TrainingFromStateOptions } from './client/training-from-state.ts';
export type {
  ForwardOptions,
  LoadStateOptions,
  SaveOptions,
  SaveStateOptions,
} from './client/training-options.ts';
export { TinkerBatchError } from './kernel/batch-error.ts';
export { TinkerBudgetError } from './kernel/budget-error.ts';
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
export { type PartialFailure, TinkerPartialError } from './kernel/partial-error.ts';
export { type RandomSource, seededRandom } from './kernel/random.ts';
export { TinkerAmbiguousSubmitError, TinkerPoisonedError } from './kernel/submission-errors.ts';
export { TinkerUnsupportedError } from './kernel/unsupported-error.ts';
export type { WakeSource } from './kernel/wake.ts';
export type { ApiFuture, ResultOptions } from './operations/api-future.ts';
export type { FutureHandle, HandleDetails, ResumableKind } from './operations/future-handle.ts';
export type { TokenKind, TokenUsage } from './operations/metering.ts';
export type { FutureEvent, FutureStatus } from './operations/operation-view.ts';
export type { CallOptions, OnLimit } from './operations/scope.ts';
export { createSharedLimits, type SharedLimits } from './operations/shared-limits.ts';
export type { TelemetryGauge } from './operations/telemetry/telemetry-delivery.ts';
export type { TokenBudgetGauge, TokenBudgetOptions } from './operations/token-budget.ts';
export type { Compress, WireFormat } from './operations/wire-format.ts';
export type { CircuitBreakerOptions } from './policy/breaker.ts';
export type { AdaptivePollOptions, PollContext, PollPolicyOption } from './policy/poll-policy.ts';
export { memoryStorage } from './storage/memory.ts';
export type { Storage, StorageSetOptions } from './storage/storage.ts';
export type {
  AddedToken,
  ChatTemplate,
  DecodeOptions,
  EncodeOptions,
  Tokenizer,
  TokenizerLoader,
  TokenizerReference,
} from './tokenizer/tokenizer.ts';
export type { ApiKey } from './transport/credential.ts';
export type { AuthScheme, FetchLike } from './transport/transport.ts';
export { VERSION } from './version.ts';
export type { ClientConfig } from './wire/json/client-config.ts';
export { parseTinkerPath } from './wire/tinker-path.ts';
export type { BillingEvent, BillingEventInfo, BillingUsage } from './wire/types/billing.ts';
export type {
  ClippedLossInputs,
  Datum,
  DenseTensor,
  FloatInput,
  FloatTensorInput,
  Int64Input,
  LossFn,
  LossFnInputs,
  PolicyLossInputs,
  SparseIndices,
  SparseTensorData,
  TensorData,
  TensorValues,
  TokenTensorInput,
} from './wire/types/datum.ts';
export {
  type DmelChunk,
  type EncodedTextChunk,
  type ImageAssetPointerChunk,
  type ImageChunk,
  type ImageFormat,
  ModelInput,
  type ModelInputChunk,
  type TokenIds,
} from './wire/types/model-input.ts';
export type {
  AuditLogEntry,
  CheckpointArchive,
  Cursor,
  SamplerInfo,
  SessionInfo,
} from './wire/types/rest.ts';
export type {
  SampledSequence,
  SampleRequest,
  SampleResponse,
  SamplingParams,
} from './wire/types/sampling.ts';
export type { QueueState, ServerCapabilities, SupportedModel } from './wire/types/server.ts';
export type {
  CheckpointKind,
  ParsedTinkerPath,
  PathOfKind,
  TinkerPath,
} from './wire/types/tinker-path.ts';
export type {
  AdamParams,
  ForwardBackwardOutput,
  LoadWeightsResponse,
  LoraConfig,
  ModelInfo,
  OptimStepResponse,
  SaveWeightsResponse,
  UnloadModelResponse,
} from './wire/types/training.ts';
export type { Checkpoint, TrainingRun, WeightsInfo } from './wire/types/training-run.ts';
