/** How one check in a runtime went. */
export interface CaseResult {
  /** Where it ran. */
  readonly runtime: string;
  /** What was checked. */
  readonly name: string;
  /** What was wrong; left out where nothing was. */
  readonly error?: string;
}
