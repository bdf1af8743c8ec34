/** A bug to put into the source, and the tests that must notice it. */
export interface Mutation {
  /** What it would do to a user. */
  readonly harm: string;
  /** In `src`. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Test files or folders, under `test`. */
  readonly tests: readonly string[];
}

/** Mutations of one file with one set of tests. */
export function mutationsOf(
  file: string,
  tests: readonly string[],
  changes: readonly (readonly [harm: string, find: string, replace: string])[],
): Mutation[] {
  return changes.map(([harm, find, replace]) => ({ harm, file, find, replace, tests }));
}
