export type { TiktokenFiles, TokenizerBackend } from './backend.ts';
export { byteTokenizer } from './byte-tokenizer.ts';
export { type HuggingFaceOptions, huggingFaceTokenizer, type JsonFile } from './hugging-face.ts';
export type { LoadTokenizerOptions, TokenizerLoaderOptions } from './load-options.ts';
export { createTokenizerLoader, loadTokenizer } from './load-tokenizer.ts';
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
export type { LockSource } from './web-locks.ts';
