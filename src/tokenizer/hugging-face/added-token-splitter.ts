import type { EncodeOptions } from '../tokenizer.ts';

/** An added token, and where it counts as found. */
export interface AddedTokenRule {
  readonly text: string;
  readonly id: number;
  readonly isSpecial: boolean;
  /** Only where no letter, digit or the like is next to it. */
  readonly isSingleWord: boolean;
  /** It swallows the white space before it. */
  readonly stripsLeft: boolean;
  /** It swallows the white space behind it. */
  readonly stripsRight: boolean;
  /** It is looked for in the text once that is normalized, itself normalized too. */
  readonly isNormalized: boolean;
}

/** A part of a text: an added token, or what lies between. */
export interface TextPart {
  /** Where it begins in the text. */
  readonly start: number;
  readonly text: string;
  /** The id, where it is an added token. */
  readonly id: number | undefined;
}

/** Which added tokens are looked for. */
export type AddedTokenMode = NonNullable<EncodeOptions['addedTokens']>;

/** Cuts a text into its parts, none of them empty. */
export type TextSplitter = (text: string, mode: AddedTokenMode) => TextPart[];

interface TrieNode {
  readonly next: Map<number, TrieNode>;
  rule?: AddedTokenRule;
}

/** What the reference takes for part of a word, and for white space. */
const WORD_AT_END = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const WORD_AT_START = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const WHITE_SPACE = /\p{White_Space}/u;

/**
 * Finds added tokens as the reference does: leftmost, then longest. In mode `ordinary` a special token is found, and
 * then is text, so nothing is found within it.
 *
 * @param tokens - With the text to look for, where that is not the token's own.
 */
export function createTextSplitter(
  tokens: readonly { readonly pattern: string; readonly rule: AddedTokenRule }[],
): TextSplitter {
  const root: TrieNode = { next: new Map() };
  for (const { pattern, rule } of tokens) if (pattern !== '') plant(root, pattern, rule);

  return (text, mode) => {
    if (text === '') return [];
    if (mode === 'none' || root.next.size === 0) return [{ start: 0, text, id: undefined }];
    const parts: TextPart[] = [];
    let done = 0;
    for (let at = 0; at < text.length; ) {
      const found = longestAt(root, text, at);
      const from = at;
      at = found === undefined ? at + 1 : found.end;
      if (found === undefined || !counts(found.rule, text, from, at, mode)) continue;
      const start = found.rule.stripsLeft ? spaceBefore(text, from, done) : from;
      const end = found.rule.stripsRight ? spaceBehind(text, at) : at;
      if (done < start) parts.push({ start: done, text: text.slice(done, start), id: undefined });
      parts.push({ start, text: found.rule.text, id: found.rule.id });
      done = end;
    }
    if (done < text.length)
      parts.push({ start: done, text: done === 0 ? text : text.slice(done), id: undefined });
    return parts;
  };
}

/** Of several rules with one pattern the first counts. */
function plant(root: TrieNode, pattern: string, rule: AddedTokenRule): void {
  let node = root;
  for (let i = 0; i < pattern.length; i++) {
    const code = pattern.charCodeAt(i);
    const next: TrieNode = node.next.get(code) ?? { next: new Map() };
    node.next.set(code, next);
    node = next;
  }
  node.rule ??= rule;
}

function longestAt(
  root: TrieNode,
  text: string,
  start: number,
): { readonly rule: AddedTokenRule; readonly end: number } | undefined {
  let found: { readonly rule: AddedTokenRule; readonly end: number } | undefined;
  let node = root.next.get(text.charCodeAt(start));
  for (let end = start + 1; node !== undefined; end++) {
    if (node.rule !== undefined) found = { rule: node.rule, end };
    node = end < text.length ? node.next.get(text.charCodeAt(end)) : undefined;
  }
  return found;
}

function counts(
  rule: AddedTokenRule,
  text: string,
  start: number,
  end: number,
  mode: AddedTokenMode,
): boolean {
  if (rule.isSpecial && mode !== 'all') return false;
  if (!rule.isSingleWord) return true;
  // Two units are enough for one character.
  return (
    !WORD_AT_END.test(text.slice(Math.max(0, start - 2), start)) &&
    !WORD_AT_START.test(text.slice(end, end + 2))
  );
}

/** Where the white space before a place begins, not before `least`: another token may have swallowed some. */
function spaceBefore(text: string, place: number, least: number): number {
  let start = place;
  while (start > 0 && WHITE_SPACE.test(text.charAt(start - 1))) {
    if (start <= least) return least;
    start--;
  }
  return start;
}

function spaceBehind(text: string, place: number): number {
  let end = place;
  while (end < text.length && WHITE_SPACE.test(text.charAt(end))) end++;
  return end;
}
