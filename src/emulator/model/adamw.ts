import type { Adapter, AdapterParameter } from './adapter.ts';

/** The optimizer's memory for one adapter; a checkpoint keeps it. Arrays run parallel to `adapter.parameters`. */
export interface AdamWState {
  /** Steps taken. */
  step: number;
  /** Moving averages of the gradients. */
  readonly first: readonly Float32Array[];
  /** Moving averages of their squares. */
  readonly second: readonly Float32Array[];
}

/** Settings of one step. */
export interface AdamWOptions {
  readonly learningRate: number;
  /** Decay of the average gradient, in [0, 1). */
  readonly beta1: number;
  /** Decay of the average squared gradient, in [0, 1). */
  readonly beta2: number;
  /** Added to the denominator. */
  readonly epsilon: number;
  /** Share of each parameter, times the learning rate, taken off per step; 0 = off. */
  readonly weightDecay: number;
  /** Scale all gradients down together so that their norm does not exceed this; 0 = off. */
  readonly gradientClipNorm: number;
}

/** State for an adapter that has not taken a step. */
export function createAdamWState(adapter: Pick<Adapter, 'parameters'>): AdamWState {
  const zeros = () => adapter.parameters.map(({ values }) => new Float32Array(values.length));
  return { step: 0, first: zeros(), second: zeros() };
}

/**
 * One step of Adam (Kingma and Ba 2015) with bias correction and decoupled weight decay (Loshchilov and Hutter
 * 2019); then the gradients are zero again.
 *
 * @returns the norm of all gradients together, before clipping.
 */
export function adamWStep(
  adapter: Pick<Adapter, 'parameters'>,
  state: AdamWState,
  options: AdamWOptions,
): { readonly gradientNorm: number } {
  const { parameters } = adapter;
  const gradientNorm = normOf(parameters);
  const { gradientClipNorm } = options;
  const clip = gradientClipNorm > 0 && gradientNorm > gradientClipNorm ? gradientClipNorm / gradientNorm : 1;
  state.step++;
  const rates = {
    ...options,
    clip,
    correction1: 1 - integerPower(options.beta1, state.step),
    correction2: 1 - integerPower(options.beta2, state.step),
  };
  for (const [index, parameter] of parameters.entries()) {
    update(parameter, state.first[index]!, state.second[index]!, rates);
    parameter.gradient.fill(0);
  }
  return { gradientNorm };
}

interface Rates extends AdamWOptions {
  readonly clip: number;
  readonly correction1: number;
  readonly correction2: number;
}

function update(
  { values, gradient }: AdapterParameter,
  first: Float32Array,
  second: Float32Array,
  { learningRate, beta1, beta2, epsilon, weightDecay, clip, correction1, correction2 }: Rates,
): void {
  const keep = 1 - learningRate * weightDecay;
  const rate = learningRate / correction1;
  const rootCorrection = 1 / Math.sqrt(correction2);
  for (let i = 0; i < values.length; i++) {
    const g = gradient[i]! * clip;
    const m = beta1 * first[i]! + (1 - beta1) * g;
    const v = beta2 * second[i]! + (1 - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    const denominator = Math.sqrt(v) * rootCorrection + epsilon;
    const direction = denominator > 0 ? m / denominator : 0;
    values[i] = values[i]! * keep - rate * direction;
  }
}

function normOf(parameters: readonly AdapterParameter[]): number {
  let squares = 0;
  for (const { gradient } of parameters) {
    for (let i = 0; i < gradient.length; i++) squares += gradient[i]! * gradient[i]!;
  }
  return Math.sqrt(squares);
}

/** `base` to a positive integer power by squaring; `Math.pow` differs between engines. */
function integerPower(base: number, exponent: number): number {
  let result = 1;
  let square = base;
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}
