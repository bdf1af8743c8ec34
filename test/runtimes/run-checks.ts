import { aborted } from './aborted.ts';
import type { CaseResult } from './case-result.ts';
import { createRecorder, type Recorder } from './recorder.ts';

/** A command that checks something in several runtimes. */
export interface ChecksOptions {
  /** The script of package.json that runs it. */
  readonly command: string;
  /** What it consists of; `--only NAME` leaves the others out. */
  readonly parts: readonly string[];
  /** Only ends what hangs: the work, and the preparation, each by itself. */
  readonly limitMs: number;
  /** Done ahead of the work, and not in its time, such as an install. Where it fails, what needs it must say so. */
  prepare?(parts: readonly string[], signal: AbortSignal): Promise<void>;
  /** Check the parts that are wanted. */
  work(parts: readonly string[], tools: ChecksTools): Promise<void>;
}

/** What the work is given. */
export interface ChecksTools {
  readonly recorder: Recorder;
  /** Aborted when the limit is over. */
  readonly signal: AbortSignal;
}

/** Characters of an error that are printed. */
const LONGEST_ERROR = 2_000;

/** Run them, print what failed, a table by runtime, and the counts; then the process ends, with 1 if anything failed. */
export async function runChecks({ command, parts, limitMs, prepare, work }: ChecksOptions): Promise<never> {
  // What it started ends with it, however it is ended itself.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
  const wanted = wantedParts(parts, process.argv.slice(2));
  if (wanted === undefined) {
    console.log(`usage: npm run ${command} [-- --only ${parts.join(' | ')}]`);
    process.exit(1);
  }
  const started = performance.now();
  await withLimit(limitMs, async (signal) => {
    await Promise.race([prepare?.(wanted, signal), aborted(signal)]).catch(() => {});
  });
  const recorder = await withLimit(limitMs, async (signal) => {
    const kept = createRecorder(signal);
    await work(wanted, { recorder: kept, signal });
    return kept;
  });
  const failures = recorder.results.filter((result): result is Required<CaseResult> => 'error' in result);
  for (const { runtime, name, error } of failures)
    console.log(`FAILED  ${runtime}: ${name}\n        ${error.slice(0, LONGEST_ERROR)}`);
  printTable(recorder);
  console.log(`all of it took ${((performance.now() - started) / 1_000).toFixed(1)} s`);
  console.log(`${recorder.results.length - failures.length} passed, ${failures.length} failed`);
  // What still hangs is ended with this process.
  process.exit(failures.length === 0 ? 0 : 1);
}

async function withLimit<T>(limitMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error(`no end after ${limitMs / 60_000} minutes`)), limitMs);
  try {
    return await work(limit.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** @returns undefined where the arguments are none that there are. */
function wantedParts(parts: readonly string[], args: readonly string[]): readonly string[] | undefined {
  const [flag, only = '', ...rest] = args;
  if (flag === undefined) return parts;
  return flag === '--only' && parts.includes(only) && rest.length === 0 ? [only] : undefined;
}

function printTable({ results, durations }: Recorder): void {
  const rows = [...durations].sort().map(([runtime, ms]) => {
    const cases = results.filter((result) => result.runtime === runtime);
    const failed = cases.filter(({ error }) => error !== undefined).length;
    return [runtime, String(cases.length - failed), String(failed), (ms / 1_000).toFixed(1)];
  });
  const table = [['', 'passed', 'failed', 'seconds'], ...rows];
  const width = Math.max(...table.map(([runtime = '']) => runtime.length));
  for (const [runtime = '', ...numbers] of table)
    console.log(`${runtime.padEnd(width)}${numbers.map((number) => number.padStart(9)).join('')}`);
}
