import { checkRecord, checkText, show } from '../../kernel/checks.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import type { AddedToken } from '../tokenizer.ts';

// What the Kimi models' own tokenizer does beside its vocabulary (tokenization_kimi.py of moonshotai/Kimi-K2-Instruct,
// Kimi-K2-Thinking, Kimi-K2.5 and Kimi-K2.6, which agree in it).

const CONFIG = 'tokenizer_config.json';

/** How Kimi splits text, as its tokenizer writes it: Han apart, then words, numbers, signs and white space. */
export const KIMI_PATTERN = /* @__PURE__ */ [
  String.raw`[\p{Han}]+`,
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?`,
  String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?`,
  String.raw`\p{N}{1,3}`,
  String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*`,
  String.raw`\s*[\r\n]+`,
  String.raw`\s+(?!\S)`,
  String.raw`\s+`,
].join('|');

/** Ids after those of the vocabulary that are kept for added tokens, named or not. */
const RESERVED = 256;
/** Characters that are encoded at once, and of them those of one kind, white or not, in a row. */
const MOST_AT_ONCE = 400_000;
const MOST_IN_A_ROW = 25_000;

/** Whether a tokenizer's configuration names Kimi's code. */
export function isKimi(config: Readonly<Record<string, unknown>>): boolean {
  const { auto_map: autoMap } = config;
  const names = typeof autoMap === 'object' && autoMap !== null ? JSON.stringify(autoMap) : '';
  return /["-]tokenization_kimi\.TikTokenTokenizer"/.test(names);
}

/** The added tokens: those the configuration names, and names made of ids for the others that are reserved. */
export function kimiAddedTokens(
  config: Readonly<Record<string, unknown>>,
  vocabularySize: number,
): readonly AddedToken[] {
  const field = `${CONFIG}.added_tokens_decoder`;
  const named = checkRecord(field, config['added_tokens_decoder'] ?? {});
  const tokens = new Map<number, AddedToken>();
  for (let id = vocabularySize; id < vocabularySize + RESERVED; id++)
    tokens.set(id, { text: `<|reserved_token_${id}|>`, id, isSpecial: true });
  for (const [key, value] of Object.entries(named)) {
    const id = Number(key);
    const token = checkRecord(`${field}["${key}"]`, value);
    const text = checkText(`${field}["${key}"].content`, token['content']);
    if (!tokens.has(id)) {
      const range = `${vocabularySize} to ${vocabularySize + RESERVED - 1}`;
      throw new TinkerInputError(field, `must have ids of ${range}, got ${show(key)}`);
    }
    tokens.set(id, { text, id, isSpecial: token['special'] === true });
  }
  return [...tokens.values()];
}

/**
 * Cuts a long text as Kimi's tokenizer does, which changes what becomes of it at the cuts: after each 400,000 characters,
 * and within these after each 25,000 in a row that are white space, or are not.
 */
export function* kimiCut(text: string): Iterable<string> {
  // A text as short as a row, counted in halves of characters, has no cut.
  if (text.length <= MOST_IN_A_ROW) {
    yield text;
    return;
  }
  let start = 0;
  let at = 0;
  let taken = 0;
  let row = 0;
  let wasWhite: boolean | undefined;
  for (const character of text) {
    const isWhite = isSpace(character);
    const isFull = taken === MOST_AT_ONCE;
    row = isWhite === wasWhite ? row + 1 : 1;
    if (isFull) taken = 0;
    if (isFull || row > MOST_IN_A_ROW) {
      yield text.slice(start, at);
      start = at;
      row = 1;
    }
    wasWhite = isWhite;
    taken++;
    at += character.length;
  }
  yield text.slice(start);
}

/** White space as Python's `isspace` has it: Unicode's, and the four separators of ASCII. */
function isSpace(character: string): boolean {
  return /\p{White_Space}/u.test(character) || (character >= '\u001c' && character <= '\u001f');
}
