import { checkInteger, show } from '../../kernel/checks.ts';
import { concatInt32 } from '../../kernel/concat.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import { dmelLength } from '../checked-chunks.ts';
import { checkedTokens } from '../checked-tokens.ts';

/** Token ids: an `Int32Array`, or a plain array of integers in [0, 2^31). */
export type TokenIds = Int32Array | readonly number[];

/** A run of tokens. */
export interface EncodedTextChunk {
  /** What kind of chunk this is. */
  readonly type: 'encoded_text';
  /** The tokens, in order. */
  readonly tokens: TokenIds;
}

/** Formats of images the protocol knows. */
export type ImageFormat = 'png' | 'jpeg';

/** An image. */
export interface ImageChunk {
  /** What kind of chunk this is. */
  readonly type: 'image';
  /** The encoded image: its bytes, or base64 of them in the standard alphabet, padded. */
  readonly data: Uint8Array | string;
  /** Format of `data`; refused where the data are plainly of another. */
  readonly format: ImageFormat;
  /** Positions the image takes, which the server checks. @default the server computes it; the length stays unknown here */
  readonly expectedTokens?: number | undefined;
}

/** An image the server has already, or can get. Prompts only: passes over data take the image itself. */
export interface ImageAssetPointerChunk {
  /** What kind of chunk this is. */
  readonly type: 'image_asset_pointer';
  /** Where the server finds it. */
  readonly location: string;
  /** Format of what is there. */
  readonly format: ImageFormat;
  /** Positions the image takes. @default the server computes it; the length stays unknown here */
  readonly expectedTokens?: number | undefined;
}

/** Audio as a serialised tensor of discretised mel features, one row a position (protocol 4.9). */
export interface DmelChunk {
  /** What kind of chunk this is. */
  readonly type: 'dmel';
  /** The serialised tensor: its bytes, or base64 of them in the standard alphabet, padded. */
  readonly dmel: Uint8Array | string;
}

/** One piece of a model's input. */
export type ModelInputChunk = EncodedTextChunk | ImageChunk | ImageAssetPointerChunk | DmelChunk;

/** What a model reads: chunks, in order. Plain data; build one with {@link ModelInput.fromTokens}. */
export interface ModelInput {
  /** The pieces, in reading order. */
  readonly chunks: readonly ModelInputChunk[];
}

/** Functions on {@link ModelInput}s. None of them changes its argument. */
export const ModelInput: {
  /** An input of no chunks, to append to. */
  empty(): ModelInput;
  /** An input of one text chunk. */
  fromTokens(tokens: TokenIds): ModelInput;
  /** The input followed by more tokens. */
  append(input: ModelInput, tokens: TokenIds): ModelInput;
  /** The input followed by one more chunk. */
  appendChunk(input: ModelInput, chunk: ModelInputChunk): ModelInput;
  /** The tokens of all chunks, in order. @throws TinkerInputError - where a chunk is not text. */
  tokens(input: ModelInput): Int32Array<ArrayBuffer>;
  /**
   * Number of positions the input takes in the model's context: tokens of text, `expectedTokens` of images, rows of dmel.
   *
   * @throws TinkerInputError - where an image does not say what it takes, or dmel cannot be read.
   */
  length(input: ModelInput): number;
} = {
  empty() {
    return { chunks: [] };
  },
  fromTokens(tokens) {
    return { chunks: [{ type: 'encoded_text', tokens }] };
  },
  append(input, tokens) {
    return ModelInput.appendChunk(input, { type: 'encoded_text', tokens });
  },
  appendChunk(input, chunk) {
    return { chunks: [...input.chunks, chunk] };
  },
  tokens(input) {
    const runs = input.chunks.map((chunk, c) => {
      const field = `input.chunks[${c}]`;
      if (chunk.type === 'encoded_text') return checkedTokens(`${field}.tokens`, chunk.tokens);
      throw new TinkerInputError(field, `must be text for its tokens to be known, got ${show(chunk.type)}`);
    });
    return concatInt32(runs);
  },
  length(input) {
    return input.chunks.reduce((length, chunk, c) => {
      if (chunk.type === 'encoded_text') return length + chunk.tokens.length;
      if (chunk.type === 'dmel') return length + dmelLength(`input.chunks[${c}].dmel`, chunk.dmel);
      const field = `input.chunks[${c}].expectedTokens`;
      if (chunk.expectedTokens !== undefined)
        return length + checkInteger(field, chunk.expectedTokens, { min: 0 });
      throw new TinkerInputError(field, 'is missing: the length of an image is known only by it');
    }, 0);
  },
};
