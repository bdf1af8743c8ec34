import { TinkerInputError } from '../kernel/errors.ts';
import { type ApiFuture, startOperation } from '../operations/api-future.ts';
import { checkHandle, type FutureHandle, type ResumableKind } from '../operations/future-handle.ts';
import type { RequestType } from '../operations/polling/poll-request.ts';
import type { Runtime } from '../operations/runtime.ts';
import type { CallOptions } from '../operations/scope.ts';
import type { SampleResponse } from '../wire/types/sampling.ts';
import type {
  ForwardBackwardOutput,
  LoadWeightsResponse,
  OptimStepResponse,
  SaveWeightsResponse,
  UnloadModelResponse,
} from '../wire/types/training.ts';
import { promptLogprobsOf, readSampled } from './operation-results.ts';

/** What each kind of operation resolves to. */
export interface ResultByKind {
  /** Id of the model. */
  readonly create_model: string;
  /** As `forward` has it. */
  readonly forward: ForwardBackwardOutput;
  /** As `forwardBackward` and `forwardBackwardCustom` have it. */
  readonly forward_backward: ForwardBackwardOutput;
  /** As `optimStep` has it. */
  readonly optim_step: OptimStepResponse;
  /** As `saveState` and `saveWeightsForSampler` have it. */
  readonly save_weights: SaveWeightsResponse;
  /** As `loadState` has it. */
  readonly load_weights: LoadWeightsResponse;
  /** As `unload` has it. */
  readonly unload_model: UnloadModelResponse;
  /** As `sample` has it. */
  readonly sample: SampleResponse;
  /** One number for each token of the prompt. */
  readonly compute_logprobs: Float32Array<ArrayBuffer>;
}

/** How a result of one kind is asked for and read. */
export interface ResumedKind<T> {
  readonly type: RequestType;
  /** Its result may be large. @default false */
  readonly isLarge?: true;
  /** It may have been submitted in chunks. @default false */
  readonly isPass?: true;
  read(bodies: readonly unknown[], handle: FutureHandle): T;
}

/** The kinds that a service resumes. */
export type ResumedKinds<K extends ResumableKind> = { readonly [P in K]: ResumedKind<ResultByKind[P]> };

/** Kinds of operations of a sampling client. */
export type SamplingKind = 'sample' | 'compute_logprobs';

/** Those of sampling. */
export function samplingKinds(): ResumedKinds<SamplingKind> {
  return {
    sample: {
      type: 'Sample',
      isLarge: true,
      read: (bodies, { promptLength }) => readSampled(bodies, promptLength),
    },
    compute_logprobs: {
      type: 'Sample',
      isLarge: true,
      read: (bodies, { promptLength }) => promptLogprobsOf(readSampled(bodies, promptLength), promptLength),
    },
  };
}

/** Wait for an operation that another process submitted. It submits nothing, and needs no session. */
export function resumeFuture<All extends ResumableKind, K extends All>(
  runtime: Runtime,
  kinds: ResumedKinds<All>,
  handle: FutureHandle & { readonly kind: K },
  options: CallOptions | undefined,
): ApiFuture<ResultByKind[K]> {
  const checked = checkHandle(handle, Object.keys(kinds) as K[]);
  const { kind, requestIds } = checked;
  const { type, isLarge, isPass, read }: ResumedKind<ResultByKind[K]> = kinds[kind];
  if (!isPass && requestIds.length > 1) {
    throw new TinkerInputError('handle.requestIds', `must hold one id for ${kind}, got ${requestIds.length}`);
  }
  return startOperation(
    runtime,
    {
      path: '/api/v1/retrieve_future',
      type,
      isLarge,
      submit: async () => requestIds.map((requestId) => ({ requestId })),
      decode: (bodies) => read(bodies, checked),
      handle: () => checked,
    },
    options,
  );
}
