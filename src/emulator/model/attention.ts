import type { ModelConfig } from './config.ts';
import type { Kernels } from './kernels.ts';
import { type Matrix, windowOf } from './matrix.ts';
import type { Segment } from './sequence-batch.ts';

/** The matrices attention reads and writes for one segment. Rows are tokens. */
export interface AttentionOperands {
  /** Rotated queries and keys, and values: 3 width columns, width for each. */
  readonly queryKeyValue: Matrix;
  /** Attention weights, at the segment's offset. */
  readonly probabilities: Float32Array;
  /** The heads' results side by side: width columns. */
  readonly mixed: Matrix;
}

/** What the gradient of attention needs besides. `mixed` above is not read. */
export interface AttentionGradients {
  readonly mixed: Matrix;
  /** Written: 3 width columns, still rotated. */
  readonly queryKeyValue: Matrix;
  /** Room for {@link QUERY_ROWS} x contextLength numbers. */
  readonly scores: Float32Array;
}

/**
 * Queries are taken this many rows at a time. A block computes the weights of all keys up to its last query, so
 * smaller blocks waste less above the diagonal, larger ones multiply faster.
 */
export const QUERY_ROWS = 16;

/** Causal multi-head attention: each row of `mixed` averages the values of its own and all earlier positions. */
export function attend(
  config: ModelConfig,
  segment: Segment,
  { queryKeyValue, probabilities, mixed }: AttentionOperands,
  kernels: Kernels,
): void {
  forEachBlock(config, segment, ({ head, size, scale, from, rows, keys }) => {
    const past = segment.past + from;
    const column = head * size;
    const query = windowOf(queryKeyValue, segment.begin + past, rows, column, size);
    const key = windowOf(queryKeyValue, segment.begin, keys, config.width + column, size);
    const value = windowOf(queryKeyValue, segment.begin, keys, 2 * config.width + column, size);
    const weights = weightsOf(probabilities, segment, head, from, rows, keys);
    kernels.multiplyTransposedRight(query, key, weights, false);
    kernels.causalSoftmax(weights, past, scale);
    kernels.multiply(weights, value, windowOf(mixed, segment.row + from, rows, column, size), false);
  });
}

/** The gradient of {@link attend} with respect to query, key and value. For segments without a past only. */
export function attendGradient(
  config: ModelConfig,
  segment: Segment,
  { queryKeyValue, probabilities }: AttentionOperands,
  gradients: AttentionGradients,
  kernels: Kernels,
): void {
  const { width } = config;
  const into = gradients.queryKeyValue;
  forEachBlock(config, segment, ({ head, size, scale, from, rows, keys }) => {
    const row = segment.row;
    const column = head * size;
    const query = windowOf(queryKeyValue, row + from, rows, column, size);
    const key = windowOf(queryKeyValue, row, keys, width + column, size);
    const value = windowOf(queryKeyValue, row, keys, 2 * width + column, size);
    const weights = weightsOf(probabilities, segment, head, from, rows, keys);
    const output = windowOf(gradients.mixed, row + from, rows, column, size);
    const scores: Matrix = { values: gradients.scores, offset: 0, rows, columns: keys, stride: keys };
    kernels.multiplyTransposedRight(output, value, scores, false);
    kernels.causalSoftmaxGradient(weights, scores, scale);
    kernels.multiply(scores, key, windowOf(into, row + from, rows, column, size), false);
    kernels.multiplyTransposedLeft(scores, query, windowOf(into, row, keys, width + column, size), true);
    kernels.multiplyTransposedLeft(
      weights,
      output,
      windowOf(into, row, keys, 2 * width + column, size),
      true,
    );
  });
}

interface Block {
  readonly head: number;
  /** Columns of a head. */
  readonly size: number;
  readonly scale: number;
  /** First query, counted from the segment's first new token. */
  readonly from: number;
  readonly rows: number;
  /** Keys up to and including the last query's own. */
  readonly keys: number;
}

function forEachBlock(config: ModelConfig, { count, past }: Segment, work: (block: Block) => void): void {
  const size = config.width / config.heads;
  const scale = 1 / Math.sqrt(size);
  for (let head = 0; head < config.heads; head++) {
    for (let from = 0; from < count; from += QUERY_ROWS) {
      const rows = Math.min(QUERY_ROWS, count - from);
      work({ head, size, scale, from, rows, keys: past + from + rows });
    }
  }
}

function weightsOf(
  values: Float32Array,
  { count, past, probabilities }: Segment,
  head: number,
  from: number,
  rows: number,
  keys: number,
): Matrix {
  const stride = past + count;
  return { values, offset: probabilities + (head * count + from) * stride, rows, columns: keys, stride };
}
