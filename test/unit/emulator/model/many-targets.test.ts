import { describe, expect, it } from 'vitest';
import { createKernels } from '../../../../src/emulator/model/create-kernels.ts';
import { effectiveWeights } from '../../../../src/emulator/model/effective-weights.ts';
import { computeTargetLogprobs } from '../../../../src/emulator/model/forward.ts';
import type { Sequence } from '../../../../src/emulator/model/sequence-batch.ts';
import { accumulateGradient, type LogprobGradient } from '../../../../src/emulator/model/training.ts';
import { seededRandom } from '../../../../src/kernel/random.ts';
import { randomSequences, tinyConfig, tinyModel } from './tiny-model.ts';

/** Sequences of these lengths, with so many targets a token. */
function withTargets(lengths: readonly number[], targetsPerToken: number): Sequence[] {
  const random = seededRandom(51);
  return randomSequences(lengths).map(({ tokens }) => ({
    tokens,
    targets: Int32Array.from({ length: tokens.length * targetsPerToken }, () =>
      Math.floor(random() * tinyConfig.vocabularySize),
    ),
    targetsPerToken,
  }));
}

/** The same with one of the targets alone. */
function onlyTarget({ tokens, targets, targetsPerToken = 1 }: Sequence, which: number): Sequence {
  return { tokens, targets: targets.filter((_, at) => at % targetsPerToken === which) };
}

function gradients(sequences: readonly Sequence[], gradientOf: LogprobGradient): Float32Array[] {
  const { base, adapter, kernels } = tinyModel();
  accumulateGradient(base, adapter, sequences, gradientOf, kernels);
  return adapter.parameters.map(({ gradient }) => gradient);
}

function expectClose(found: readonly Float32Array[], expected: readonly Float32Array[]): void {
  for (const [index, gradient] of expected.entries()) {
    const length = Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0));
    expect(length).toBeGreaterThan(0);
    for (const [i, x] of gradient.entries()) {
      expect(Math.abs((found[index]?.[i] ?? Number.NaN) - x)).toBeLessThanOrEqual(1e-5 * length);
    }
  }
}

describe('log-probs of several targets', () => {
  it('are those of each target alone, bit for bit', () => {
    const { base, adapter, kernels } = tinyModel();
    const weights = effectiveWeights(base, adapter, kernels);
    const sequences = withTargets([7, 40, 1], 3);
    const together = computeTargetLogprobs(weights, sequences, kernels);
    for (const which of [0, 1, 2]) {
      const alone = computeTargetLogprobs(
        weights,
        sequences.map((sequence) => onlyTarget(sequence, which)),
        kernels,
      );
      expect(together.map((row) => row.filter((_, at) => at % 3 === which))).toEqual(alone);
    }
  });

  it('leave a neighbour with one target each as it is', () => {
    const { base, adapter, kernels } = tinyModel();
    const weights = effectiveWeights(base, adapter, kernels);
    const [first, ...others] = randomSequences([9, 12, 5]);
    const mixed = [first, ...withTargets([6], 2), ...others] as Sequence[];
    const logprobs = computeTargetLogprobs(weights, mixed, kernels);
    const plain = computeTargetLogprobs(weights, [first, ...others] as Sequence[], kernels);
    expect([logprobs[0], logprobs[2], logprobs[3]]).toEqual(plain);
    expect(logprobs[1]).toHaveLength(12);
  });

  it('need as many targets as they say', () => {
    const { base, kernels } = tinyModel();
    const weights = effectiveWeights(base, undefined, kernels);
    const sequence = { tokens: Int32Array.of(1, 2), targets: Int32Array.of(1, 2, 3), targetsPerToken: 2 };
    expect(() => computeTargetLogprobs(weights, [sequence], kernels)).toThrow(
      'sequence 0 has 2 tokens, 2 each, but 3 targets',
    );
  });
});

describe('the gradient of several targets', () => {
  const scales = (logprobs: Float32Array, index: number): Float32Array =>
    logprobs.map((logprob, at) => Math.sin(at + index) - logprob / 10);

  it('is the sum of the gradients of each alone', () => {
    const sequences = withTargets([7, 19, 23], 3);
    const together = gradients(sequences, scales);
    const { base, adapter, kernels } = tinyModel();
    for (const which of [0, 1, 2]) {
      accumulateGradient(
        base,
        adapter,
        sequences.map((sequence) => onlyTarget(sequence, which)),
        (logprobs, index) => logprobs.map((logprob, at) => Math.sin(3 * at + which + index) - logprob / 10),
        kernels,
      );
    }
    expectClose(
      together,
      adapter.parameters.map(({ gradient }) => gradient),
    );
  });

  it('is that of one target where the others have no share, or are the same token', () => {
    const sequences = withTargets([7, 19], 2);
    const firsts = sequences.map((sequence) => onlyTarget(sequence, 0));
    const one = gradients(firsts, (logprobs) => logprobs.map(() => -1));
    const unshared = gradients(sequences, (logprobs) => logprobs.map((_, at) => (at % 2 === 0 ? -1 : 0)));
    const doubled = firsts.map(({ tokens, targets }) => ({
      tokens,
      targets: Int32Array.from(Array.from(targets).flatMap((target) => [target, target])),
      targetsPerToken: 2,
    }));
    expectClose(unshared, one);
    expectClose(
      gradients(doubled, (logprobs) => logprobs.map(() => -0.5)),
      one,
    );
  });

  it('is the same bits on every backend', () => {
    const run = (backend: 'javascript' | 'auto'): unknown => {
      const { base, adapter } = tinyModel();
      const kernels = createKernels(backend);
      const logprobs = accumulateGradient(base, adapter, withTargets([7, 40], 2), scales, kernels);
      return [logprobs, adapter.parameters.map(({ gradient }) => gradient)];
    };
    expect(run('auto')).toEqual(run('javascript'));
  });
});
