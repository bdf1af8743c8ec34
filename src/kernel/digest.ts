import { encodeUtf8, toHex } from './bytes.ts';

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
