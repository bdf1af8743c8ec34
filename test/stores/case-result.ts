/** How one check of a store in its real engine went. */
export interface CaseResult {
  /** Where it ran. */
  readonly runtime: string;
  /** What was checked. */
  readonly name: string;
  /** What was wrong; left out where nothing was. */
  readonly error?: string;
}
