import { concatInt32 } from '../../kernel/concat.ts';
import type { AddedToken, Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { FoundToken } from './added-token-finder.ts';

/** A run of text and its ids: an added token, or what lies between two of them or two cuts. */
export interface Chunk {
  readonly start: number;
  readonly end: number;
  readonly ids: Int32Array;
  /** Where it is an added token. */
  readonly token: AddedToken | undefined;
}

/** Encodes the text within bounds with its added tokens at known places, cut at further places. */
export type ChunkEncoder = (
  text: string,
  bounds: readonly [start: number, end: number],
  found: readonly FoundToken[],
  cuts: readonly number[],
) => readonly Chunk[];

/** What a tokenizer does to the text beside an added token. */
interface Habit {
  /** It takes away white space before it. */
  readonly stripsLeft: boolean;
  /** It takes away white space behind it. */
  readonly stripsRight: boolean;
  /** Text behind it is encoded unlike text that stands alone. */
  readonly isContext: boolean;
}

/** Texts that text is put behind to see how it goes on. */
const ANCHORS = ['\n', 'a', '.'] as const;

/**
 * What lies between added tokens is encoded as one text each, with none recognised in it. A tokenizer does not tell
 * what its added tokens do to the text beside them, so it is tried out once for each.
 */
export function createChunkEncoder(tokenizer: Tokenizer): ChunkEncoder {
  const habits = new Map<number, Habit>();
  const whole = (text: string): Int32Array => tokenizer.encode(text, { addedTokens: 'all' });
  const habitOf = ({ id, text }: AddedToken): Habit => {
    const habit = habits.get(id) ?? {
      stripsLeft: isEqual(whole(`a ${text}`), whole(`a${text}`)),
      stripsRight: isEqual(whole(`${text} a`), whole(`${text}a`)),
      isContext: !isEqual(whole(`${text}a`).subarray(1), tokenizer.encode('a')),
    };
    habits.set(id, habit);
    return habit;
  };
  const isPlain = (text: string): boolean =>
    tokenizer.addedTokens.every((token) => !text.includes(token.text));
  const added = new Set(tokenizer.addedTokens.map(({ id }) => id));
  const alone = (text: string): Int32Array => tokenizer.encode(text, { addedTokens: 'none' });
  let marksStart: boolean | undefined;
  /** Text behind other text: some tokenizers put something before a text, which belongs where one begins only. */
  const continued = (text: string): Int32Array => {
    marksStart ??= !isEqual(alone(`${ANCHORS[0]}a`).subarray(alone(ANCHORS[0]).length), alone('a'));
    for (const anchor of marksStart ? ANCHORS : []) {
      const [before, both] = [alone(anchor), alone(anchor + text)];
      if (isEqual(both.subarray(0, before.length), before)) return both.subarray(before.length);
    }
    return alone(text);
  };

  const between = (
    text: string,
    before: AddedToken | undefined,
    after: AddedToken | undefined,
    isFirst: boolean,
  ): Int32Array => {
    const left = before === undefined ? undefined : habitOf(before);
    let inner = left?.stripsRight === true ? text.trimStart() : text;
    if (after !== undefined && habitOf(after).stripsLeft) inner = inner.trimEnd();
    if (inner === '') return new Int32Array(0);
    if (before === undefined) return isFirst ? alone(inner) : continued(inner);
    if (left?.isContext !== true) return alone(inner);
    const ids = isPlain(inner) ? whole(before.text + inner).subarray(1) : undefined;
    // A tokenizer that rewrites text first may make a token of what spelled none.
    return ids === undefined || ids.some((id) => added.has(id)) ? continued(inner) : ids;
  };

  return (text, [first, last], found, cuts) => {
    const chunks: Chunk[] = [];
    const inOrder = [...new Set(cuts)].sort((a, b) => a - b);
    let c = 0;
    let at = first;
    let before: AddedToken | undefined;
    const fill = (end: number, after: AddedToken | undefined): void => {
      while (at < end) {
        while ((inOrder[c] ?? Number.POSITIVE_INFINITY) <= at) c += 1;
        const to = Math.min(end, inOrder[c] ?? end);
        const ids = between(text.slice(at, to), before, to === end ? after : undefined, at === 0);
        chunks.push({ start: at, end: to, ids, token: undefined });
        before = undefined;
        at = to;
      }
    };
    for (const { token, start, end } of found) {
      if (start < first || end > last) continue;
      fill(start, token);
      chunks.push({ start, end, ids: Int32Array.of(token.id), token });
      at = end;
      before = token;
    }
    fill(last, undefined);
    return chunks;
  };
}

/** The ids of chunks, one after the other. */
export function idsOf(chunks: readonly { readonly ids: Int32Array }[]): Int32Array<ArrayBuffer> {
  return concatInt32(chunks.map(({ ids }) => ids));
}

function isEqual(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}
