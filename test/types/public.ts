import {
  type ApiFuture,
  createServiceClient,
  type Datum,
  type ForwardBackwardOutput,
  isTinkerError,
  ModelInput,
  type SampleResponse,
  type TinkerErrorCode,
  type TrainingClient,
} from '../../src/index.ts';

// Compiled, never run: what callers may write, and what they may not.

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const assert = <T extends true>(): T | undefined => undefined;

declare const training: TrainingClient;
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
    case 'submit_ambiguous':
    case 'connection_failed':
    case 'timed_out':
    case 'http_status':
    case 'response_invalid':
    case 'operation_failed':
    case 'result_expired':
    case 'client_poisoned':
    case 'client_closed':
      return code;
    default:
      return code satisfies never;
  }
}
