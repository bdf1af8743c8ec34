import { aborted } from '../runtimes/aborted.ts';
import type { CaseResult } from './case-result.ts';

/** Results as they come. */
export interface Recorder {
  /** Every one so far. */
  readonly results: readonly CaseResult[];
  /** How long each runtime took, in milliseconds. */
  readonly durations: ReadonlyMap<string, number>;
  /** Do several cases of a runtime at once; where that fails as a whole, it counts as one case of that name. */
  cases(
    runtime: string,
    name: string,
    work: () => Promise<readonly Omit<CaseResult, 'runtime'>[]>,
  ): Promise<void>;
  /** Do one case: it passes unless it rejects. */
  check(runtime: string, name: string, work: () => Promise<unknown>): Promise<void>;
}

/** Keep results, and end what has not ended when the signal is aborted. */
export function createRecorder(signal: AbortSignal): Recorder {
  const results: CaseResult[] = [];
  const durations = new Map<string, number>();
  const limit = aborted(signal);
  limit.catch(() => {});

  async function cases(
    runtime: string,
    name: string,
    work: () => Promise<readonly Omit<CaseResult, 'runtime'>[]>,
  ): Promise<void> {
    const started = performance.now();
    try {
      const ended = await Promise.race([work(), limit]);
      if (ended.length === 0) throw new Error('not a single case was run');
      results.push(...ended.map((one) => ({ runtime, ...one })));
    } catch (error) {
      results.push({ runtime, name, error: error instanceof Error ? error.message : String(error) });
    }
    durations.set(runtime, (durations.get(runtime) ?? 0) + performance.now() - started);
  }

  return {
    results,
    durations,
    cases,
    check: (runtime, name, work) =>
      cases(runtime, name, async () => {
        await work();
        return [{ name }];
      }),
  };
}
