import type { Kernels } from './kernels.ts';
import { type Matrix, matrixOver } from './matrix.ts';
import type { Projection } from './projections.ts';

/** A projection's weight in the two layouts the passes need, so that both are plain products. */
export interface Linear {
  /** Inputs x outputs: y = x · forward. */
  readonly forward: Matrix;
  /** Outputs x inputs, the layout of PEFT: dx = dy · backward. */
  readonly backward: Matrix;
}

/** Room for the weight of `projection`, zero at first. */
export function createLinear({ inputs, outputs }: Projection, kernels: Kernels): Linear {
  return {
    forward: matrixOver(kernels.allocate(inputs * outputs), inputs, outputs),
    backward: matrixOver(kernels.allocate(inputs * outputs), outputs, inputs),
  };
}

/** Give back the memory of a weight. */
export function releaseLinear(linear: Linear, kernels: Kernels): void {
  kernels.release(linear.forward.values);
  kernels.release(linear.backward.values);
}

/** Set both layouts from `weight`, outputs x inputs without gaps. */
export function setLinear({ forward, backward }: Linear, weight: Float32Array): void {
  const { rows, columns } = backward;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const value = weight[row * columns + column]!;
      backward.values[row * columns + column] = value;
      forward.values[column * rows + row] = value;
    }
  }
}
