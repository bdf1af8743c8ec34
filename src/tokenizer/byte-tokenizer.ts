import { decodeUtf8, encodeUtf8 } from '../kernel/bytes.ts';
import { checkInteger, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
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
    if (typeof text !== 'string') throw new TinkerInputError('text', `must be a string, got ${show(text)}`);
    return Int32Array.from(encodeUtf8(text));
  },
  decode(ids) {
    const bytes = new Uint8Array(ids.length);
    for (let i = 0; i < ids.length; i++) bytes[i] = checkInteger(`ids[${i}]`, ids[i], { min: 0, max: 255 });
    return decodeUtf8(bytes);
  },
  tokenId(text) {
    const [byte, ...more] = encodeUtf8(text);
    return more.length === 0 ? byte : undefined;
  },
};
