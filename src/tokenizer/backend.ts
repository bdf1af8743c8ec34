import type { Tokenizer } from './tokenizer.ts';

/** Files of a repository that has a `tiktoken.model`. */
export interface TiktokenFiles {
  /** The vocabulary. */
  readonly 'tiktoken.model': Uint8Array;
  /** The names and rules; `{}` where the repository has none. */
  readonly 'tokenizer_config.json': Uint8Array;
  /** Others, where there are any: `chat_template.jinja`. */
  readonly [name: string]: Uint8Array;
}

/** Makes tokenizers of another format: `tiktoken` of `isotinker/tokenizer/tiktoken` is one. */
export interface TokenizerBackend {
  /**
   * Make a tokenizer of files.
   *
   * @param id - The repository they are of.
   */
  load(files: TiktokenFiles, id: string): Promise<Tokenizer>;
}
