import type { Activations, LayerActivations } from './activations.ts';
import type { LoraSpec } from './adapter.ts';
import { attendGradient } from './attention.ts';
import type { Weights } from './effective-weights.ts';
import type { Kernels } from './kernels.ts';
import type { Linear } from './linear.ts';
import { addTargetGradients, sumPerToken } from './many-targets.ts';
import { clear, type Matrix, rowsOf, windowOf } from './matrix.ts';
import { arrange, type PerLayer } from './projections.ts';
import { addRmsNormGradient } from './rms-norm.ts';
import { rotate } from './rotary.ts';
import { type Batch, hasOneTarget } from './sequence-batch.ts';
import type { TrainingBuffers } from './training-buffers.ts';

/** One backward pass: the batch, what its forward pass left behind, and where gradients go. */
export interface BackwardPass {
  readonly weights: Weights;
  readonly spec: LoraSpec;
  readonly batch: Batch;
  /** Per sequence of the batch d loss / d log-prob of each of its targets. */
  readonly scales: readonly Float32Array[];
  readonly activations: Activations;
  readonly buffers: TrainingBuffers;
  readonly kernels: Kernels;
}

/**
 * Add to `buffers.weightGradients` the gradients of the weights in effect, for the groups the adapter trains,
 * given `scales`. Overwrites the activations. Stops below the lowest trained weight.
 */
export function backwardBatch(pass: BackwardPass): void {
  const { weights, spec, activations, buffers, kernels } = pass;
  const rows = pass.batch.tokens.length;
  const gradients = arrange(buffers.weightGradients);
  const final = rowsOf(activations.final, 0, rows);
  const logits = rowsOf(activations.logits, 0, rows);
  logitGradient(pass, logits);
  if (spec.trainUnembed) kernels.multiplyTransposedLeft(logits, final, gradients.unembedding, true);
  if (!spec.trainAttn && !spec.trainMlp) return;

  const input = rowsOf(buffers.input, 0, rows);
  const residual = rowsOf(buffers.residual, 0, rows);
  kernels.multiply(logits, weights.linears.unembedding.backward, input, false);
  clear(residual);
  addRmsNormGradient(final, activations.finalInverses, input, residual);
  for (let index = weights.base.config.layers - 1; index >= 0; index--) {
    const layer = activations.layers[index]!;
    const linears = weights.linears.layers[index]!;
    mlpGradient(pass, layer, linears, gradients.layers[index]!, index === 0 && !spec.trainAttn);
    if (index === 0 && !spec.trainAttn) return;
    attentionGradient(pass, layer, linears, gradients.layers[index]!, index === 0);
  }
}

/** From the softmax left by the forward pass to the gradient with respect to the logits, in place. */
function logitGradient({ batch, scales, activations, buffers, kernels }: BackwardPass, logits: Matrix): void {
  for (const [index, sequence] of batch.sequences.entries()) {
    const { targetsPerToken = 1 } = sequence;
    const own = scales[index]!;
    const perToken = targetsPerToken === 1 ? own : sumPerToken(own, targetsPerToken);
    buffers.scales.set(perToken, batch.segments[index]!.row);
  }
  kernels.logSoftmaxGradient(logits, activations.targets, buffers.scales);
  for (const [index, sequence] of batch.sequences.entries()) {
    if (hasOneTarget(sequence)) continue;
    const { row, count } = batch.segments[index]!;
    addTargetGradients(rowsOf(logits, row, count), sequence, scales[index]!);
  }
}

/** @param lowest - Nothing below is trained: the gradient with respect to the block's input is not needed. */
function mlpGradient(
  { spec, batch, buffers, kernels }: BackwardPass,
  layer: LayerActivations,
  linears: PerLayer<Linear>,
  gradients: PerLayer<Matrix>,
  lowest: boolean,
): void {
  const rows = batch.tokens.length;
  const residual = rowsOf(buffers.residual, 0, rows);
  const hidden = rowsOf(buffers.hidden, 0, rows);
  const gateUp = rowsOf(layer.gateUp, 0, rows);
  const normed = rowsOf(layer.mlpInput, 0, rows);
  if (spec.trainMlp) {
    kernels.multiplyTransposedLeft(residual, rowsOf(layer.hidden, 0, rows), gradients.down, true);
  }
  kernels.multiply(residual, linears.down.backward, hidden, false);
  kernels.gatedSiluGradient(gateUp, hidden);
  if (spec.trainMlp) kernels.multiplyTransposedLeft(gateUp, normed, gradients.gateUp, true);
  if (lowest) return;
  const input = rowsOf(buffers.input, 0, rows);
  kernels.multiply(gateUp, linears.gateUp.backward, input, false);
  addRmsNormGradient(normed, layer.mlpInverses, input, residual);
}

function attentionGradient(
  pass: BackwardPass,
  layer: LayerActivations,
  linears: PerLayer<Linear>,
  gradients: PerLayer<Matrix>,
  lowest: boolean,
): void {
  const { spec, batch, buffers, kernels } = pass;
  const rows = batch.tokens.length;
  const residual = rowsOf(buffers.residual, 0, rows);
  const input = rowsOf(buffers.input, 0, rows);
  const normed = rowsOf(layer.attentionInput, 0, rows);
  if (spec.trainAttn) {
    kernels.multiplyTransposedLeft(residual, rowsOf(layer.mixed, 0, rows), gradients.attentionOutput, true);
  }
  kernels.multiply(residual, linears.attentionOutput.backward, input, false);
  const queryKeyValue = mixingGradient(pass, layer, input);
  if (spec.trainAttn) kernels.multiplyTransposedLeft(queryKeyValue, normed, gradients.queryKeyValue, true);
  if (lowest) return;
  kernels.multiply(queryKeyValue, linears.queryKeyValue.backward, input, false);
  addRmsNormGradient(normed, layer.attentionInverses, input, residual);
}

/** From the gradient with respect to attention's result to the one with respect to unrotated query, key, value. */
function mixingGradient(
  { weights, batch, buffers, kernels }: BackwardPass,
  layer: LayerActivations,
  mixed: Matrix,
): Matrix {
  const { config, rotary } = weights.base;
  const queryKeyValue = rowsOf(buffers.queryKeyValue, 0, batch.tokens.length);
  clear(windowOf(queryKeyValue, 0, queryKeyValue.rows, config.width, 2 * config.width));
  const gradients = { mixed, queryKeyValue, scores: buffers.scores };
  for (const segment of batch.segments) {
    attendGradient(config, segment, layer, gradients, kernels);
    rotate(windowOf(queryKeyValue, segment.row, segment.count, 0, 2 * config.width), rotary, 0, -1);
  }
  return queryKeyValue;
}
