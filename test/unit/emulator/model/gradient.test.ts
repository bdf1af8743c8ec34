import { describe, expect, it } from 'vitest';
import type { Adapter, AdapterParameter, LoraSpec } from '../../../../src/emulator/model/adapter.ts';
import { effectiveWeights, releaseWeights } from '../../../../src/emulator/model/effective-weights.ts';
import { computeTargetLogprobs } from '../../../../src/emulator/model/forward.ts';
import type { Sequence } from '../../../../src/emulator/model/sequence-batch.ts';
import { accumulateGradient } from '../../../../src/emulator/model/training.ts';
import { seededRandom } from '../../../../src/kernel/random.ts';
import { everything, randomSequences, type TinyModel, tinyModel } from './tiny-model.ts';

/*
 * The loss is a fixed weighted sum of log-probs, so d loss / d logprob is the weight. It is stored in 32 bits: about
 * 1e-6 of noise, 1e-4 after division by the step. A fourth-order difference over a step of 5e-3 has an error of its
 * own below that; gradients have norms from 0.03 to 30.
 */
const STEP = 5e-3;

function tolerance(norm: number): number {
  return 2e-3 * norm + 2e-4;
}

function lossOf(
  { base, adapter, kernels }: TinyModel,
  sequences: Sequence[],
  weights: Float32Array[],
): number {
  const snapshot = effectiveWeights(base, adapter, kernels);
  const logprobs = computeTargetLogprobs(snapshot, sequences, kernels);
  releaseWeights(snapshot, kernels);
  return logprobs.reduce(
    (sum, row, s) => sum + row.reduce((part, logprob, i) => part + logprob * weights[s]![i]!, 0),
    0,
  );
}

/** Derivative along `direction` at the present values: fourth-order central difference. */
function derivative(values: Float32Array, direction: Float32Array, loss: () => number): number {
  const start = values.slice();
  const at = (distance: number) => {
    for (let i = 0; i < values.length; i++) values[i] = start[i]! + distance * direction[i]!;
    return loss();
  };
  const result = (8 * (at(STEP) - at(-STEP)) - (at(2 * STEP) - at(-2 * STEP))) / (12 * STEP);
  values.set(start);
  return result;
}

function unitDirection(length: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  const direction = Float32Array.from({ length }, () => random() - 0.5);
  const norm = Math.sqrt(dot(direction, direction));
  return direction.map((x) => x / norm);
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0);
}

function basis(length: number, index: number): Float32Array {
  const direction = new Float32Array(length);
  direction[index] = 1;
  return direction;
}

function prepare(spec: LoraSpec = everything) {
  const model = tinyModel(spec);
  const sequences = randomSequences([7, 19, 1, 23]);
  const random = seededRandom(8);
  const weights = sequences.map(({ tokens }) => Float32Array.from(tokens, () => random() - 0.3));
  const gradient = () =>
    accumulateGradient(model.base, model.adapter, sequences, (_, index) => weights[index]!, model.kernels);
  return { model, sequences, weights, gradient, loss: () => lossOf(model, sequences, weights) };
}

function parameter(adapter: Adapter, name: string): AdapterParameter {
  return adapter.parameters.find((candidate) => candidate.name === name)!;
}

const { model, gradient, loss } = prepare();
gradient();

describe.each(model.adapter.parameters.map(({ name }) => name))('the gradient of %s', (name) => {
  const { values, gradient: found } = parameter(model.adapter, name);

  it('agrees with the slope along the gradient itself and along random directions', () => {
    const norm = Math.sqrt(dot(found, found));
    expect(norm).toBeGreaterThan(1e-2);
    const directions = [
      found.map((x) => x / norm),
      unitDirection(values.length, 1),
      unitDirection(values.length, 2),
    ];
    for (const direction of directions) {
      const error = derivative(values, direction, loss) - dot(found, direction);
      expect(Math.abs(error)).toBeLessThan(tolerance(norm));
    }
  });

  it('agrees with the slope of single elements', () => {
    const norm = Math.sqrt(dot(found, found));
    const largest = found.reduce((best, x, i) => (Math.abs(x) > Math.abs(found[best]!) ? i : best), 0);
    for (const index of [0, largest, values.length - 1]) {
      const error = derivative(values, basis(values.length, index), loss) - found[index]!;
      expect(Math.abs(error)).toBeLessThan(tolerance(norm));
    }
  });
});

describe('accumulateGradient', () => {
  it('returns the log-probs of the plain forward pass, bit for bit', () => {
    const { model, sequences, gradient } = prepare();
    const logprobs = gradient();
    const weights = effectiveWeights(model.base, model.adapter, model.kernels);
    expect(logprobs).toEqual(computeTargetLogprobs(weights, sequences, model.kernels));
  });

  it('adds: two calls equal one with both halves', () => {
    const { base, adapter, kernels } = tinyModel();
    const sequences = randomSequences([7, 19, 12]);
    const run = (part: readonly Sequence[]) =>
      accumulateGradient(base, adapter, part, (logprobs) => logprobs.map(() => -1), kernels);
    run(sequences.slice(0, 1));
    run(sequences.slice(1));
    const twice = adapter.parameters.map((p) => p.gradient.slice());
    for (const p of adapter.parameters) p.gradient.fill(0);
    run(sequences);
    for (const [index, { gradient: once }] of adapter.parameters.entries()) {
      const norm = Math.sqrt(dot(once, once));
      for (let i = 0; i < once.length; i++) {
        expect(Math.abs(once[i]! - twice[index]![i]!)).toBeLessThan(1e-5 * norm);
      }
    }
  });

  it('asks for each sequence once, in order, with its index and its log-probs', () => {
    const { base, adapter, kernels } = tinyModel();
    const sequences = randomSequences(Array.from({ length: 40 }, (_, i) => 30 + (i % 9)));
    const seen: [number, number][] = [];
    accumulateGradient(
      base,
      adapter,
      sequences,
      (logprobs, index) => {
        seen.push([index, logprobs.length]);
        return new Float32Array(logprobs.length);
      },
      kernels,
    );
    expect(seen).toEqual(sequences.map(({ tokens }, index) => [index, tokens.length]));
    for (const { gradient: all } of adapter.parameters) expect(all.every((x) => x === 0)).toBe(true);
  });

  it.each([
    [{ trainAttn: true, trainMlp: false, trainUnembed: false }],
    [{ trainAttn: false, trainMlp: true, trainUnembed: false }],
    [{ trainAttn: false, trainMlp: false, trainUnembed: true }],
    [{ trainAttn: false, trainMlp: true, trainUnembed: true }],
    [{ trainAttn: true, trainMlp: false, trainUnembed: true }],
  ])('is right for the groups %o', (groups) => {
    const { model, gradient, loss } = prepare({ ...everything, ...groups });
    gradient();
    for (const { values, gradient: found } of model.adapter.parameters) {
      const norm = Math.sqrt(dot(found, found));
      const slope = derivative(
        values,
        found.map((x) => x / norm),
        loss,
      );
      expect(Math.abs(slope - norm)).toBeLessThan(tolerance(norm));
    }
  });

  it('leaves the gradient alone and can be called again after the callback threw', () => {
    const { model, gradient, sequences } = prepare();
    const fail = () =>
      accumulateGradient(model.base, model.adapter, sequences, () => new Float32Array(2), model.kernels);
    expect(fail).toThrow('gradientOf(sequence 0) returned 2 numbers; the sequence has 7 targets');
    for (const { gradient: all } of model.adapter.parameters) expect(all.every((x) => x === 0)).toBe(true);
    const first = gradient();
    expect(first).toHaveLength(4);
  });

  it('allows another pass inside the callback', () => {
    const { model, sequences, weights } = prepare();
    const plain = effectiveWeights(model.base, undefined, model.kernels);
    const run = (inside: () => void) => {
      for (const p of model.adapter.parameters) p.gradient.fill(0);
      accumulateGradient(
        model.base,
        model.adapter,
        sequences,
        (_, index) => {
          inside();
          return weights[index]!;
        },
        model.kernels,
      );
      return model.adapter.parameters.map((p) => p.gradient.slice());
    };
    const nested = run(() => computeTargetLogprobs(plain, sequences, model.kernels));
    expect(nested).toEqual(run(() => {}));
  });
});
