import { describe, expect, it } from 'vitest';
import { effectiveWeights } from '../../../../src/emulator/model/effective-weights.ts';
import { computeTargetLogprobs } from '../../../../src/emulator/model/forward.ts';
import type { Sequence } from '../../../../src/emulator/model/sequence-batch.ts';
import { randomSequences, tinyConfig, tinyModel } from './tiny-model.ts';

const { base, adapter, kernels } = tinyModel();
const weights = effectiveWeights(base, adapter, kernels);
const logprobsOf = (sequences: readonly Sequence[]) => computeTargetLogprobs(weights, sequences, kernels);

/** Enough tokens for several batches. */
const lengths = [40, 3, 17, 1, 40, 40, 29, 0, 40, 40, 40, 40, 33, 40, 40, 40, 5, 40, 40, 38, 2];

describe('computeTargetLogprobs', () => {
  it('gives one array per sequence, as long as it', () => {
    expect(logprobsOf(randomSequences(lengths)).map(({ length }) => length)).toEqual(lengths);
    expect(logprobsOf([])).toEqual([]);
  });

  it('gives every sequence the same bits alone, in any company and in any order', () => {
    const sequences = randomSequences(lengths);
    const together = logprobsOf(sequences);
    expect(sequences.flatMap((sequence) => logprobsOf([sequence]))).toEqual(together);
    const order = sequences.map((_, index) => (index * 8) % sequences.length);
    expect(logprobsOf(order.map((index) => sequences[index]!))).toEqual(
      order.map((index) => together[index]!),
    );
  });

  it('does not look ahead', () => {
    const [sequence] = randomSequences([40]);
    const [before] = logprobsOf([sequence!]);
    for (const changed of [0, 1, 15, 16, 17, 39]) {
      const tokens = sequence!.tokens.slice();
      tokens[changed] = (tokens[changed]! + 1) % tinyConfig.vocabularySize;
      const [after] = logprobsOf([{ ...sequence!, tokens }]);
      expect(after!.subarray(0, changed)).toEqual(before!.subarray(0, changed));
      expect(after![changed]).not.toBe(before![changed]);
      if (changed < 39) expect(after![39]).not.toBe(before![39]);
    }
  });

  it('depends on positions, not only on the set of earlier tokens', () => {
    const targets = Int32Array.from([1, 2, 3, 4]);
    const [one, other] = logprobsOf([
      { tokens: Int32Array.from([5, 6, 7, 8]), targets },
      { tokens: Int32Array.from([6, 5, 7, 8]), targets },
    ]);
    expect(one![3]).not.toBe(other![3]);
  });

  it('gives probabilities: over all targets they sum to 1', () => {
    const tokens = Int32Array.from([3, 1, 4]);
    const all = Array.from({ length: tinyConfig.vocabularySize }, (_, target) => ({
      tokens,
      targets: new Int32Array(3).fill(target),
    }));
    const logprobs = logprobsOf(all);
    for (const position of [0, 1, 2]) {
      const sum = logprobs.reduce((total, row) => total + Math.exp(row[position]!), 0);
      expect(sum).toBeCloseTo(1, 5);
    }
  });

  it('starts near the uniform distribution', () => {
    const fresh = computeTargetLogprobs(
      effectiveWeights(base, undefined, kernels),
      randomSequences([40]),
      kernels,
    );
    const mean = -fresh[0]!.reduce((a, b) => a + b, 0) / 40;
    expect(mean).toBeCloseTo(Math.log(tinyConfig.vocabularySize), 1);
  });

  it.each<[string, Partial<{ tokens: number[]; targets: number[] }>]>([
    ['sequence 1 has 2 tokens but 3 targets', { targets: [1, 2, 3] }],
    ['sequence 1: tokens[1] is 11; it must be at least 0 and below 11', { tokens: [1, 11] }],
    ['sequence 1: targets[0] is -1; it must be at least 0 and below 11', { targets: [-1, 1] }],
    [
      'sequence 1 has 41 tokens; the context holds 40',
      { tokens: new Array(41).fill(1), targets: new Array(41).fill(1) },
    ],
  ])('rejects: %s', (message, { tokens = [1, 2], targets = [1, 2] }) => {
    const good = { tokens: new Int32Array(2), targets: new Int32Array(2) };
    const bad = { tokens: Int32Array.from(tokens), targets: Int32Array.from(targets) };
    expect(() => logprobsOf([good, bad])).toThrow(new RangeError(message));
  });
});
