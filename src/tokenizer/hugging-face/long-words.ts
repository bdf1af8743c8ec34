import { mergePairs, mergeRoom } from '../merge-pairs.ts';

/** The parts of the package's BPE model that are used. */
export interface BytePairModel {
  /** The pieces of a word. */
  bpe(word: string): string[];
  /** Ranks of pairs, by their JSON. */
  readonly bpe_ranks: ReadonlyMap<string, number>;
  /** Words of this length are not remembered. */
  readonly max_length_to_cache: number;
  /** Marks that words end with, and pieces before others. */
  readonly end_of_word_suffix?: string | undefined;
  readonly continuing_subword_suffix: string | null;
}

/**
 * Let a model merge words that are too long for its memory of words in another way, with the same result. Its own makes
 * several objects for each letter, which for a line of a megabyte without a space, or a text that is not split at all, is
 * half a gigabyte and many seconds.
 */
export function mergeLongWords(model: BytePairModel): void {
  const { bpe_ranks: ranks, max_length_to_cache: isLong } = model;
  if (model.end_of_word_suffix || model.continuing_subword_suffix) return;
  const own = model.bpe.bind(model);
  model.bpe = (word) => (word.length < isLong ? own(word) : mergedWord(word, ranks));
}

function mergedWord(word: string, ranks: ReadonlyMap<string, number>): string[] {
  const starts = characterStarts(word);
  const length = starts.length - 1;
  const part = (from: number, to: number): string => word.slice(starts[from], starts[to]);
  const room = mergeRoom(length);
  // The keys are the package's.
  const rankOf = (start: number, middle: number, end: number): number =>
    ranks.get(JSON.stringify([part(start, middle), part(middle, end)])) ?? -1;
  mergePairs(rankOf, length, room);
  const parts: string[] = [];
  for (let at = 0; at < length; at = room.next[at]!) parts.push(part(at, room.next[at]!));
  return parts;
}

/** Where each character starts, of one code unit or two, and where the last one ends. */
function characterStarts(word: string): Int32Array {
  const starts = new Int32Array(word.length + 1);
  let count = 0;
  for (let at = 0; at < word.length; at += (word.codePointAt(at) ?? 0) > 0xffff ? 2 : 1) starts[count++] = at;
  starts[count] = word.length;
  return starts.subarray(0, count + 1);
}
