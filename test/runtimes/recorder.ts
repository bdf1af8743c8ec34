import { aborted } from './aborted.ts';
import type { CaseResult } from './case-result.ts';

/** Results of one runtime. */
export type CaseResults = readonly Omit<CaseResult, 'runtime'>[];

/** Results as they come. */
export interface Recorder {
  /** Every one so far. */
  readonly results: readonly CaseResult[];
  /** How long each runtime took, in milliseconds. */
  readonly durations: ReadonlyMap<string, number>;
  /** Keep what a runtime gave in so many milliseconds; nothing at all counts as a failure. */
  add(runtime: string, ended: CaseResults, ms: number): void;
  /** Do several cases of a runtime at once; where that fails as a whole, it counts as one case of that name. */
  cases(runtime: string, name: string, work: () => Promise<CaseResults>): Promise<void>;
  /** Do one case: it passes unless it rejects. */
  check(runtime: string, name: string, work: () => Promise<unknown>): Promise<void>;
}

/** Keep results, and end what has not ended when the signal is aborted. */
export function createRecorder(signal: AbortSignal): Recorder {
  const results: CaseResult[] = [];
  const durations = new Map<string, number>();
  const limit = aborted(signal);
  limit.catch(() => {});

  function add(runtime: string, ended: CaseResults, ms: number): void {
    const some = ended.length > 0 ? ended : [{ name: 'runs', error: 'not a single case was run' }];
    results.push(...some.map((one) => ({ runtime, ...one })));
    durations.set(runtime, (durations.get(runtime) ?? 0) + ms);
  }

  async function cases(runtime: string, name: string, work: () => Promise<CaseResults>): Promise<void> {
    const started = performance.now();
    const ended = await Promise.race([work(), limit]).catch((error: unknown) => [
      { name, error: error instanceof Error ? error.message : String(error) },
    ]);
    add(runtime, ended, performance.now() - started);
  }

  return {
    results,
    durations,
    add,
    cases,
    check: (runtime, name, work) =>
      cases(runtime, name, async () => {
        await work();
        return [{ name }];
      }),
  };
}
