/** A key of Deno KV. */
export type DenoKey = readonly (string | number)[];

/** What is under a key of Deno KV. */
export interface DenoKeyValueEntry {
  /** `null` for none. */
  readonly value: unknown;
  /** Another one after each write; `null` for none. */
  readonly versionstamp: string | null;
}

/** What must still be there when an operation is carried out. */
export interface DenoCheck {
  /** Whose. */
  readonly key: DenoKey;
  /** Its version; `null`: nothing is there. */
  readonly versionstamp: string | null;
}

/** What became of an operation. */
export interface DenoCommit {
  /** `false`: a check did not hold, and nothing was done. */
  readonly ok: boolean;
  /** Of all that was written. */
  readonly versionstamp?: string;
}

/** Writes to Deno KV that are carried out together or not at all. */
export interface DenoAtomicOperation {
  /** Do nothing unless this is still there. */
  check(check: DenoCheck): DenoAtomicOperation;
  /** Keep a value, for `expireIn` milliseconds at least. */
  set(key: DenoKey, value: unknown, options?: { expireIn?: number }): DenoAtomicOperation;
  /** Forget a key. */
  delete(key: DenoKey): DenoAtomicOperation;
  /** Carry it out; again, if that failed. */
  commit(): Promise<DenoCommit>;
}

/** The part of Deno KV that {@link denoKvStorage} calls: `await Deno.openKv()` is one. */
export interface DenoKeyValue {
  /** What is under a key. */
  get(key: DenoKey): Promise<DenoKeyValueEntry>;
  /** Begin an operation. */
  atomic(): DenoAtomicOperation;
}
