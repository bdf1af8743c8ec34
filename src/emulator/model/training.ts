import { batchCapacity } from './activations.ts';
import { type Adapter, gradientMatrix, valueMatrix } from './adapter.ts';
import { type BackwardPass, backwardBatch } from './backward.ts';
import type { BaseModel } from './base-model.ts';
import { applyAdapter } from './effective-weights.ts';
import { forwardBatch } from './forward.ts';
import type { Kernels } from './kernels.ts';
import { clear, type Matrix, rowsOf } from './matrix.ts';
import { packSequences, type Sequence } from './sequence-batch.ts';

/**
 * The loss seen from the model: d loss / d log-prob for each target of the sequence with this index, given their
 * log-probs. Must return as many numbers as it got.
 */
export type LogprobGradient = (logprobs: Float32Array, sequenceIndex: number) => Float32Array;

/**
 * One forward and one backward pass. Adds the gradient of the loss to every `gradient` of the adapter and returns
 * the targets' log-probs, like {@link computeTargetLogprobs}.
 *
 * Sequences run in batches of bounded size. `gradientOf` is called once per sequence, in order, but before later
 * batches have run: a loss that needs all log-probs first takes them from `computeTargetLogprobs`. How sequences
 * fall into batches changes the gradient's rounding (its sum is stored in 32 bits after each batch), nothing else,
 * and depends only on their lengths.
 *
 * The gradient is that of the weight in effect, W + s · B · A, mapped to the factors at the end: the cost hardly
 * depends on the rank.
 *
 * @throws RangeError as `computeTargetLogprobs` does, or if `gradientOf` returns the wrong length; the adapter's
 *   gradient is then unchanged.
 */
export function accumulateGradient(
  base: BaseModel,
  adapter: Adapter,
  sequences: readonly Sequence[],
  gradientOf: LogprobGradient,
  kernels: Kernels,
): Float32Array[] {
  const batches = packSequences(base.config, sequences, batchCapacity(base.config));
  return base.trainingBuffers.use((buffers) =>
    base.activations.use((activations) => {
      for (const gradient of buffers.weightGradients) clear(gradient);
      const weights = applyAdapter(base, adapter, buffers.linears, kernels);
      const step = { weights, spec: adapter.spec, activations, buffers, kernels };
      const logprobs = batches.flatMap((batch) => runBatch({ ...step, batch }, gradientOf));
      addFactorGradients(adapter, buffers.weightGradients, kernels);
      return logprobs;
    }),
  );
}

function runBatch(pass: Omit<BackwardPass, 'scales'>, gradientOf: LogprobGradient): Float32Array[] {
  const { weights, batch, activations, kernels } = pass;
  const logprobs = forwardBatch(weights, batch, activations, kernels);
  const scales = batch.sequences.map(({ targets }, index) => {
    const found = gradientOf(logprobs[index]!, batch.first + index);
    if (found.length === targets.length) return found;
    const what = `gradientOf(sequence ${batch.first + index})`;
    throw new RangeError(
      `${what} returned ${found.length} numbers; the sequence has ${targets.length} targets`,
    );
  });
  backwardBatch({ ...pass, scales });
  return logprobs;
}

/** With G the gradient of a module's weight: dB += s · G · Aᵀ and dA += s · Bᵀ · G. */
function addFactorGradients(adapter: Adapter, weightGradients: readonly Matrix[], kernels: Kernels): void {
  for (const [index, factors] of adapter.factors.entries()) {
    if (factors.length === 0) continue;
    const stacked = weightGradients[index]!;
    scaleBy(stacked, adapter.scale);
    const rows = stacked.rows / factors.length;
    for (const [module, { a, b }] of factors.entries()) {
      const gradient = rowsOf(stacked, module * rows, rows);
      kernels.multiplyTransposedRight(gradient, valueMatrix(a), gradientMatrix(b), true);
      kernels.multiplyTransposedLeft(valueMatrix(b), gradient, gradientMatrix(a), true);
    }
  }
}

function scaleBy({ values }: Matrix, factor: number): void {
  for (let i = 0; i < values.length; i++) values[i] = values[i]! * factor;
}
