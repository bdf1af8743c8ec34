import { toHex } from '../kernel/bytes.ts';
import { sha256 } from '../kernel/sha256.ts';

/** A name for bytes one after the other: the first half of their SHA-256, 32 hex digits. */
export function fingerprintOf(...parts: readonly Uint8Array[]): string {
  return toHex(sha256(...parts).subarray(0, 16));
}
