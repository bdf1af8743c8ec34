import { decodeUtf8, encodeUtf8 } from '../kernel/bytes.ts';
import { checkInteger } from '../kernel/checks.ts';
import { checkedTokens } from '../wire/checked-tokens.ts';
import { checkedText } from './checked-text.ts';
import type { Tokenizer } from './tokenizer.ts';

const TEMPLATE =
  "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}";

/**
 * The emulator's tokenizer: ids are the bytes of the text's UTF-8, 0 to 255. No files, no added tokens. Its chat template
 * writes one line a message, with the role before it.
 */
export const byteTokenizer: Tokenizer = {
  vocabSize: 256,
  addedTokens: [],
  fingerprint: '277089d91c0bdf4f2e6862ba7e4a0760',
  chatTemplate: { source: TEMPLATE, variables: {} },
  encode(text) {
    return Int32Array.from(encodeUtf8(checkedText(text)));
  },
  decode(ids) {
    const bytes = checkedTokens('ids', ids);
    for (const [i, byte] of bytes.entries())
      if (byte > 255) checkInteger(`ids[${i}]`, byte, { min: 0, max: 255 });
    return decodeUtf8(Uint8Array.from(bytes));
  },
  tokenId(text) {
    const [byte, ...more] = encodeUtf8(text);
    return more.length === 0 ? byte : undefined;
  },
};
