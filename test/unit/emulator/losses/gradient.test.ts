import { describe, expect, it } from 'vitest';
import { isFailure } from '../../../../src/emulator/futures/operation-failure.ts';
import type { TinyModel as Served } from '../../../../src/emulator/tiny-model.ts';
import { checkForwardInput, type ForwardInput } from '../../../../src/emulator/training/forward-input.ts';
import { runForward } from '../../../../src/emulator/training/forward-pass.ts';
import type { TrainingDatum, TrainingRequest } from '../../../../src/emulator/training/training-request.ts';
import { seededRandom } from '../../../../src/kernel/random.ts';
import { everything, randomSequences, tinyConfig, tinyModel } from '../model/tiny-model.ts';

/*
 * The gradient of each loss with respect to the parameters, against slopes of the loss itself: the whole way through the
 * model and back. Log-probs have 32 bits, so slopes have an error of about 1e-3 of the gradient's length.
 */
const STEP = 5e-3;

const { kernels, base, adapter } = tinyModel({ ...everything, rank: 4 });
const model: Served = { name: 'tiny', config: tinyConfig, kernels, base: () => base };
const sequences = randomSequences([7, 19, 23]);

function request(lossFn: string, data: readonly TrainingDatum[], config: object = {}): ForwardInput {
  const body: TrainingRequest = { lossFn, data, lossFnConfig: new Map(Object.entries(config)) };
  const input = checkForwardInput(body, 'body');
  if (isFailure(input)) throw new Error(input.error);
  return input;
}

const tensor = (values: ArrayLike<number>, shape = [values.length]) => ({
  dtype: undefined,
  shape,
  values: Float64Array.from(values),
});

/** Data whose tensors are made by `fill`: a number for each target. */
function dataOf(
  targetsPerToken: number,
  tensors: Readonly<Record<string, (index: number, at: number) => number>>,
): TrainingDatum[] {
  const random = seededRandom(31);
  return sequences.map(({ tokens }, index) => {
    const count = tokens.length * targetsPerToken;
    const shape = targetsPerToken === 1 ? [count] : [tokens.length, targetsPerToken];
    const targets = Array.from({ length: count }, () => Math.floor(random() * tinyConfig.vocabularySize));
    const others = Object.entries(tensors).map(
      ([name, fill]) =>
        [
          name,
          tensor(
            targets.map((_, at) => fill(index, at)),
            shape,
          ),
        ] as const,
    );
    return {
      chunks: [{ type: 'encoded_text', tokens }],
      tensors: new Map([['target_tokens', tensor(targets, shape)], ...others]),
    };
  });
}

/** What the model makes of the targets now, so that ratios are known. */
const present = runForward(model, adapter, request('cross_entropy', dataOf(1, {})), false).outputs;

/** Ratios of both kinds, beyond thresholds and within, all well away from them: the slopes must not cross a corner. */
const DISTANCES = [0.6, -0.6, 0.08, -0.06, 0.45, -0.4];
const spread = {
  logprobs: (index: number, at: number) =>
    (present[index]?.values[at] ?? 0) - (DISTANCES[at % DISTANCES.length] ?? 0),
  advantages: (index: number, at: number) => ((at * 7 + index) % 5) / 2 - 1,
};
const mixed = seededRandom(77);

const CASES: readonly (readonly [string, ForwardInput])[] = [
  ['cross_entropy', request('cross_entropy', dataOf(1, { weights: () => mixed() - 0.3 }))],
  ['cross_entropy of 3 targets each', request('cross_entropy', dataOf(3, { weights: () => mixed() - 0.3 }))],
  ['importance_sampling', request('importance_sampling', dataOf(1, spread))],
  ['ppo', request('ppo', dataOf(1, spread))],
  ['ppo with its own thresholds', request('ppo', dataOf(1, spread), { clip_low_threshold: 0.5 })],
  ['dro', request('dro', dataOf(1, spread), { beta: 0.7 })],
];

const lossNow = (input: ForwardInput): number =>
  runForward(model, adapter, input, false).metrics['loss:sum'] ?? Number.NaN;

function gradientsOf(input: ForwardInput): Float32Array[] {
  for (const { gradient } of adapter.parameters) gradient.fill(0);
  runForward(model, adapter, input, true);
  return adapter.parameters.map(({ gradient }) => gradient.slice());
}

/** Slope along `direction`: fourth-order central difference. */
function slope(values: Float32Array, direction: Float32Array, loss: () => number): number {
  const start = values.slice();
  const at = (distance: number): number => {
    for (let i = 0; i < values.length; i++) values[i] = (start[i] ?? 0) + distance * (direction[i] ?? 0);
    return loss();
  };
  const found = (8 * (at(STEP) - at(-STEP)) - (at(2 * STEP) - at(-2 * STEP))) / (12 * STEP);
  values.set(start);
  return found;
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
const lengthOf = (a: Float32Array): number => Math.sqrt(dot(a, a));

function directions(gradient: Float32Array, seed: number): Float32Array[] {
  const random = seededRandom(seed);
  const any = gradient.map(() => random() - 0.5);
  return [gradient, any].map((direction) => direction.map((x) => x / lengthOf(direction)));
}

/** Compare gradients with slopes of `loss`, parameter by parameter. */
function expectSlopes(gradients: readonly Float32Array[], loss: () => number): void {
  for (const [index, { name, values }] of adapter.parameters.entries()) {
    const gradient = gradients[index] ?? new Float32Array(0);
    const length = lengthOf(gradient);
    expect(length).toBeGreaterThan(1e-3);
    for (const direction of directions(gradient, index)) {
      const error = Math.abs(slope(values, direction, loss) - dot(gradient, direction));
      expect([name, error < 3e-3 * length + 3e-4, error]).toEqual([name, true, error]);
    }
  }
}

describe('the gradient of the parameters', () => {
  it.each(CASES)('is that of %s', (_, input) => {
    expectSlopes(gradientsOf(input), () => lossNow(input));
  });

  it('is that of cispo, the clipped ratios held fast', () => {
    const input = request('cispo', dataOf(1, spread), { clip_low_threshold: 0.8, clip_high_threshold: 1.2 });
    const factors = present.map(({ values }, index) =>
      Array.from(values, (logprob, at) => {
        const ratio = Math.exp(logprob - Math.fround(spread.logprobs(index, at)));
        return -Math.min(Math.max(ratio, 0.8), 1.2) * spread.advantages(index, at);
      }),
    );
    const surrogate = (): number =>
      runForward(model, adapter, input, false).outputs.reduce(
        (sum, { values }, index) =>
          sum + values.reduce((part, logprob, at) => part + logprob * (factors[index]?.[at] ?? 0), 0),
        0,
      );
    expectSlopes(gradientsOf(input), surrogate);
    expect(lossNow(input)).toBeCloseTo(surrogate(), 6);
  });

  it('is nothing where no loss is asked for', () => {
    const gradients = gradientsOf(
      request('importance_sampling', dataOf(1, { ...spread, advantages: () => 0 })),
    );
    expect(gradients.every((gradient) => gradient.every((x) => x === 0))).toBe(true);
  });
});

it('counts the targets that matter and those that are clipped', () => {
  const advantages = (_: number, at: number) => (at % 2 === 0 ? 1 : 0);
  const logprobs = (index: number, at: number) =>
    (present[index]?.values[at] ?? 0) - (at % 4 === 0 ? 0.6 : 0);
  const { metrics } = runForward(model, adapter, request('ppo', dataOf(1, { advantages, logprobs })), false);
  const count = (every: number): number =>
    sequences.reduce((sum, { tokens }) => sum + Math.ceil(tokens.length / every), 0);
  expect(metrics).toEqual({
    'loss:sum': expect.any(Number),
    'tokens:sum': count(2),
    'clipped:sum': count(4),
  });
});

it('refuses a loss that is not finite, and leaves the gradient as it was', () => {
  const before = gradientsOf(request('dro', dataOf(1, spread)));
  const input = request(
    'importance_sampling',
    dataOf(1, { ...spread, logprobs: () => -1e3, advantages: () => 1 }),
  );
  const error =
    /^The loss importance_sampling or its gradient is not a finite number from data\[0\], target 0/;
  expect(() => runForward(model, adapter, input, true)).toThrowError(
    expect.objectContaining({ category: 'user', error: expect.stringMatching(error) }),
  );
  expect(adapter.parameters.map(({ gradient }) => gradient)).toEqual(before);
});
