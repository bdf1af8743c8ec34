/** How long and how a value is kept. */
export interface StorageSetOptions {
  /**
   * Lifetime in milliseconds. A store may keep the value longer; readers that care check for themselves. @default without
   * end
   */
  readonly ttlMs?: number | undefined;
}

/**
 * Where the library keeps what should outlive a call: bytes in, bytes out. Values are copied on the way in and out.
 * A key is at most 512 bytes of UTF-8. There is no listing and no clearing: the backends cannot agree on them.
 */
export interface Storage {
  /** The value, or `undefined` if there is none (or it has expired). */
  get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Keep a value under a key, in place of any other. */
  set(key: string, value: Uint8Array, options?: StorageSetOptions): Promise<void>;
  /** Forget a key; one that is not there is no error. */
  delete(key: string): Promise<void>;
  /**
   * Read, decide and write as one atomic step; absent where the store has no such thing. `change` is synchronous,
   * gets the current value and returns the next one (`undefined` deletes). It may be called again, where others wrote
   * meanwhile: the last call counts. Resolves to what was written; rejects with what `change` throws.
   */
  update?(
    key: string,
    change: (current: Uint8Array<ArrayBuffer> | undefined) => Uint8Array | undefined,
    options?: StorageSetOptions,
  ): Promise<Uint8Array<ArrayBuffer> | undefined>;
}
