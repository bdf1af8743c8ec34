import type { ModelConfig } from './config.ts';
import type { Kernels } from './kernels.ts';
import { type Matrix, matrixOver } from './matrix.ts';

/** What one block keeps of its forward pass for the backward pass. Rows are tokens. */
export interface LayerActivations {
  /** Normed residual stream, tokens x width, and the factors of the norm. */
  readonly attentionInput: Matrix;
  readonly attentionInverses: Float32Array;
  /** Tokens x 3 width; query and key rotated. */
  readonly queryKeyValue: Matrix;
  /** Per segment and head a square of attention weights, at the segment's offset. */
  probabilities: Float32Array;
  /** Attention's result before its output projection, tokens x width. */
  readonly mixed: Matrix;
  /** Normed residual stream, tokens x width, and the factors of the norm. */
  readonly mlpInput: Matrix;
  readonly mlpInverses: Float32Array;
  /** Tokens x 2 hiddenWidth. */
  readonly gateUp: Matrix;
  /** Tokens x hiddenWidth. */
  readonly hidden: Matrix;
}

/** Buffers for the forward pass of one batch. */
export interface Activations {
  readonly layers: readonly LayerActivations[];
  readonly residual: Matrix;
  /** The last norm's result, tokens x width, and its factors. */
  readonly final: Matrix;
  readonly finalInverses: Float32Array;
  /** Tokens x vocabulary; then, in place, their softmax and its gradient. */
  readonly logits: Matrix;
  /** Per token. */
  readonly targets: Int32Array;
  readonly logprobs: Float32Array;
}

/**
 * Sequences are packed into batches of about this many tokens: enough to keep the kernels busy, few enough that
 * a batch's activations stay in the processor's cache.
 */
const BATCH_TOKENS = 512;

/** Most tokens in one batch of this model. */
export function batchCapacity({ contextLength }: ModelConfig): number {
  return Math.max(contextLength, BATCH_TOKENS);
}

/** Buffers for batches of up to {@link batchCapacity} tokens. */
export function createActivations(config: ModelConfig, kernels: Kernels): Activations {
  const { width, hiddenWidth, vocabularySize } = config;
  const capacity = batchCapacity(config);
  const tokensBy = (columns: number) => matrixOver(kernels.allocate(capacity * columns), capacity, columns);
  const layers = Array.from({ length: config.layers }, () => ({
    attentionInput: tokensBy(width),
    attentionInverses: kernels.allocate(capacity),
    queryKeyValue: tokensBy(3 * width),
    probabilities: kernels.allocate(0),
    mixed: tokensBy(width),
    mlpInput: tokensBy(width),
    mlpInverses: kernels.allocate(capacity),
    gateUp: tokensBy(2 * hiddenWidth),
    hidden: tokensBy(hiddenWidth),
  }));
  return {
    layers,
    residual: tokensBy(width),
    final: tokensBy(width),
    finalInverses: kernels.allocate(capacity),
    logits: tokensBy(vocabularySize),
    targets: new Int32Array(capacity),
    logprobs: kernels.allocate(capacity),
  };
}

/** Make room for `length` attention weights; it grows with the square of the sequences' lengths. */
export function reserveProbabilities(layer: LayerActivations, length: number, kernels: Kernels): void {
  if (layer.probabilities.length >= length) return;
  kernels.release(layer.probabilities);
  layer.probabilities = kernels.allocate(length);
}
