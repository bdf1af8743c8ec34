import { decodeUtf8 } from '../kernel/bytes.ts';
import { show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PAD = 61;

/** Base64 in the standard alphabet, padded (protocol 4.8). Takes as many bytes as a string can hold. */
export function encodeBase64(bytes: Uint8Array): string {
  const out = new Uint8Array(Math.ceil(bytes.length / 3) * 4).fill(PAD);
  const digit = (value: number): number => ALPHABET.charCodeAt(value & 63);
  for (let i = 0, o = 0; i < bytes.length; i += 3, o += 4) {
    const rest = bytes.length - i;
    const word = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    out[o] = digit(word >> 18);
    out[o + 1] = digit(word >> 12);
    if (rest > 1) out[o + 2] = digit(word >> 6);
    if (rest > 2) out[o + 3] = digit(word);
  }
  return decodeUtf8(out);
}

/**
 * The bytes of base64 in the standard alphabet, padded.
 *
 * @throws TinkerInputError - naming the first character that does not belong.
 */
export function decodeBase64(field: string, text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 4 !== 0) {
    throw new TinkerInputError(
      field,
      `must be base64 with padding, a multiple of 4 characters, got ${text.length} of them`,
      text.startsWith('data:') ? { hint: 'Leave out the "data:…;base64," in front' } : {},
    );
  }
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const digits = text.length - padding;
  const out = new Uint8Array((text.length / 4) * 3 - padding);
  let word = 0;
  for (let i = 0, o = 0; i < digits; i++) {
    const value = base64Digit(text.charCodeAt(i));
    if (value < 0) {
      throw new TinkerInputError(
        field,
        `must be base64 in the standard alphabet, got ${show(text[i])} at ${i}`,
        text.startsWith('data:') ? { hint: 'Leave out the "data:…;base64," in front' } : {},
      );
    }
    word = (word << 6) | value;
    // Eight bits are complete with the second, third and fourth digit of each four.
    const place = i & 3;
    if (place > 0) out[o++] = word >> (6 - 2 * place);
  }
  return out;
}

/** Value of the digit of a character code; -1 for any other. */
export function base64Digit(code: number): number {
  if (code >= 97 && code <= 122) return code - 71;
  if (code >= 65 && code <= 90) return code - 65;
  if (code >= 48 && code <= 57) return code + 4;
  if (code === 43) return 62;
  return code === 47 ? 63 : -1;
}
