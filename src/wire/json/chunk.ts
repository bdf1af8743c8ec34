import { encodeBase64 } from '../base64.ts';
import type { CheckedChunk } from '../checked-datum.ts';

/** A chunk in a JSON body (protocol 4.8). */
export function chunkJson(chunk: CheckedChunk): object {
  switch (chunk.type) {
    case 'encoded_text':
      return { tokens: Array.from(chunk.tokens), type: chunk.type };
    case 'image':
      return {
        data: encodeBase64(chunk.data),
        format: chunk.format,
        ...expectedTokens(chunk.expectedTokens),
        type: chunk.type,
      };
    case 'image_asset_pointer':
      return {
        format: chunk.format,
        location: chunk.location,
        ...expectedTokens(chunk.expectedTokens),
        type: chunk.type,
      };
    case 'dmel':
      return { dmel: encodeBase64(chunk.dmel), type: chunk.type };
  }
}

/** Only when it is set: servers that do not know the field refuse it (servers.md 2.1 item 5). */
function expectedTokens(count: number | undefined): { readonly expected_tokens?: number } {
  return count === undefined ? {} : { expected_tokens: count };
}
