/** One thing that must hold in every runtime. */
export interface ConformanceCase {
  /** `area: what must hold`; unique. Areas: kernel, policy, protocol, storage, tokenizer, emulator, platform. */
  readonly name: string;
  /** Rejects where it does not hold. A text that it gives must be the same in every runtime (a hash, a serialised state). */
  run(): void | string | Promise<void> | Promise<string>;
}

/** How a case went, as plain JSON. */
export interface ConformanceResult {
  readonly name: string;
  /** What the case gave, if it gave something: the same in every runtime. */
  readonly value?: string;
  /** What was wrong; left out where nothing was. */
  readonly error?: string;
}
