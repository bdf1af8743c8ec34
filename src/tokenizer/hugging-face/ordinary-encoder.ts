/** A vocabulary, and how words become pieces of it. */
export interface WordModel {
  /** Ids of pieces. */
  readonly idOf: ReadonlyMap<string, number>;
  /** Id of what is no piece; without one that is left out. */
  readonly unknown: number | undefined;
  /** Of unknown pieces in a row only the first counts. */
  readonly fuses: boolean;
  /** The pieces of a word. */
  piecesOf(word: string): readonly string[];
}

/** Appends the ids of a text in which no added token is looked for. */
export type OrdinaryEncoder = (text: string, how: OrdinaryText, ids: number[]) => void;

/** What an encoder of ordinary text has to know of it. */
export interface OrdinaryText {
  /** It is the beginning of the whole. */
  readonly isFirst: boolean;
  /** A piece of the vocabulary that is a special token stays, as in the reference; else it becomes what it is made of. */
  readonly maySpell: boolean;
}

/**
 * Encodes word by word, as the reference fuses unknown ones.
 *
 * @param specials - Ids of special tokens. A vocabulary may have them too, as what is spelled like any other word.
 */
export function createOrdinaryEncoder(
  { idOf, unknown, fuses, piecesOf }: WordModel,
  words: (text: string, isFirst: boolean) => readonly string[],
  specials: ReadonlySet<number>,
): OrdinaryEncoder {
  /** Whether the word spells a special token. What it does not contain is a byte or the like; and unknown is unknown. */
  const isSpelled = (word: string, piece: string, id: number): boolean =>
    id !== unknown && specials.has(id) && word.includes(piece);

  const append = (word: string, maySpell: boolean, ids: number[]): void => {
    let last: number | undefined;
    for (const piece of piecesOf(word)) {
      const id = idOf.get(piece) ?? unknown;
      const isRepeated = fuses && id === unknown && last === unknown;
      last = id;
      if (id === undefined || isRepeated) continue;
      const [first = '', ...rest] = isSpelled(word, piece, id) && !maySpell ? piece : '';
      if (rest.length > 0) {
        append(first, maySpell, ids);
        append(rest.join(''), maySpell, ids);
      } else ids.push(id);
    }
  };
  return (text, { isFirst, maySpell }, ids) => {
    for (const word of words(text, isFirst)) append(word, maySpell, ids);
  };
}
