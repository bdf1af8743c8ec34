import { describe, expect, it } from 'vitest';
import { packSequences } from '../../../../src/emulator/model/sequence-batch.ts';
import { randomSequences, tinyConfig } from './tiny-model.ts';

function split(lengths: readonly number[], limit: number): number[][] {
  return packSequences(tinyConfig, randomSequences(lengths), limit).map(({ sequences }) =>
    sequences.map(({ tokens }) => tokens.length),
  );
}

describe('packSequences', () => {
  it('fills batches in order, up to the limit, without cutting a sequence', () => {
    expect(split([5, 5, 5], 10)).toEqual([[5, 5], [5]]);
    expect(split([4, 7, 1, 12, 3], 12)).toEqual([[4, 7, 1], [12], [3]]);
    expect(split([30, 1], 10)).toEqual([[30], [1]]);
    expect(split([0, 0, 3], 10)).toEqual([[0, 0, 3]]);
    expect(split([], 10)).toEqual([]);
  });

  it('lays the sequences end to end, and their attention weights too', () => {
    const sequences = randomSequences([3, 0, 4]);
    const [batch] = packSequences(tinyConfig, sequences, 10);
    expect(batch!.segments).toEqual([
      { row: 0, count: 3, past: 0, begin: 0, probabilities: 0 },
      { row: 3, count: 0, past: 0, begin: 3, probabilities: 18 },
      { row: 3, count: 4, past: 0, begin: 3, probabilities: 18 },
    ]);
    expect(Array.from(batch!.tokens)).toEqual(sequences.flatMap(({ tokens }) => Array.from(tokens)));
  });

  it('numbers batches by their first sequence', () => {
    const batches = packSequences(tinyConfig, randomSequences([5, 5, 5, 5, 5]), 10);
    expect(batches.map(({ first }) => first)).toEqual([0, 2, 4]);
  });
});
