import type { Matrix } from './matrix.ts';

/** Stands for the target of a row that has none, or several. */
export const NO_TARGET = -1;

/**
 * The hot loops of the model. Everything else is written once against this interface, so another backend
 * (WebAssembly SIMD) replaces only these.
 *
 * A backend must accumulate each output element over the inner index in one fixed order that does not depend
 * on how many rows there are; then a token's log-prob is the same bit for bit whether its sequence ran alone,
 * in a batch, or one token at a time. Arguments a kernel writes to never overlap the ones it reads, unless it
 * says so.
 */
export interface Kernels {
  /** Names the backend, for diagnostics: results are the same, bit for bit, whatever computes them. */
  readonly name: string;
  /** A zero-filled array that every other kernel accepts. Hold on to this very object: windows do not keep it. */
  allocate(length: number): Float32Array;
  /** Give an array back. Optional: forgetting costs memory only; using the array afterwards is a bug. */
  release(values: Float32Array): void;
  /** `into` (m x n) = or += `a` (m x k) · `b` (k x n). */
  multiply(a: Matrix, b: Matrix, into: Matrix, accumulate: boolean): void;
  /** `into` (m x n) = or += `a`ᵀ (`a` is k x m) · `b` (k x n). */
  multiplyTransposedLeft(a: Matrix, b: Matrix, into: Matrix, accumulate: boolean): void;
  /** `into` (m x n) = or += `a` (m x k) · `b`ᵀ (`b` is n x k). */
  multiplyTransposedRight(a: Matrix, b: Matrix, into: Matrix, accumulate: boolean): void;
  /**
   * In place, row r becomes the softmax of `scale * scores` over columns 0..`past + r`; later columns become 0.
   */
  causalSoftmax(scores: Matrix, past: number, scale: number): void;
  /**
   * In place, `gradient` (with respect to `probabilities`) becomes the gradient with respect to the unscaled
   * scores that {@link causalSoftmax} turned into those `probabilities`.
   */
  causalSoftmaxGradient(probabilities: Matrix, gradient: Matrix, scale: number): void;
  /** `into` (n x h) = silu(gate) * up, where `gateUp` (n x 2h) holds gate in columns 0..h-1 and up after it. */
  gatedSilu(gateUp: Matrix, into: Matrix): void;
  /** In place, `gateUp` becomes the gradient with respect to itself, given the one with respect to the output. */
  gatedSiluGradient(gateUp: Matrix, outputGradient: Matrix): void;
  /**
   * In place, each row of `logits` (n x vocabulary) becomes its softmax; `logprobs[r]` becomes the log-softmax of row
   * r at `targets[r]`: the very number `logSoftmaxEntry` gives, so that sampling and training agree. A row with
   * {@link NO_TARGET} gets no log-prob.
   */
  softmax(logits: Matrix, targets: Int32Array, logprobs: Float32Array): void;
  /**
   * In place, `probabilities`, made by {@link softmax}, become the gradient with respect to its logits of the sum of
   * `scales[r] * logprobs[r]`. For a row with {@link NO_TARGET} that is the share of the normalizer alone: `-scales[r]`
   * times its probabilities.
   */
  logSoftmaxGradient(probabilities: Matrix, targets: Int32Array, scales: Float32Array): void;
}
