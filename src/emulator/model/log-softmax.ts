import { exp, log } from './elementary.ts';

/**
 * The log-softmax of `length` logits starting at `start`, at entry `index`, rounded to 32 bits. The one place
 * where log-probs come from, so that training and sampling report the same number.
 */
export function logSoftmaxEntry(logits: Float32Array, start: number, length: number, index: number): number {
  return Math.fround(logits[start + index]! - logNormalizer(logits, start, length));
}

/** The logarithm of the sum of the exponentials of `length` logits starting at `start`. */
export function logNormalizer(logits: Float32Array, start: number, length: number): number {
  const end = start + length;
  const maximum = maximumOf(logits, start, end);
  let sum = 0;
  for (let i = start; i < end; i++) sum += exp(logits[i]! - maximum);
  return maximum + log(sum);
}

/** The greatest of `values[start]` to `values[end - 1]`. */
export function maximumOf(values: Float32Array, start: number, end: number): number {
  let maximum = values[start]!;
  for (let i = start + 1; i < end; i++) {
    const value = values[i]!;
    if (value > maximum) maximum = value;
  }
  return maximum;
}
