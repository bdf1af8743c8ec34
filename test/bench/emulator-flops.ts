import { QUERY_ROWS } from '../../src/emulator/model/attention.ts';
import type { ModelConfig } from '../../src/emulator/model/config.ts';
import { type Projection, projectionsOf } from '../../src/emulator/model/projections.ts';

// Operations of the matrix products alone, two for each multiplication with its addition, from the model's shapes. What is
// not a product (norms, softmax, the optimizer) takes time and counts for nothing.

const sizeOf = ({ inputs, outputs }: Projection): number => inputs * outputs;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** Multiplications of queries with keys in one head: blocks of queries with all keys up to their last. */
function pairsOf(length: number): number {
  const blocks = Array.from({ length: Math.ceil(length / QUERY_ROWS) }, (_, i) => i * QUERY_ROWS);
  return sum(blocks.map((from) => Math.min(QUERY_ROWS, length - from) * Math.min(from + QUERY_ROWS, length)));
}

/** Of a training step on sequences of these lengths, all groups adapted: forward, backward, and the adapter's own. */
export function trainingFlops(config: ModelConfig, rank: number, lengths: readonly number[]): number {
  const projections = projectionsOf(config);
  const tokens = sum(lengths);
  const weights = sum(projections.map(sizeOf));
  const [lowest] = projections;
  // Output, gradient of the weight, gradient of the input; below the lowest projection nothing is trained.
  const projected = tokens * (3 * weights - (lowest === undefined ? 0 : sizeOf(lowest)));
  // Scores and their mixture; their gradients and those of query, key and value.
  const attended = config.layers * config.width * 6 * sum(lengths.map(pairsOf));
  // The weight in effect, and the gradients of both factors.
  const adapted = 3 * rank * weights;
  return 2 * (projected + attended + adapted);
}

/** Of sampling tokens one at a time, each from those before it. */
export function samplingFlops(config: ModelConfig, tokens: number): number {
  const weights = sum(projectionsOf(config).map(sizeOf));
  const pairs = (tokens * (tokens + 1)) / 2;
  return 2 * (tokens * weights + config.layers * config.width * 2 * pairs);
}
