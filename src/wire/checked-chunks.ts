import { checkInteger, checkText, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import { decodeBase64 } from './base64.ts';
import type { CheckedChunk } from './checked-datum.ts';
import { checkedTokens } from './checked-tokens.ts';
import { imageFormatOf } from './image-format.ts';
import { tensorContainerDimension } from './tensor-container.ts';
import type { ModelInput, ModelInputChunk, TokenIds } from './types/model-input.ts';

/** Counts of tokens are int32 on the wire. */
const MAX_COUNT = 0x7fff_ffff;

/**
 * The chunks of a prompt or model input that are safe to send.
 *
 * @throws TinkerInputError - naming the chunk, the field and the position of what is wrong, or an empty input.
 */
export function checkedChunks(field: string, input: ModelInput | TokenIds): CheckedChunk[] {
  const isTokens = Array.isArray(input) || input instanceof Int32Array;
  const chunks: unknown = isTokens ? undefined : (input as ModelInput | undefined | null)?.chunks;
  if (!isTokens && !Array.isArray(chunks)) {
    throw new TinkerInputError(field, `must be token ids or a ModelInput, got ${show(input)}`, {
      hint: typeof input === 'string' ? "Encode text with the model's tokenizer first" : undefined,
    });
  }
  const checked = Array.isArray(chunks)
    ? Array.from(chunks, (chunk: unknown, c) => checkedChunk(`${field}.chunks[${c}]`, chunk))
    : [{ type: 'encoded_text', tokens: checkedTokens(field, input) } as const];
  if (checked.every((chunk) => chunk.type === 'encoded_text' && chunk.tokens.length === 0))
    throw new TinkerInputError(field, 'must hold at least one token, got none');
  return checked;
}

/** Positions of all chunks together; `undefined` where an image does not say how many it takes. */
export function chunksLength(chunks: readonly CheckedChunk[]): number | undefined {
  return chunks.some((chunk) => chunkLength(chunk) === undefined) ? undefined : knownLength(chunks);
}

/** Positions of the chunks that say how many they take. */
export function knownLength(chunks: readonly CheckedChunk[]): number {
  return chunks.reduce((length, chunk) => length + (chunkLength(chunk) ?? 0), 0);
}

/** Positions a chunk takes: tokens, the tokens expected of an image, the first axis of a serialised tensor. */
function chunkLength(chunk: CheckedChunk): number | undefined {
  if (chunk.type === 'encoded_text') return chunk.tokens.length;
  return chunk.type === 'dmel' ? tensorContainerDimension('dmel', chunk.dmel, 0) : chunk.expectedTokens;
}

/** Positions that dmel takes. @throws TinkerInputError - where it cannot be read. */
export function dmelLength(field: string, dmel: Uint8Array | string): number {
  return tensorContainerDimension(field, checkedBytes(field, dmel), 0);
}

function checkedChunk(field: string, value: unknown): CheckedChunk {
  if (typeof value !== 'object' || value === null) {
    throw new TinkerInputError(field, `must be a chunk, got ${show(value)}`);
  }
  const chunk = value as ModelInputChunk;
  switch (chunk.type) {
    case 'encoded_text':
      return { type: 'encoded_text', tokens: checkedTokens(`${field}.tokens`, chunk.tokens) };
    case 'image': {
      const format = checkedFormat(field, chunk.format);
      const data = checkedBytes(`${field}.data`, chunk.data);
      const found = imageFormatOf(data);
      if (found !== undefined && found !== format) {
        throw new TinkerInputError(
          `${field}.format`,
          `is "${format}", but the data are those of a ${found} image`,
        );
      }
      return { type: 'image', data, format, expectedTokens: checkedCount(field, chunk.expectedTokens) };
    }
    case 'image_asset_pointer':
      return {
        type: 'image_asset_pointer',
        format: checkedFormat(field, chunk.format),
        location: checkText(`${field}.location`, chunk.location),
        expectedTokens: checkedCount(field, chunk.expectedTokens),
      };
    case 'dmel': {
      const dmel = checkedBytes(`${field}.dmel`, chunk.dmel);
      tensorContainerDimension(`${field}.dmel`, dmel, 0);
      return { type: 'dmel', dmel };
    }
    default:
      throw new TinkerInputError(
        `${field}.type`,
        `must be "encoded_text", "image", "image_asset_pointer" or "dmel", got ${show((chunk as { type?: unknown }).type)}`,
      );
  }
}

function checkedFormat(field: string, format: unknown): 'png' | 'jpeg' {
  if (format === 'png' || format === 'jpeg') return format;
  throw new TinkerInputError(`${field}.format`, `must be "png" or "jpeg", got ${show(format)}`);
}

function checkedCount(field: string, count: unknown): number | undefined {
  if (count === undefined) return undefined;
  return checkInteger(`${field}.expectedTokens`, count, { min: 0, max: MAX_COUNT });
}

/** A copy of bytes, or the bytes of base64. */
function checkedBytes(field: string, value: unknown): Uint8Array<ArrayBuffer> {
  const bytes =
    typeof value === 'string'
      ? decodeBase64(field, value)
      : value instanceof Uint8Array
        ? new Uint8Array(value.length > 0 ? value : [])
        : undefined;
  if (bytes === undefined)
    throw new TinkerInputError(field, `must be a Uint8Array or base64, got ${show(value)}`);
  if (bytes.length === 0) throw new TinkerInputError(field, 'must hold at least one byte, got none');
  return bytes;
}
