import { userFailure } from '../futures/operation-failure.ts';
import type { Loss } from '../losses/loss.ts';
import type { Adapter } from '../model/adapter.ts';
import { effectiveWeights, releaseWeights } from '../model/effective-weights.ts';
import { computeTargetLogprobs } from '../model/forward.ts';
import { accumulateGradient } from '../model/training.ts';
import type { TinyModel } from '../tiny-model.ts';
import type { Example, ForwardInput } from './forward-input.ts';
import type { ForwardOutput } from './training-result.ts';

/**
 * Run a batch and sum up its loss.
 *
 * @param accumulate - Also add the loss's gradient to the adapter's.
 * @throws OperationFailure - for a loss that is not finite; the adapter's gradient is then unchanged.
 */
export function runForward(
  model: TinyModel,
  adapter: Adapter,
  input: ForwardInput,
  accumulate: boolean,
): ForwardOutput {
  const { examples } = input;
  const sequences = examples.map(({ sequence }) => sequence);
  const tally = createTally(input);
  const logprobs = accumulate
    ? accumulateGradient(model.base(), adapter, sequences, tally.add, model.kernels)
    : plainLogprobs(model, adapter, sequences);
  if (!accumulate) for (const [index, row] of logprobs.entries()) tally.add(row, index);
  return {
    outputs: logprobs.map((values, index) => ({ values, shape: (examples[index] as Example).shape })),
    metrics: tally.metrics(),
  };
}

function plainLogprobs(
  model: TinyModel,
  adapter: Adapter,
  sequences: readonly Example['sequence'][],
): Float32Array[] {
  const weights = effectiveWeights(model.base(), adapter, model.kernels);
  try {
    return computeTargetLogprobs(weights, sequences, model.kernels);
  } finally {
    releaseWeights(weights, model.kernels);
  }
}

/** Adds up the loss of a batch, example by example. */
interface Tally {
  /** Add an example's loss, given its log-probs; returns d loss / d log-prob. */
  add(logprobs: Float32Array, index: number): Float32Array;
  /** By their names on the wire: `name:reduction` (protocol 5.5). */
  metrics(): Record<string, number>;
}

function createTally({ loss, examples }: ForwardInput): Tally {
  let sum = 0;
  let tokens = 0;
  let clipped = 0;
  return {
    add(logprobs, index) {
      const at = loss.bind((examples[index] as Example).data);
      const gradient = new Float32Array(logprobs.length);
      for (let i = 0; i < logprobs.length; i++) {
        const term = at(logprobs[i]!, i);
        sum += term.loss;
        gradient[i] = term.gradient;
        if (term.counts) tokens += 1;
        if (term.isClipped) clipped += 1;
        if (!Number.isFinite(sum) || !Number.isFinite(gradient[i]))
          throw infinite(loss, index, i, logprobs[i]!);
      }
      return gradient;
    },
    metrics() {
      const all = { 'tokens:sum': tokens, 'clipped:sum': clipped };
      return { 'loss:sum': sum, ...Object.fromEntries(loss.diagnostics.map((name) => [name, all[name]])) };
    },
  };
}

function infinite({ name }: Loss, index: number, target: number, logprob: number): unknown {
  const where = `data[${index}], target ${target}, whose log-prob is ${logprob}`;
  return userFailure(`The loss ${name} or its gradient is not a finite number from ${where}`);
}
