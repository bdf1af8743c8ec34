import type { TokenIds } from '../wire/types/model-input.ts';

/** A piece of text that a tokenizer keeps whole and gives an id of its own, outside its vocabulary of ordinary text. */
export interface AddedToken {
  /** As it is written, e.g. `<|im_end|>`. */
  readonly text: string;
  /** Its id. */
  readonly id: number;
  /** Whether it steers the model (`<|im_end|>`), or is text that was merely added to the vocabulary (`<think>`). */
  readonly isSpecial: boolean;
}

/** How to encode. */
export interface EncodeOptions {
  /**
   * Which added tokens are looked for in the text. `none`: text is text, and what spells an added token becomes the
   * ordinary tokens of its letters, as it must for text of users. `ordinary`: those that are not special. `all`: every
   * one, for text of your own such as a rendered chat template.
   *
   * @default 'none'
   */
  readonly addedTokens?: 'none' | 'ordinary' | 'all' | undefined;
  /** Put before and after the text what the tokenizer's own rules say, e.g. the token that begins a text. @default false */
  readonly addSpecialTokens?: boolean | undefined;
}

/** How to decode. */
export interface DecodeOptions {
  /** Leave out the special tokens. @default false */
  readonly skipSpecialTokens?: boolean | undefined;
}

/** How a model's conversations are written: a template in Jinja, and the texts it is given by name. */
export interface ChatTemplate {
  /** The template. */
  readonly source: string;
  /** Texts the template may use, such as `bos_token` and `eos_token`. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Text to token ids and back. Bring your own: anything of this shape will do. */
export interface Tokenizer {
  /** The ids of a text. */
  encode(text: string, options?: EncodeOptions): Int32Array<ArrayBuffer>;
  /** The text of ids. What was cut within a character, or is no UTF-8, becomes U+FFFD. */
  decode(ids: TokenIds, options?: DecodeOptions): string;
  /** The id of a token by its text, added tokens first; `undefined` where there is none. */
  tokenId(text: string): number | undefined;
  /** One more than the highest id. */
  readonly vocabSize: number;
  /** The tokens outside the vocabulary of ordinary text, by ascending id. */
  readonly addedTokens: readonly AddedToken[];
  /** Names the vocabulary and its rules: equal for equal files, 32 hex digits. */
  readonly fingerprint: string;
  /** How conversations are written; `undefined` where the tokenizer's files do not say. */
  readonly chatTemplate: ChatTemplate | undefined;
}

/** Which tokenizer a model has, as a server tells it. */
export interface TokenizerReference {
  /** Name of the base model, e.g. `Qwen/Qwen3-8B`. */
  readonly modelName: string;
  /** Id of its tokenizer, where the server names one: a repository of the hub, or the server's own name for it. */
  readonly tokenizerId?: string | undefined;
}

/** Gets a tokenizer: what `training.getTokenizer()` and `sampler.getTokenizer()` call. */
export type TokenizerLoader = (
  reference: TokenizerReference,
  options?: { readonly signal?: AbortSignal | undefined },
) => Promise<Tokenizer>;
