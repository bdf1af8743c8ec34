import type { Matrix } from './matrix.ts';

/** Keeps the norm finite for a zero row. */
const EPSILON = 1e-6;

/**
 * Root-mean-square norm without gain (Zhang and Sennrich 2019): each row of `into` is the row of `input` divided
 * by its root mean square; `inverses[r]` keeps the factor for the gradient.
 */
export function rmsNorm(input: Matrix, into: Matrix, inverses: Float32Array): void {
  const { values, rows, columns } = input;
  for (let row = 0; row < rows; row++) {
    const start = input.offset + row * input.stride;
    let squares = 0;
    for (let c = 0; c < columns; c++) {
      const x = values[start + c]!;
      squares += x * x;
    }
    const inverse = Math.fround(1 / Math.sqrt(squares / columns + EPSILON));
    inverses[row] = inverse;
    const target = into.offset + row * into.stride;
    for (let c = 0; c < columns; c++) into.values[target + c] = values[start + c]! * inverse;
  }
}

/**
 * Add to `inputGradient` the gradient of {@link rmsNorm}. With y the norm's output and g the gradient with respect
 * to it, the input's gradient is inverse * (g - y * mean(g * y)).
 */
export function addRmsNormGradient(
  normed: Matrix,
  inverses: Float32Array,
  gradient: Matrix,
  inputGradient: Matrix,
): void {
  const { rows, columns } = normed;
  const y = normed.values;
  const g = gradient.values;
  const into = inputGradient.values;
  for (let row = 0; row < rows; row++) {
    const yStart = normed.offset + row * normed.stride;
    const gStart = gradient.offset + row * gradient.stride;
    const start = inputGradient.offset + row * inputGradient.stride;
    let dot = 0;
    for (let c = 0; c < columns; c++) dot += g[gStart + c]! * y[yStart + c]!;
    const mean = dot / columns;
    const inverse = inverses[row]!;
    for (let c = 0; c < columns; c++) {
      into[start + c] = into[start + c]! + inverse * (g[gStart + c]! - y[yStart + c]! * mean);
    }
  }
}
