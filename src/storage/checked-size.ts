/** Longest key of every {@link Storage}, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 512;

// They throw no errors of the library, which would be a third of an adapter: whoever calls a store for the library hears
// their messages only.

/** A key no store refuses for its length. @throws RangeError - naming the length and the bound. */
export function checkKey(key: string): void {
  const { length } = new TextEncoder().encode(key);
  if (length > MAX_KEY_BYTES)
    throw new RangeError(`"key" must be at most ${MAX_KEY_BYTES} bytes of UTF-8, got ${length}`);
}

/** A value no longer than a store takes. @throws RangeError - naming the length and the bound. */
export function checkValue({ length }: Uint8Array, max: number): void {
  if (length > max) throw new RangeError(`"value" must be at most ${max} bytes, got ${length}`);
}
