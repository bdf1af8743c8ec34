import {
  type Activations,
  batchCapacity,
  type LayerActivations,
  reserveProbabilities,
} from './activations.ts';
import { attend } from './attention.ts';
import type { Weights } from './effective-weights.ts';
import { type Kernels, NO_TARGET } from './kernels.ts';
import type { Linear } from './linear.ts';
import { manyTargetLogprobs } from './many-targets.ts';
import { type Matrix, rowsOf, windowOf } from './matrix.ts';
import type { PerLayer } from './projections.ts';
import { rmsNorm } from './rms-norm.ts';
import { rotate } from './rotary.ts';
import { type Batch, hasOneTarget, packSequences, type Segment, type Sequence } from './sequence-batch.ts';

/** The tokens a pass adds, and where they go. */
export interface Rows {
  readonly tokens: Int32Array;
  readonly segments: readonly Segment[];
}

/**
 * The log-prob, in nats, of each sequence's targets: one array per sequence, one number per target. Sequences do
 * not influence each other.
 *
 * @throws RangeError if a sequence is too long, unequal in its lengths, or holds an unknown token.
 */
export function computeTargetLogprobs(
  weights: Weights,
  sequences: readonly Sequence[],
  kernels: Kernels,
): Float32Array[] {
  const { config, activations } = weights.base;
  const batches = packSequences(config, sequences, batchCapacity(config));
  return activations.use((buffers) =>
    batches.flatMap((batch) => forwardBatch(weights, batch, buffers, kernels)),
  );
}

/** Run a batch through the model, leaving activations and the softmax in `buffers`; returns the targets' log-probs. */
export function forwardBatch(
  weights: Weights,
  batch: Batch,
  buffers: Activations,
  kernels: Kernels,
): Float32Array[] {
  runLayers(weights, batch, buffers, kernels);
  const count = batch.tokens.length;
  const logits = rowsOf(buffers.logits, 0, count);
  kernels.multiply(rowsOf(buffers.final, 0, count), weights.linears.unembedding.forward, logits, false);
  // Before the softmax, which overwrites the logits.
  const many = batch.sequences.map((sequence, index) => {
    const { row, count } = batch.segments[index]!;
    if (hasOneTarget(sequence)) {
      buffers.targets.set(sequence.targets, row);
      return undefined;
    }
    buffers.targets.fill(NO_TARGET, row, row + count);
    return manyTargetLogprobs(rowsOf(logits, row, count), sequence);
  });
  kernels.softmax(logits, buffers.targets, buffers.logprobs);
  return batch.segments.map(
    ({ row, count }, index) => many[index] ?? buffers.logprobs.slice(row, row + count),
  );
}

/**
 * Run tokens through the blocks and the last norm; the result is in the first rows of `buffers.final`.
 *
 * @param caches - Per block, where query, key and value are kept instead of in `buffers`; then there is one
 *   segment, and its new rows follow its past.
 */
export function runLayers(
  weights: Weights,
  { tokens, segments }: Rows,
  buffers: Activations,
  kernels: Kernels,
  caches?: readonly Matrix[],
): void {
  const { base, linears } = weights;
  const count = tokens.length;
  const residual = rowsOf(buffers.residual, 0, count);
  embed(base.embedding, tokens, residual);
  for (const [index, kept] of buffers.layers.entries()) {
    reserveProbabilities(kept, probabilitiesIn(segments, base.config.heads), kernels);
    const layer = caches === undefined ? kept : { ...kept, queryKeyValue: caches[index]! };
    attentionBlock(weights, linears.layers[index]!, segments, layer, residual, kernels);
    mlpBlock(linears.layers[index]!, layer, residual, kernels);
  }
  rmsNorm(residual, rowsOf(buffers.final, 0, count), buffers.finalInverses);
}

function attentionBlock(
  { base }: Weights,
  linears: PerLayer<Linear>,
  segments: readonly Segment[],
  layer: LayerActivations,
  residual: Matrix,
  kernels: Kernels,
): void {
  const { config, rotary } = base;
  const { rows } = residual;
  const input = rowsOf(layer.attentionInput, 0, rows);
  rmsNorm(residual, input, layer.attentionInverses);
  const added = rowsOf(layer.queryKeyValue, firstNewRow(segments), rows);
  kernels.multiply(input, linears.queryKeyValue.forward, added, false);
  for (const segment of segments) {
    const first = segment.begin + segment.past;
    const turned = windowOf(layer.queryKeyValue, first, segment.count, 0, 2 * config.width);
    rotate(turned, rotary, segment.past, 1);
    attend(config, segment, layer, kernels);
  }
  kernels.multiply(rowsOf(layer.mixed, 0, rows), linears.attentionOutput.forward, residual, true);
}

function mlpBlock(
  linears: PerLayer<Linear>,
  layer: LayerActivations,
  residual: Matrix,
  kernels: Kernels,
): void {
  const { rows } = residual;
  const input = rowsOf(layer.mlpInput, 0, rows);
  const gateUp = rowsOf(layer.gateUp, 0, rows);
  const hidden = rowsOf(layer.hidden, 0, rows);
  rmsNorm(residual, input, layer.mlpInverses);
  kernels.multiply(input, linears.gateUp.forward, gateUp, false);
  kernels.gatedSilu(gateUp, hidden);
  kernels.multiply(hidden, linears.down.forward, residual, true);
}

/** Where the new rows start among those of query, key and value: after the past of a cached segment. */
function firstNewRow([segment]: readonly Segment[]): number {
  return segment === undefined ? 0 : segment.begin + segment.past;
}

function embed(embedding: Matrix, tokens: Int32Array, into: Matrix): void {
  const { values, columns } = embedding;
  for (let row = 0; row < tokens.length; row++) {
    const source = tokens[row]! * columns;
    const target = into.offset + row * into.stride;
    for (let c = 0; c < columns; c++) into.values[target + c] = values[source + c]!;
  }
}

function probabilitiesIn(segments: readonly Segment[], heads: number): number {
  return segments.reduce((sum, { past, count }) => sum + heads * count * (past + count), 0);
}
