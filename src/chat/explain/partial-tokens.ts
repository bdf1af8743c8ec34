import { encodeUtf8 } from '../../kernel/bytes.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';

/** What stands for bytes that are no character. */
export const REPLACEMENT = '\ufffd';

/** A token in which characters are cut. */
export interface PartialToken {
  /** Bytes that end a character begun before it. */
  readonly before: Uint8Array;
  /** The whole characters between. */
  readonly text: string;
  /** Bytes that begin a character. */
  readonly after: Uint8Array;
}

/** Tokens of one byte each, by the byte. */
type ByteTokens = ReadonlyMap<number, number>;

/** Bytes a character may begin with, by how many more must follow, that take any to follow them. */
const FIRST: readonly (readonly [number, number])[] = [
  [0xc2, 0xdf],
  [0xe1, 0xec],
  [0xf1, 0xf3],
];

/** What may follow every first byte: 0xed and 0xf4 take the lower one only, 0xe0 and 0xf0 the higher one only. */
const FOLLOWING = [0x80, 0xa0];

/**
 * The bytes of a token that is no text of its own. No tokenizer tells them; but put between others whose bytes are known
 * it makes whole characters, and those tell.
 */
export function partialBytes(
  tokenizer: Tokenizer,
  decode: (ids: readonly number[]) => string,
): (id: number, text: string) => PartialToken | undefined {
  let learnt: ByteTokens | undefined;
  return (id, text) => {
    learnt ??= byteTokens(tokenizer);
    const alone = text.length - text.replace(/^\ufffd+/, '').length;
    for (const missing of [alone, alone - 1]) {
      const found = completed(id, text, Math.min(missing, FIRST.length), learnt, decode);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

/** The token, if its first `count` bytes end a character, and its last bytes begin one or none. */
function completed(
  id: number,
  text: string,
  count: number,
  tokens: ByteTokens,
  decode: (ids: readonly number[]) => string,
): PartialToken | undefined {
  if (count < 0) return undefined;
  const first = count === 0 ? [] : [firstByte(count, tokens)];
  if (first.includes(undefined)) return undefined;
  const inner = text.replaceAll(REPLACEMENT, '');
  for (const end of endings()) {
    const ids = [...first, id, ...end.map((byte) => tokens.get(byte))];
    if (ids.includes(undefined)) continue;
    const whole = decode(ids as number[]);
    if (whole.includes(REPLACEMENT)) continue;
    const bytes = encodeUtf8(whole).slice(first.length);
    const own = bytes.subarray(0, bytes.length - end.length);
    const before = own.subarray(0, count);
    return { before, text: inner, after: own.subarray(count + encodeUtf8(inner).length) };
  }
  return undefined;
}

/** Bytes that may complete what was begun. */
function endings(): number[][] {
  const rest = [[], [0x80], [0x80, 0x80]];
  return [[], ...FOLLOWING.flatMap((byte) => rest.map((more) => [byte, ...more]))];
}

function firstByte(following: number, tokens: ByteTokens): number | undefined {
  const [low = 1, high = 0] = FIRST[following - 1] ?? [];
  for (let byte = low; byte <= high; byte++) {
    const id = tokens.get(byte);
    if (id !== undefined) return id;
  }
  return undefined;
}

/** Learns tokens of single bytes from characters so rare that they have no token of their own. */
function byteTokens(tokenizer: Tokenizer): ByteTokens {
  const tokens = new Map<number, number>();
  const learn = (code: number): void => {
    const text = String.fromCodePoint(code);
    const bytes = encodeUtf8(text);
    // Behind another letter: some tokenizers put something before a text.
    const ids = tokenizer.encode(`a${text}`).slice(tokenizer.encode('a').length);
    if (ids.length === bytes.length) for (const [i, byte] of bytes.entries()) tokens.set(byte, ids[i]!);
  };
  // Of four bytes: the ends of planes 3 to 15; of three and of two: some of each first byte.
  for (let plane = 3; plane < 16; plane++)
    for (const low of [0, 0x20, 0xf020, 0xfff0]) learn(plane * 0x10000 + low);
  for (let code = 0x1000; code < 0xd000; code += 0x1ff) if (firstByte(2, tokens) === undefined) learn(code);
  for (let code = 0x80; code < 0x800; code += 0x1f) if (firstByte(1, tokens) === undefined) learn(code);
  return tokens;
}
