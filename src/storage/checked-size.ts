import { encodeUtf8 } from '../kernel/bytes.ts';

/** Longest key of every {@link Storage}, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 512;

/** A key no store refuses for its length. @throws RangeError - naming the length and the bound. */
export function checkKey(key: string): void {
  checkSize('key', encodeUtf8(key).length, MAX_KEY_BYTES, ' of UTF-8');
}

/**
 * Something no longer than a store takes. It throws no error of the library: they would be a third of an adapter, and
 * whoever calls a store for the library hears its message only.
 *
 * @throws RangeError - naming the length and the bound.
 */
export function checkSize(field: string, bytes: number, max: number, what = ''): void {
  if (bytes > max) throw new RangeError(`"${field}" must be at most ${max} bytes${what}, got ${bytes}`);
}
