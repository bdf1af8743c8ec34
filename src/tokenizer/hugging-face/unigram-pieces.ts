/** The parts of the package's Unigram model that are used. */
export interface UnigramModel {
  /** Pieces by their characters. */
  readonly trie: { readonly root: TrieNode };
  /** How good the pieces are, by id. */
  readonly scores: readonly number[];
  /** How good a character is that is no piece. */
  readonly unk_score: number;
  /** Ids of pieces. */
  readonly tokens_to_ids: ReadonlyMap<string, number>;
}

interface TrieNode {
  readonly children: ReadonlyMap<string, TrieNode>;
  readonly is_leaf: boolean;
}

/**
 * Cuts words into the pieces whose scores together are highest, the longest of equals; a character that is no piece is
 * one that is unknown. From the package's vocabulary, by one number a place: the package makes objects of all pieces
 * that could be, which for a word of a megabyte are gigabytes.
 */
export function unigramPieces({
  trie,
  scores,
  tokens_to_ids: ids,
  unk_score,
}: UnigramModel): (word: string) => string[] {
  return (word) => {
    const characters = Array.from(word);
    const best = new Float64Array(characters.length + 1).fill(Number.NEGATIVE_INFINITY);
    const startOf = new Int32Array(characters.length + 1);
    best[0] = 0;
    const offer = (start: number, end: number, score: number): void => {
      const total = best[start]! + score;
      if (total <= best[end]!) return;
      best[end] = total;
      startOf[end] = start;
    };
    for (let start = 0; start < characters.length; start++) {
      let isKnown = false;
      let piece = '';
      let node: TrieNode = trie.root;
      for (let end = start; end < characters.length; ) {
        const character = characters[end++]!;
        const next = node.children.get(character);
        if (next === undefined) break;
        node = next;
        piece += character;
        if (!node.is_leaf) continue;
        if (end === start + 1) isKnown = true;
        offer(start, end, scores[ids.get(piece) ?? -1] ?? unk_score);
      }
      if (!isKnown) offer(start, start + 1, unk_score);
    }
    const pieces: string[] = [];
    for (let end = characters.length; end > 0; end = startOf[end]!)
      pieces.push(characters.slice(startOf[end], end).join(''));
    return pieces.reverse();
  };
}
