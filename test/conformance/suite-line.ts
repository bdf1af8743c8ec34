import type { ConformanceResult } from './conformance-case.ts';

/** What a runtime tells while it runs the suite: the names of all cases, each result, and that it came to the end. */
export type SuiteLine =
  | { readonly cases: readonly string[] }
  | ConformanceResult
  /** An error or a rejection that nobody caught, and how many cases had been tried when it came. */
  | { readonly trouble: string; readonly tried: number }
  | { readonly isOver: true };
