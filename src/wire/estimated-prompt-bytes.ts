import type { CheckedChunk } from './checked-datum.ts';

/** A token of a prompt, in JSON (protocol 5.7). */
const BYTES_PER_TOKEN = 10;

/** About how many bytes a prompt takes on the wire (protocol 5.7): what the sampling budget counts. */
export function estimatedPromptBytes(chunks: readonly CheckedChunk[]): number {
  return chunks.reduce((bytes, chunk) => bytes + chunkBytes(chunk, BYTES_PER_TOKEN), 0);
}

/** About how many bytes a chunk takes, with so many for each token of text. */
export function chunkBytes(chunk: CheckedChunk, bytesPerToken: number): number {
  switch (chunk.type) {
    case 'encoded_text':
      return bytesPerToken * chunk.tokens.length;
    case 'image':
      return chunk.data.length;
    case 'image_asset_pointer':
      return chunk.location.length;
    case 'dmel':
      return chunk.dmel.length;
  }
}
