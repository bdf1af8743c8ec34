import { decodeUtf8, encodeUtf8 } from '../kernel/bytes.ts';

/** The emulator's tokenizer: token ids are the bytes of the text's UTF-8, 0 to 255. */
export const byteTokenizer = {
  /** Number of token ids. */
  vocabularySize: 256,
  /** Token ids of a text. */
  encode(text: string): Int32Array {
    return Int32Array.from(encodeUtf8(text));
  },
  /** Text of token ids; bytes that are no valid UTF-8 become U+FFFD. */
  decode(tokens: ArrayLike<number>): string {
    return decodeUtf8(Uint8Array.from(tokens));
  },
};
