import { encodeUtf8 } from '../kernel/bytes.ts';
import { sha256 } from '../kernel/sha256.ts';

const BLOCK = 64;

/**
 * HMAC (RFC 2104) with SHA-256 of a text, under a key of at most 64 bytes of UTF-8. For the emulator's own tokens and links: nothing here
 * guards a secret worth guarding.
 */
export function hmacSha256(key: string, text: string): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(BLOCK);
  padded.set(encodeUtf8(key));
  const message = encodeUtf8(text);
  const inner = new Uint8Array(BLOCK + message.length);
  inner.set(padded.map((byte) => byte ^ 0x36));
  inner.set(message, BLOCK);
  const outer = new Uint8Array(BLOCK + 32);
  outer.set(padded.map((byte) => byte ^ 0x5c));
  outer.set(sha256(inner), BLOCK);
  return sha256(outer);
}
