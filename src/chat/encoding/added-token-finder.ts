import { show } from '../../kernel/checks.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import type { AddedToken } from '../../tokenizer/tokenizer.ts';
import type { Owner } from '../jinja/provenance.ts';
import type { PlacedPiece, RenderInput, Rendering } from '../jinja/render.ts';
import type { ChatMessage } from '../message.ts';

/** An added token at its place in a rendered text. */
export interface FoundToken {
  readonly token: AddedToken;
  readonly start: number;
  readonly end: number;
}

/** What was rendered, and from what. */
export interface Rendered {
  readonly rendering: Rendering;
  readonly messages: readonly ChatMessage[];
  readonly input: RenderInput;
}

/** Finds the added tokens that count in a rendered text, in order. */
export type TokenFinder = (rendered: Rendered) => readonly FoundToken[];

/** What {@link createTokenFinder} needs. */
export interface FinderOptions {
  readonly addedTokens: readonly AddedToken[];
  /** Roles, and `tools` and `variables`, whose text may spell added tokens that are not special. */
  readonly trusted: ReadonlySet<string>;
  /** Words of the template that may turn up in texts of others. */
  readonly handedOver: readonly string[];
}

/**
 * Special tokens count where the template wrote them, and nowhere else. Tokens that are not special count in the text
 * of those who are trusted too.
 */
export function createTokenFinder(options: FinderOptions): TokenFinder {
  const byFirst = new Map<number, AddedToken[]>();
  for (const token of [...options.addedTokens].sort((a, b) => b.text.length - a.text.length)) {
    if (token.text === '') continue;
    const first = token.text.charCodeAt(0);
    byFirst.set(first, [...(byFirst.get(first) ?? []), token]);
  }
  return (rendered) => {
    const { text, pieces } = rendered.rendering;
    const found: FoundToken[] = [];
    let p = 0;
    for (let at = 0; at < text.length; ) {
      const candidates = byFirst.get(text.charCodeAt(at)) ?? [];
      while ((pieces[p]?.end ?? Number.POSITIVE_INFINITY) <= at) p += 1;
      const token = candidates.find(
        (candidate) =>
          text.startsWith(candidate.text, at) &&
          counts(options, rendered, candidate, covering(pieces, p, at + candidate.text.length)),
      );
      if (token !== undefined) found.push({ token, start: at, end: at + token.text.length });
      at += token?.text.length ?? 1;
    }
    return found;
  };
}

/** The pieces from the p-th on that begin before `end`. */
function covering(pieces: readonly PlacedPiece[], p: number, end: number): readonly PlacedPiece[] {
  let last = p;
  while ((pieces[last]?.start ?? end) < end) last += 1;
  return pieces.slice(p, last);
}

function counts(
  { trusted, handedOver }: FinderOptions,
  rendered: Rendered,
  token: AddedToken,
  pieces: readonly PlacedPiece[],
): boolean {
  const others = pieces.filter(({ owner }) => owner !== 'template');
  const [only] = others;
  if (only === undefined) return true;
  // Of one owner alone, nothing of the template's can be in it.
  const isMixed = pieces.length === 1 && only.isDerived && only.owner === 'unknown';
  if (isMixed && handedOver.some((words) => words.includes(token.text))) {
    const speller = spellersOf(rendered, token.text)[0];
    if (speller === undefined) return true;
    if (token.isSpecial) throw undecidable(token, speller);
  }
  if (token.isSpecial) return false;
  const isTrusted = (owner: Owner): boolean =>
    trusted.has(typeof owner === 'number' ? (rendered.messages[owner]?.role ?? '') : owner);
  return others.every(({ owner }) =>
    owner === 'unknown' ? spellersOf(rendered, token.text).every(isTrusted) : isTrusted(owner),
  );
}

function undecidable(token: AddedToken, speller: Owner): TinkerInputError {
  const field = typeof speller === 'number' ? `messages[${speller}]` : speller;
  return new TinkerInputError(
    field,
    `must not spell ${show(token.text)}: this template writes it through a filter, and what is whose cannot be told`,
  );
}

/** Whose text spells something, or would once other letters are taken out of it, or made large or small. */
function spellersOf({ messages, input }: Rendered, words: string): readonly Owner[] {
  const letters = [...words.toLowerCase()];
  const spells = (value: unknown): boolean => {
    if (typeof value === 'string') return isWithin(letters, value.toLowerCase());
    if (typeof value !== 'object' || value === null) return false;
    return Array.isArray(value)
      ? value.some(spells)
      : Object.entries(value).some((entry) => entry.some(spells));
  };
  return [
    ...[...messages.keys()].filter((m) => spells(messages[m])),
    ...(spells(input.tools) ? (['tools'] as const) : []),
    ...(spells(input.variables) ? (['variables'] as const) : []),
  ];
}

/** Whether letters are in a text in this order, with others between them or not. */
function isWithin(letters: readonly string[], text: string): boolean {
  let at = 0;
  for (const letter of letters) {
    const found = text.indexOf(letter, at);
    if (found === -1) return false;
    at = found + letter.length;
  }
  return true;
}
