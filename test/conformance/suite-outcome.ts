import type { ConformanceResult } from './conformance-case.ts';
import type { SuiteLine } from './suite-line.ts';

/** What came of the suite in one runtime. */
export interface SuiteOutcome {
  /** Its name in the table. */
  readonly runtime: string;
  readonly ms: number;
  /** All that it meant to try. */
  readonly cases: readonly string[];
  readonly results: readonly ConformanceResult[];
  /** Whether it came to its end. */
  readonly isOver: boolean;
  /** What went wrong beside the cases: a crash, a hang, a missing program, a rejection that nobody caught. */
  readonly troubles: readonly string[];
}

/** Runs the suite in a runtime, and passes on what that tells. Rejects where it does not come to an end by itself. */
export type RunSuite = (tell: (line: SuiteLine) => void, signal: AbortSignal) => Promise<void>;

/** Run the suite in a runtime. Never rejects. @param signal - Ends what hangs. */
export async function outcomeOf(runtime: string, run: RunSuite, signal: AbortSignal): Promise<SuiteOutcome> {
  const started = performance.now();
  const results: ConformanceResult[] = [];
  const troubles: string[] = [];
  let cases: readonly string[] = [];
  let isOver = false;

  function take(line: SuiteLine): void {
    if ('cases' in line) cases = line.cases;
    else if ('trouble' in line) blame(`nobody caught ${line.trouble}`, line.tried);
    else if ('isOver' in line) isOver = true;
    else results.push(line);
  }

  /** The cases are tried one after the other. */
  function blame(trouble: string, tried = results.length): void {
    if (cases.length === 0) troubles.push(trouble);
    else if (tried >= cases.length) troubles.push(`after the last case: ${trouble}`);
    else troubles.push(`in case ${tried + 1} of ${cases.length}, "${cases[tried]}": ${trouble}`);
  }

  try {
    await run(take, signal);
    if (!isOver) blame('ended before the suite did');
  } catch (error) {
    blame(error instanceof Error ? error.message : String(error));
  }
  return { runtime, ms: performance.now() - started, cases, results, isOver, troubles };
}
