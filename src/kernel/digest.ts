import { encodeUtf8, toHex } from './bytes.ts';
import { sha256 } from './sha256.ts';

/**
 * SHA-256 of a text's UTF-8, its first `bytes` bytes in lower-case hex: a name for what must not be written down.
 * `undefined` where the platform does not digest: on plain http pages, which have no `crypto.subtle`.
 *
 * @param bytes - How many of the 32 to keep.
 */
export async function sha256Hex(text: string, bytes = 16): Promise<string | undefined> {
  const { subtle } = crypto as { readonly subtle?: SubtleCrypto };
  if (subtle === undefined) return undefined;
  const digest = new Uint8Array(await subtle.digest('SHA-256', encodeUtf8(text)));
  return toHex(digest.subarray(0, bytes));
}

/** Bytes that the platform digests sooner than it has begun to, in another thread. */
const MANY_BYTES = 65_536;

/** SHA-256 of bytes, all of it in lower-case hex: by the platform where it can, which for millions of them is quicker. */
export async function sha256OfBytes(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const { subtle } = crypto as { readonly subtle?: SubtleCrypto };
  if (subtle === undefined || bytes.length < MANY_BYTES) return toHex(sha256(bytes));
  return toHex(new Uint8Array(await subtle.digest('SHA-256', bytes)));
}
