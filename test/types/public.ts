import {
  type ApiFuture,
  createServiceClient,
  type Datum,
  type ForwardBackwardOutput,
  isTinkerError,
  ModelInput,
  type ModelInputChunk,
  type PathOfKind,
  parseTinkerPath,
  type SampleResponse,
  type SamplingClient,
  type SparseTensorData,
  type TinkerErrorCode,
  type TinkerPath,
  type TrainingClient,
} from '../../src/index.ts';

// Compiled, never run: what callers may write, and what they may not.

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const assert = <T extends true>(): T | undefined => undefined;

declare const training: TrainingClient;
declare const sampler: SamplingClient;
const modelInput = ModelInput.fromTokens([1, 2]);

assert<Equal<ReturnType<TrainingClient['forward']>, ApiFuture<ForwardBackwardOutput>>>();
assert<Equal<Awaited<ApiFuture<SampleResponse>>, SampleResponse>>();

// A loss decides which tensors a datum must carry.
training.forwardBackward([{ modelInput, lossFnInputs: { target_tokens: [2, 3] } }], 'cross_entropy').cancel();
const policyDatum: Datum<'ppo'> = {
  modelInput,
  lossFnInputs: { target_tokens: [2, 3], logprobs: [0, 0], advantages: [1, 1] },
};
training.forwardBackward([policyDatum], 'ppo').cancel();
const bare = { modelInput, lossFnInputs: { target_tokens: [2, 3] } };
// @ts-expect-error -- ppo needs log-probs and advantages
training.forwardBackward([bare], 'ppo').cancel();
const extra: Datum<'cross_entropy'> = {
  modelInput,
  // @ts-expect-error -- cross_entropy does not read advantages
  lossFnInputs: { target_tokens: [2, 3], advantages: [1, 1] },
};
training.forwardBackward([extra], 'cross_entropy').cancel();
// Tensors: arrays, rows of them, typed arrays, results as they are, and sparse ones.
declare const result: ForwardBackwardOutput;
const known = result.lossFnOutputs[0]?.['logprobs'];
if (known?.dtype === 'float32') assert<Equal<typeof known.data, Float32Array<ArrayBuffer>>>();
const sparseTargets: SparseTensorData<BigInt64Array> = {
  data: Int32Array.of(3),
  dtype: 'int64',
  shape: [2, 3],
  crowIndices: [0, 1, 1],
  colIndices: Int32Array.of(2),
};
const rows: Datum<'cross_entropy'> = {
  modelInput,
  lossFnInputs: { target_tokens: [Int32Array.of(1), [2]], weights: [[1], Float32Array.of(0.5)] },
};
const sparse: Datum<'cross_entropy'> = {
  modelInput,
  lossFnInputs: {
    target_tokens: sparseTargets,
    weights: { ...sparseTargets, data: [0.5], dtype: 'float32' },
  },
};
training.forwardBackward([rows, sparse], 'cross_entropy').cancel();
if (known !== undefined) {
  const again: Datum<'importance_sampling'> = {
    modelInput,
    lossFnInputs: {
      target_tokens: BigInt64Array.of(2n, 3n),
      logprobs: known,
      advantages: new Float64Array(2),
    },
  };
  training.forwardBackward([again], 'importance_sampling').cancel();
  const floatTargets: Datum<'cross_entropy'> = {
    modelInput,
    // @ts-expect-error -- target_tokens are integers
    lossFnInputs: { target_tokens: { data: Float32Array.of(1), dtype: 'float32', shape: [1] } },
  };
  training.forwardBackward([floatTargets], 'cross_entropy').cancel();
}
const mislabelled: Datum<'cross_entropy'> = {
  modelInput,
  // @ts-expect-error -- the data of a float32 tensor are a Float32Array
  lossFnInputs: { target_tokens: [2], weights: { data: BigInt64Array.of(1n), dtype: 'float32', shape: [1] } },
};
training.forwardBackward([mislabelled], 'cross_entropy').cancel();
const texts: Datum<'cross_entropy'> = {
  modelInput,
  // @ts-expect-error -- tensors are numbers
  lossFnInputs: { target_tokens: ['2', '3'] },
};
training.forwardBackward([texts], 'cross_entropy').cancel();

// Chunks are told apart by their type.
const chunks: readonly ModelInputChunk[] = [
  { type: 'image', data: new Uint8Array(1), format: 'png' },
  { type: 'image', data: 'iVA=', format: 'jpeg', expectedTokens: undefined },
  { type: 'image_asset_pointer', location: 'a', format: 'png', expectedTokens: 3 },
  { type: 'dmel', dmel: new Uint8Array(1) },
];
assert<Equal<ReturnType<typeof ModelInput.tokens>, Int32Array<ArrayBuffer>>>();
sampler.sample({ prompt: { chunks }, maxTokens: 1, seed: 2n ** 64n - 1n, stop: Int32Array.of(1) }).cancel();
// @ts-expect-error -- the protocol knows png and jpeg
ModelInput.appendChunk(modelInput, { type: 'image', data: '', format: 'webp' });
// @ts-expect-error -- an image has a format
ModelInput.appendChunk(modelInput, { type: 'image', data: '' });
// @ts-expect-error -- a chunk has a type
ModelInput.appendChunk(modelInput, { tokens: [1] });
// @ts-expect-error -- a prompt is tokens or chunks
sampler.sample({ prompt: 'text', maxTokens: 1 }).cancel();

// Paths say what they are for.
const parsed = parseTinkerPath('tinker://run/weights/x');
assert<Equal<typeof parsed.kind, 'weights' | 'sampler_weights'>>();
const weightsPath: TinkerPath<'weights'> = 'twinkle://run/weights/x';
const anyPath: TinkerPath = weightsPath;
// @ts-expect-error -- sampler weights are no weights to train on from
const samplerPath: TinkerPath<'weights'> = 'tinker://run/sampler_weights/x';
export const paths: readonly TinkerPath[] = [anyPath, samplerPath, parsed.path];
declare function load<P extends string>(path: PathOfKind<'weights', P>): void;
declare const opaque: string;
load(opaque);
load('tinker://run/weights/x');
load('/mnt/state');
// @ts-expect-error -- sampler weights are no weights to train on from
load('tinker://run/sampler_weights/x');

// @ts-expect-error -- no such loss
training.forwardBackward([], 'mean_squared').cancel();

// Options may be undefined under exactOptionalPropertyTypes, and unknown ones are refused.
createServiceClient({ apiKey: 'tml-key', baseUrl: undefined, onEvent: undefined })
  .close()
  .catch(() => {});
// @ts-expect-error -- apiKey is required
createServiceClient({});

// Codes narrow, and a switch over them is exhaustive.
export function react(error: unknown): string {
  if (!isTinkerError(error)) return 'not ours';
  if (isTinkerError(error, 'timed_out')) assert<Equal<typeof error.code, 'timed_out'>>();
  if (isTinkerError(error, 'http_status')) assert<Equal<typeof error.status, number>>();
  if (isTinkerError(error, 'limit_reached')) assert<Equal<typeof error.retryAfterMs, number | undefined>>();
  if (isTinkerError(error, 'submit_ambiguous')) assert<Equal<typeof error.lastAcceptedId, number>>();
  const code: TinkerErrorCode = error.code;
  switch (code) {
    case 'input_invalid':
    case 'limit_reached':
    case 'circuit_open':
    case 'budget_exceeded':
    case 'submit_ambiguous':
    case 'connection_failed':
    case 'timed_out':
    case 'http_status':
    case 'response_invalid':
    case 'unsupported_by_server':
    case 'operation_failed':
    case 'result_expired':
    case 'partly_failed':
    case 'batch_incomplete':
    case 'client_poisoned':
    case 'client_closed':
      return code;
    default:
      return code satisfies never;
  }
}
