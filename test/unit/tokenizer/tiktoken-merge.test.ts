import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMerge } from '../../../src/tokenizer/tiktoken/merge.ts';
import { type RankTable, readRanks } from '../../../src/tokenizer/tiktoken/ranks.ts';
import { rankFile } from '../../support/rank-file.ts';

/** The definition: merge the neighbours of the least rank, the leftmost of equals, until none have one. */
function mergeAsDefined(table: RankTable, piece: Uint8Array): number[] {
  const whole = table.rankOf(piece, 0, piece.length);
  if (whole >= 0) return [whole];
  const bounds = Array.from({ length: piece.length + 1 }, (_, i) => i);
  for (;;) {
    let least: readonly [rank: number, place: number] | undefined;
    for (let i = 0; i + 2 < bounds.length; i++) {
      const rank = table.rankOf(piece, bounds[i]!, bounds[i + 2]!);
      if (rank >= 0 && (least === undefined || rank < least[0])) least = [rank, i];
    }
    if (least === undefined) break;
    bounds.splice(least[1] + 1, 1);
  }
  return bounds.slice(1).map((end, i) => table.rankOf(piece, bounds[i]!, end));
}

/** Few letters, so that much is merged; tokens of any length in any order, also those that no merges lead to. */
const word = (maxLength: number) =>
  fc.array(fc.constantFrom(97, 98, 99), { minLength: 2, maxLength }).map((codes) => Uint8Array.from(codes));
const vocabulary = fc.uniqueArray(word(6), { selector: String, maxLength: 40 });

describe('createMerge', () => {
  it('does what its definition says', () => {
    fc.assert(
      fc.property(vocabulary, fc.array(word(60), { minLength: 1, maxLength: 5 }), (tokens, pieces) => {
        const table = readRanks('file', rankFile(tokens));
        const merge = createMerge(table);
        for (const piece of pieces) {
          const ids: number[] = [7];
          merge(piece, piece.length, ids);
          expect(ids).toEqual([7, ...mergeAsDefined(table, piece)]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('reads no further than it is told', () => {
    const merge = createMerge(readRanks('file', rankFile(['ab', 'abc'])));
    const ids: number[] = [];
    merge(new TextEncoder().encode('ababc'), 4, ids);
    expect(ids).toEqual([256, 256]);
  });

  it('looks at pairs of a long piece a few times each', () => {
    const table = readRanks('file', rankFile(['aa', 'aaaa', 'aaaaaaaa']));
    let lookups = 0;
    const counted: RankTable = {
      ...table,
      rankOf: (...args) => {
        lookups++;
        return table.rankOf(...args);
      },
    };
    const ids: number[] = [];
    createMerge(counted)(new Uint8Array(100_001).fill(97), 100_001, ids);
    expect(ids).toEqual([...new Array(12_500).fill(258), 97]);
    expect(lookups).toBeLessThan(6 * 100_001);
  });

  it('has room for pieces of any length, and for all the pairs of one', () => {
    // Pairs that are pushed away by one of a lower rank stay in the heap while two new ones come.
    const table = readRanks('file', rankFile(['ab', 'bc', 'ca', 'abc', 'cab', 'abcabc']));
    const merge = createMerge(table);
    for (const length of [...Array.from({ length: 12 }, (_, i) => 251 + i), 600, 20]) {
      const piece = new TextEncoder().encode('abc'.repeat(length).slice(1, 1 + length));
      const ids: number[] = [];
      merge(piece, length, ids);
      expect(ids).toEqual(mergeAsDefined(table, piece));
    }
  });

  it('remembers nothing of a piece', () => {
    const merge = createMerge(readRanks('file', rankFile(['ab', 'bc', 'abc'])));
    const first: number[] = [];
    merge(new Uint8Array(5000).fill(98), 5000, first);
    const second: number[] = [];
    merge(new TextEncoder().encode('xabc'), 4, second);
    expect([first.length, second]).toEqual([5000, [120, 258]]);
  });
});
