import { decodeUtf8, encodeUtf8 } from '../../kernel/bytes.ts';
import { concatBytes } from '../../kernel/concat.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import { checkedTokens } from '../../wire/checked-tokens.ts';
import { checkedMode, checkedText } from '../checked-text.ts';
import type { AddedToken, Tokenizer } from '../tokenizer.ts';
import { createMerge } from './merge.ts';
import type { RankTable } from './ranks.ts';
import { utf8Writer } from './utf8.ts';

/** What a tokenizer of this format is made of, read and checked. */
export interface TiktokenParts {
  /** The vocabulary of ordinary text. */
  readonly ranks: RankTable;
  /** Splits ordinary text into pieces, of which each becomes tokens of its own; global. */
  readonly pattern: RegExp;
  /** The other tokens, by ascending id, none of them in `ranks`. */
  readonly addedTokens: readonly AddedToken[];
  /** Cuts text into parts that are encoded each for itself, as a model's own code does. */
  readonly cut: (text: string) => Iterable<string>;
  /** As the tokenizer gives it. */
  readonly fingerprint: string;
  /** As the tokenizer gives it. */
  readonly chatTemplate: Tokenizer['chatTemplate'];
}

/** A tokenizer of these parts. */
export function createTiktoken(parts: TiktokenParts): Tokenizer {
  const { ranks, pattern, addedTokens, cut, fingerprint, chatTemplate } = parts;
  const idOf = new Map(addedTokens.map(({ text, id }) => [text, id]));
  const byId = new Map(addedTokens.map((token) => [token.id, token]));
  const vocabSize = addedTokens.reduce((size, { id }) => Math.max(size, id + 1), ranks.size);
  const finders = {
    none: undefined,
    ordinary: finderOf(addedTokens.filter(({ isSpecial }) => !isSpecial)),
    all: finderOf(addedTokens),
  };
  const encodeOrdinary = ordinaryEncoder(ranks, pattern);

  const bytesOf = (id: number, i: number): Uint8Array => {
    const added = byId.get(id);
    const bytes = added === undefined ? ranks.bytesOf(id) : encodeUtf8(added.text);
    if (bytes !== undefined) return bytes;
    throw new TinkerInputError(`ids[${i}]`, `must be a token of the ${vocabSize} there are, got ${id}`);
  };

  return {
    vocabSize,
    addedTokens,
    fingerprint,
    chatTemplate,
    tokenId(text) {
      const bytes = encodeUtf8(text);
      const rank = idOf.get(text) ?? ranks.rankOf(bytes, 0, bytes.length);
      return rank < 0 ? undefined : rank;
    },
    encode(text, options) {
      const finder = finders[checkedMode(options)];
      const ids: number[] = [];
      for (const part of cut(checkedText(text))) {
        let at = 0;
        for (const { 0: found, index } of finder === undefined ? [] : part.matchAll(finder)) {
          encodeOrdinary(part.slice(at, index), ids);
          const id = idOf.get(found);
          if (id !== undefined) ids.push(id);
          at = index + found.length;
        }
        encodeOrdinary(at === 0 ? part : part.slice(at), ids);
      }
      return Int32Array.from(ids);
    },
    decode(ids, options) {
      const skips = options?.skipSpecialTokens === true;
      const tokens: Uint8Array[] = [];
      for (const [i, id] of checkedTokens('ids', ids).entries()) {
        const bytes = bytesOf(id, i);
        if (!skips || byId.get(id)?.isSpecial !== true) tokens.push(bytes);
      }
      return decodeUtf8(concatBytes(tokens));
    },
  };
}

/** Appends the ids of a text in which nothing but ordinary tokens is looked for. */
function ordinaryEncoder(ranks: RankTable, pattern: RegExp): (text: string, ids: number[]) => void {
  const merge = createMerge(ranks);
  const write = utf8Writer();
  return (text, ids) => {
    // What no alternative of the pattern matches is left out, as the reference does.
    for (const piece of text.match(pattern) ?? []) {
      if (piece === '') continue;
      const { bytes, length } = write(piece);
      merge(bytes, length, ids);
    }
  };
}

/** Finds any of the tokens; the longest of those that begin alike. */
function finderOf(tokens: readonly AddedToken[]): RegExp | undefined {
  if (tokens.length === 0) return undefined;
  const texts = tokens.map(({ text }) => text).sort((a, b) => b.length - a.length);
  return new RegExp(texts.map((text) => text.replace(/[\\^$*+?.()|[\]{}/-]/g, '\\$&')).join('|'), 'g');
}
