import { logNormalizer } from './log-softmax.ts';
import type { Matrix } from './matrix.ts';
import type { Sequence } from './sequence-batch.ts';

/** The log-probs of all targets of a sequence, given the logits of its tokens: the bits `logSoftmaxEntry` gives. */
export function manyTargetLogprobs(logits: Matrix, { targets, targetsPerToken = 1 }: Sequence): Float32Array {
  const { values, offset, rows, columns, stride } = logits;
  const logprobs = new Float32Array(targets.length);
  for (let row = 0, at = 0; row < rows; row++) {
    const start = offset + row * stride;
    const normalizer = logNormalizer(values, start, columns);
    for (const end = at + targetsPerToken; at < end; at++) {
      logprobs[at] = values[start + targets[at]!]! - normalizer;
    }
  }
  return logprobs;
}

/** The sums over each token's targets: what its normalizer is multiplied by. */
export function sumPerToken(scales: Float32Array, targetsPerToken: number): Float32Array {
  const sums = new Float32Array(scales.length / targetsPerToken);
  for (let row = 0, at = 0; row < sums.length; row++) {
    let sum = 0;
    for (const end = at + targetsPerToken; at < end; at++) sum += scales[at]!;
    sums[row] = sum;
  }
  return sums;
}

/** Add to the gradient with respect to a sequence's logits what its targets have beside the normalizer's share. */
export function addTargetGradients(
  gradient: Matrix,
  { targets, targetsPerToken = 1 }: Sequence,
  scales: Float32Array,
): void {
  const { values, offset, rows, stride } = gradient;
  for (let row = 0, at = 0; row < rows; row++) {
    const start = offset + row * stride;
    for (const end = at + targetsPerToken; at < end; at++) {
      const target = start + targets[at]!;
      values[target] = values[target]! + scales[at]!;
    }
  }
}
