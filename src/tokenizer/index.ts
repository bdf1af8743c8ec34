/**
 * Tokenizers, from the Hugging Face hub or from files.
 *
 * @module isotinker/tokenizer
 */

export type { TiktokenFiles, TokenizerBackend } from './backend.ts';
export { byteTokenizer } from './byte-tokenizer.ts';
export type { LoadTokenizerOptions, TokenizerLoaderOptions } from './hub/load-options.ts';
export { createTokenizerLoader, loadTokenizer } from './hub/load-tokenizer.ts';
export type { LockSource } from './hub/web-locks.ts';
export { type HuggingFaceOptions, huggingFaceTokenizer, type JsonFile } from './hugging-face/hugging-face.ts';
export { resolveTokenizer, type TokenizerLocation } from './resolve-tokenizer.ts';
export type {
  AddedToken,
  ChatTemplate,
  DecodeOptions,
  EncodeOptions,
  Tokenizer,
  TokenizerLoader,
  TokenizerReference,
} from './tokenizer.ts';
