import { exp, log } from './elementary.ts';
import { createJavascriptProducts } from './javascript-products.ts';
import { type Kernels, NO_TARGET } from './kernels.ts';
import { maximumOf } from './log-softmax.ts';
import type { Matrix } from './matrix.ts';

/** The kernels in plain JavaScript: 32-bit storage, 64-bit accumulation; runs everywhere. */
export function createJavascriptKernels(): Kernels {
  return {
    name: 'javascript',
    allocate: (length) => new Float32Array(length),
    release: () => {},
    ...createJavascriptProducts(),
    causalSoftmax,
    causalSoftmaxGradient,
    gatedSilu,
    gatedSiluGradient,
    softmax,
    logSoftmaxGradient,
  };
}

function causalSoftmax(scores: Matrix, past: number, scale: number): void {
  const { values, offset, rows, columns, stride } = scores;
  for (let row = 0; row < rows; row++) {
    const start = offset + row * stride;
    const end = start + past + row + 1;
    const maximum = maximumOf(values, start, end);
    let sum = 0;
    for (let i = start; i < end; i++) {
      const weight = exp((values[i]! - maximum) * scale);
      values[i] = weight;
      sum += weight;
    }
    scaleRange(values, start, end, 1 / sum);
    values.fill(0, end, start + columns);
  }
}

function causalSoftmaxGradient(probabilities: Matrix, gradient: Matrix, scale: number): void {
  const p = probabilities.values;
  const g = gradient.values;
  const { rows, columns } = probabilities;
  for (let row = 0; row < rows; row++) {
    const pStart = probabilities.offset + row * probabilities.stride;
    const gStart = gradient.offset + row * gradient.stride;
    let dot = 0;
    for (let c = 0; c < columns; c++) dot += p[pStart + c]! * g[gStart + c]!;
    for (let c = 0; c < columns; c++) g[gStart + c] = scale * p[pStart + c]! * (g[gStart + c]! - dot);
  }
}

function gatedSilu(gateUp: Matrix, into: Matrix): void {
  const { values } = gateUp;
  const { rows, columns } = into;
  for (let row = 0; row < rows; row++) {
    const gate = gateUp.offset + row * gateUp.stride;
    const up = gate + columns;
    const target = into.offset + row * into.stride;
    for (let c = 0; c < columns; c++) {
      const x = values[gate + c]!;
      into.values[target + c] = (x * values[up + c]!) / (1 + exp(-x));
    }
  }
}

function gatedSiluGradient(gateUp: Matrix, outputGradient: Matrix): void {
  const { values } = gateUp;
  const { rows, columns } = outputGradient;
  for (let row = 0; row < rows; row++) {
    const gate = gateUp.offset + row * gateUp.stride;
    const up = gate + columns;
    const source = outputGradient.offset + row * outputGradient.stride;
    for (let c = 0; c < columns; c++) {
      const x = values[gate + c]!;
      const gradient = outputGradient.values[source + c]!;
      const sigmoid = 1 / (1 + exp(-x));
      values[gate + c] = gradient * values[up + c]! * sigmoid * (1 + x * (1 - sigmoid));
      values[up + c] = gradient * x * sigmoid;
    }
  }
}

function softmax(logits: Matrix, targets: Int32Array, logprobs: Float32Array): void {
  const { values, offset, rows, columns, stride } = logits;
  for (let row = 0; row < rows; row++) {
    const start = offset + row * stride;
    const end = start + columns;
    const target = targets[row]!;
    const logit = target === NO_TARGET ? Number.NaN : values[start + target]!;
    const maximum = maximumOf(values, start, end);
    let sum = 0;
    for (let i = start; i < end; i++) {
      const weight = exp(values[i]! - maximum);
      values[i] = weight;
      sum += weight;
    }
    logprobs[row] = logit - (maximum + log(sum));
    scaleRange(values, start, end, 1 / sum);
  }
}

function logSoftmaxGradient(probabilities: Matrix, targets: Int32Array, scales: Float32Array): void {
  const { values, offset, rows, columns, stride } = probabilities;
  for (let row = 0; row < rows; row++) {
    const start = offset + row * stride;
    const scale = scales[row]!;
    scaleRange(values, start, start + columns, -scale);
    const target = targets[row]!;
    if (target !== NO_TARGET) values[start + target] = values[start + target]! + scale;
  }
}

function scaleRange(values: Float32Array, start: number, end: number, factor: number): void {
  for (let i = start; i < end; i++) values[i] = values[i]! * factor;
}
