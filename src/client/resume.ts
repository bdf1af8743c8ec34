import { TinkerInputError } from '../kernel/errors.ts';
import { type ApiFuture, startOperation } from '../operations/api-future.ts';
import { checkHandle, type FutureHandle, type ResumableKind } from '../operations/future-handle.ts';
import type { RequestType } from '../operations/polling/poll-request.ts';
import type { Runtime } from '../operations/runtime.ts';
import type { CallOptions } from '../operations/scope.ts';
import { readLoaded, readModelId, readOptimStep, readSaved } from '../wire/json/training.ts';
import type { SampleResponse } from '../wire/types/sampling.ts';
import type {
  ForwardBackwardOutput,
  LoadWeightsResponse,
  OptimStepResponse,
  SaveWeightsResponse,
  UnloadModelResponse,
} from '../wire/types/training.ts';
import { onePart, promptLogprobsOf, readPass, readSampled } from './operation-results.ts';

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
  readonly compute_logprobs: Float32Array;
}

const TYPES: Readonly<Record<ResumableKind, RequestType>> = {
  create_model: 'CreateModel',
  forward: 'Forward',
  forward_backward: 'ForwardBackward',
  optim_step: 'OptimStep',
  save_weights: 'SaveWeights',
  load_weights: 'LoadWeights',
  unload_model: 'UnloadModel',
  sample: 'Sample',
  compute_logprobs: 'Sample',
};

const LARGE: readonly ResumableKind[] = ['forward', 'forward_backward', 'sample', 'compute_logprobs'];

/** Wait for an operation that another process submitted. It submits nothing, and needs no session. */
export function resumeFuture<K extends ResumableKind>(
  runtime: Runtime,
  handle: FutureHandle & { readonly kind: K },
  options: CallOptions | undefined,
): ApiFuture<ResultByKind[K]> {
  const checked = checkHandle(handle);
  const { kind, requestIds } = checked;
  const isLarge = LARGE.includes(kind);
  const isPass = kind === 'forward' || kind === 'forward_backward';
  if (!isPass && requestIds.length > 1) {
    throw new TinkerInputError('handle.requestIds', `must hold one id for ${kind}, got ${requestIds.length}`);
  }
  return startOperation(
    runtime,
    {
      path: '/api/v1/retrieve_future',
      type: TYPES[kind],
      isLarge,
      submit: async () => requestIds.map((requestId) => ({ requestId })),
      decode: readerOf(checked) as (bodies: readonly unknown[]) => ResultByKind[K],
      handle: () => checked,
    },
    options,
  );
}

function readerOf(handle: FutureHandle & { readonly kind: ResumableKind }) {
  const { promptLength, metrics } = handle;
  const readers = {
    create_model: onePart((body) => readModelId(body) ?? handle.requestIds[0] ?? ''),
    forward: readPass,
    forward_backward: (bodies: readonly unknown[]) => {
      const output = readPass(bodies);
      return metrics === undefined ? output : { ...output, metrics: { ...output.metrics, ...metrics } };
    },
    optim_step: onePart(readOptimStep),
    save_weights: onePart(readSaved),
    load_weights: onePart(readLoaded),
    unload_model: onePart((body) => ({ modelId: readModelId(body) })),
    sample: (bodies: readonly unknown[]) => readSampled(bodies, promptLength),
    compute_logprobs: (bodies: readonly unknown[]) =>
      promptLogprobsOf(readSampled(bodies, promptLength), promptLength),
  } satisfies { [K in ResumableKind]: (bodies: readonly unknown[]) => ResultByKind[K] };
  return readers[handle.kind];
}
