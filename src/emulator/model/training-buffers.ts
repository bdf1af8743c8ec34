import { batchCapacity } from './activations.ts';
import { QUERY_ROWS } from './attention.ts';
import type { ModelConfig } from './config.ts';
import type { Kernels } from './kernels.ts';
import { createLinear, type Linear } from './linear.ts';
import { type Matrix, matrixOver } from './matrix.ts';
import { projectionsOf } from './projections.ts';

/** Buffers for the backward pass of one batch, and for what it adds up over the batches of a call. */
export interface TrainingBuffers {
  /** Room for the weights in effect, in the order of {@link projectionsOf}. */
  readonly linears: readonly Linear[];
  /** Gradients of the weights in effect, same order; outputs x inputs. */
  readonly weightGradients: readonly Matrix[];
  /** Gradient with respect to the residual stream, tokens x width. */
  readonly residual: Matrix;
  /** Gradient with respect to a projection's input of that width, tokens x width. */
  readonly input: Matrix;
  readonly hidden: Matrix;
  readonly queryKeyValue: Matrix;
  /** Gradient with respect to a block of attention weights. */
  readonly scores: Float32Array;
  /** d loss / d log-prob per token, summed over its targets. */
  readonly scales: Float32Array;
}

/** Buffers for batches of up to {@link batchCapacity} tokens. */
export function createTrainingBuffers(config: ModelConfig, kernels: Kernels): TrainingBuffers {
  const capacity = batchCapacity(config);
  const tokensBy = (columns: number) => matrixOver(kernels.allocate(capacity * columns), capacity, columns);
  const projections = projectionsOf(config);
  return {
    linears: projections.map((projection) => createLinear(projection, kernels)),
    weightGradients: projections.map(({ outputs, inputs }) =>
      matrixOver(kernels.allocate(outputs * inputs), outputs, inputs),
    ),
    residual: tokensBy(config.width),
    input: tokensBy(config.width),
    hidden: tokensBy(config.hiddenWidth),
    queryKeyValue: tokensBy(3 * config.width),
    scores: kernels.allocate(QUERY_ROWS * config.contextLength),
    scales: kernels.allocate(capacity),
  };
}
