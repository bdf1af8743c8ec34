import type { Weights } from './effective-weights.ts';
import { runLayers } from './forward.ts';
import type { Kernels } from './kernels.ts';
import { type Matrix, matrixOver, rowsOf } from './matrix.ts';
import { requireTokens } from './sequence-batch.ts';

/** Runs one sequence token by token, keeping keys and values so that each step costs one token. */
export interface Decoder {
  /** Tokens so far. */
  readonly length: number;
  /**
   * Add a token. The result is the logits after it, one per token of the vocabulary, valid until the next call.
   *
   * @throws RangeError if the context is full or the token unknown.
   */
  append(token: number): Float32Array;
  /** Add several tokens at once, at least one; returns the logits after the last. The same bits as `append` in turn. */
  prefill(tokens: Int32Array): Float32Array;
  /** An independent decoder in the same state: several samples can share one prompt. */
  fork(): Decoder;
  /** Give the memory back; optional, and the decoder's last act. */
  release(): void;
}

/** A decoder with an empty context. */
export function createDecoder(weights: Weights, kernels: Kernels): Decoder {
  return decoderOver(weights, kernels, createCaches(weights, kernels), 0);
}

function decoderOver(weights: Weights, kernels: Kernels, caches: readonly Matrix[], start: number): Decoder {
  const { config, activations } = weights.base;
  const logits = matrixOver(kernels.allocate(config.vocabularySize), 1, config.vocabularySize);
  const single = new Int32Array(1);
  let length = start;

  const prefill = (tokens: Int32Array): Float32Array => {
    requireRoom(config.contextLength, length, tokens.length);
    requireTokens(config, tokens, 'tokens');
    const count = tokens.length;
    activations.use((buffers) => {
      const segment = { row: 0, count, past: length, begin: 0, probabilities: 0 };
      runLayers(weights, { tokens, segments: [segment] }, buffers, kernels, caches);
      const last = rowsOf(buffers.final, count - 1, 1);
      kernels.multiply(last, weights.linears.unembedding.forward, logits, false);
    });
    length += count;
    return logits.values;
  };

  return {
    get length() {
      return length;
    },
    append(token) {
      single[0] = token;
      return prefill(single);
    },
    prefill,
    fork() {
      const copies = createCaches(weights, kernels);
      for (const [layer, cache] of caches.entries()) {
        copies[layer]!.values.set(cache.values.subarray(0, length * cache.stride));
      }
      return decoderOver(weights, kernels, copies, length);
    },
    release() {
      for (const cache of caches) kernels.release(cache.values);
      kernels.release(logits.values);
    },
  };
}

function createCaches({ base }: Weights, kernels: Kernels): readonly Matrix[] {
  const { contextLength, width, layers } = base.config;
  const columns = 3 * width;
  return Array.from({ length: layers }, () =>
    matrixOver(kernels.allocate(contextLength * columns), contextLength, columns),
  );
}

function requireRoom(contextLength: number, length: number, more: number): void {
  if (more < 1) throw new RangeError('prefill got no tokens; it needs at least 1');
  if (length + more <= contextLength) return;
  throw new RangeError(`the sequence would have ${length + more} tokens; the context holds ${contextLength}`);
}
