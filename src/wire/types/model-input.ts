/** Token ids: an `Int32Array`, or a plain array of integers in [0, 2^31). */
export type TokenIds = Int32Array | readonly number[];

/** A run of tokens. */
export interface EncodedTextChunk {
  /** What kind of chunk this is. */
  readonly type: 'encoded_text';
  /** The tokens, in order. */
  readonly tokens: TokenIds;
}

/** One piece of a model's input. */
export type ModelInputChunk = EncodedTextChunk;

/** What a model reads: chunks, in order. Plain data; build one with {@link ModelInput.fromTokens}. */
export interface ModelInput {
  /** The pieces, in reading order. */
  readonly chunks: readonly ModelInputChunk[];
}

/** Functions on {@link ModelInput}s. None of them changes its argument. */
export const ModelInput = {
  /** An input of one text chunk. */
  fromTokens(tokens: TokenIds): ModelInput {
    return { chunks: [{ type: 'encoded_text', tokens }] };
  },
  /** The input followed by more tokens. */
  append(input: ModelInput, tokens: TokenIds): ModelInput {
    return { chunks: [...input.chunks, { type: 'encoded_text', tokens }] };
  },
  /** Number of positions the input takes in the model's context. */
  length(input: ModelInput): number {
    return input.chunks.reduce((length, chunk) => length + chunk.tokens.length, 0);
  },
};
