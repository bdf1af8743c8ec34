import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import { partialBytes, REPLACEMENT } from './partial-tokens.ts';
import { visible } from './visible.ts';

/** How a token looks. */
export interface TokenText {
  /** What it stands for, with its white space visible; after the sign of a new line there is a real one. */
  readonly text: string;
  /** `text`: ordinary. `special`: an added token. `bytes`: in it a character is cut. `unknown`: the id of none. */
  readonly kind: 'text' | 'special' | 'bytes' | 'unknown';
}

/** Tells how tokens look, as their ids where there is no tokenizer; remembers those it has told. */
export function tokenTexts(tokenizer: Tokenizer | undefined): (id: number) => TokenText {
  if (tokenizer === undefined) return (id) => ({ text: String(id), kind: 'text' });
  const added = new Map(tokenizer.addedTokens.map(({ id, text }) => [id, text]));
  const decode = decoderOf(tokenizer);
  const bytesOf = partialBytes(tokenizer, decode);
  const told = new Map<number, TokenText>();
  const tell = (id: number): TokenText => {
    const special = added.get(id);
    if (special !== undefined) return { text: visible(special), kind: 'special' };
    const text = id < tokenizer.vocabSize ? decode([id]) : '';
    if (text === '') return { text: `‹id ${id}›`, kind: 'unknown' };
    if (!text.includes(REPLACEMENT)) return { text: visible(text), kind: 'text' };
    const parts = bytesOf(id, text);
    if (parts === undefined) return { text: visible(text), kind: 'bytes' };
    return { text: `${hex(parts.before)}${visible(parts.text)}${hex(parts.after)}`, kind: 'bytes' };
  };
  return (id) => {
    const known = told.get(id) ?? tell(id);
    told.set(id, known);
    return known;
  };
}

/** Texts of ids as they are after other text: some tokenizers drop a space where a text begins. */
function decoderOf(tokenizer: Tokenizer): (ids: readonly number[]) => string {
  const anchor = [...tokenizer.encode('a')];
  const before = tokenizer.decode(anchor);
  return (ids) => {
    const whole = tokenizer.decode([...anchor, ...ids]);
    return whole.startsWith(before) ? whole.slice(before.length) : tokenizer.decode(ids);
  };
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}
