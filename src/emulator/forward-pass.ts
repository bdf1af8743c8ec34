import { type Fields, fieldsOf, readTensor, readTokens } from './fields.ts';
import { problem } from './http.ts';
import type { Adapter } from './model/adapter.ts';
import { effectiveWeights, releaseWeights } from './model/effective-weights.ts';
import { computeTargetLogprobs } from './model/forward.ts';
import type { Sequence } from './model/sequence-batch.ts';
import { accumulateGradient } from './model/training.ts';
import { userFailure } from './operation-failure.ts';
import type { TinyModel } from './tiny-model.ts';

/** A batch to run forward, as a request brings it. */
export interface ForwardInput {
  readonly lossFn: string;
  readonly sequences: readonly Sequence[];
  /** Per sequence the weight of each position in the loss. */
  readonly weights: readonly Float32Array[];
}

/** Read `forward_input` or `forward_backward_input` (protocol 4.8). @throws HttpProblem 422 */
export function readForwardInput(input: Fields, at: string): ForwardInput {
  const data = input.list('data').map((value, index) => readDatum(value, `${at}.data[${index}]`));
  if (data.length === 0) throw problem(422, `${at}.data must hold at least one datum`);
  return {
    lossFn: input.text('loss_fn'),
    sequences: data.map(({ sequence }) => sequence),
    weights: data.map(({ weights }) => weights),
  };
}

function readDatum(
  value: unknown,
  at: string,
): { readonly sequence: Sequence; readonly weights: Float32Array } {
  const datum = fieldsOf(value, at);
  const tokens = readTokens(datum.object('model_input'), `${at}.model_input`);
  const inputs = datum.object('loss_fn_inputs');
  const where = `${at}.loss_fn_inputs`;
  const targets = Int32Array.from(readTensor(inputs.raw('target_tokens'), `${where}.target_tokens`, true));
  const given = inputs.raw('weights');
  const weights =
    given === undefined
      ? new Float32Array(targets.length).fill(1)
      : Float32Array.from(readTensor(given, `${where}.weights`, false));
  if (targets.length !== tokens.length || weights.length !== tokens.length) {
    const lengths = `${tokens.length} tokens, ${targets.length} target_tokens, ${weights.length} weights`;
    throw problem(422, `${at} has ${lengths}; they must be as many`);
  }
  return { sequence: { tokens, targets }, weights };
}

/**
 * Run a batch with the cross-entropy loss, the sum of -logprob * weight (protocol 9.1 item 8).
 *
 * @param accumulate - Also add the loss's gradient to the adapter's.
 * @returns the result as the protocol words it (4.8).
 * @throws OperationFailure - for a loss this emulator does not have.
 */
export function runForward(
  model: TinyModel,
  adapter: Adapter,
  input: ForwardInput,
  accumulate: boolean,
): object {
  const { lossFn, sequences, weights } = input;
  if (lossFn !== 'cross_entropy')
    throw userFailure(`Loss "${lossFn}" is not available; this emulator has cross_entropy`);
  const logprobs = accumulate
    ? trainedLogprobs(model, adapter, input)
    : plainLogprobs(model, adapter, sequences);
  let loss = 0;
  for (const [s, row] of logprobs.entries()) {
    for (let i = 0; i < row.length; i++) loss -= (row[i] ?? 0) * (weights[s]?.[i] ?? 0);
  }
  return {
    loss_fn_output_type: 'ArrayRecord',
    loss_fn_outputs: logprobs.map((row) => ({
      logprobs: { data: Array.from(row), dtype: 'float32', shape: [row.length] },
    })),
    metrics: { 'loss:sum': loss },
  };
}

function trainedLogprobs(
  model: TinyModel,
  adapter: Adapter,
  { sequences, weights }: ForwardInput,
): Float32Array[] {
  // d(-logprob * weight) / d logprob = -weight.
  const gradientOf = (_: Float32Array, index: number): Float32Array =>
    Float32Array.from(weights[index] ?? [], (weight) => -weight);
  return accumulateGradient(model.base(), adapter, sequences, gradientOf, model.kernels);
}

function plainLogprobs(model: TinyModel, adapter: Adapter, sequences: readonly Sequence[]): Float32Array[] {
  const weights = effectiveWeights(model.base(), adapter, model.kernels);
  try {
    return computeTargetLogprobs(weights, sequences, model.kernels);
  } finally {
    releaseWeights(weights, model.kernels);
  }
}
