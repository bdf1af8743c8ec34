import { BROWSER_ENGINES, type BrowserEngine } from '../runtimes/find-browser.ts';
import type { CaseResult } from './case-result.ts';
import { storesInDeno } from './deno.ts';
import { storesInBrowser } from './in-browsers.ts';
import { createRecorder, type Recorder } from './recorder.ts';
import { storesInWorkerd } from './workerd.ts';

// Every store in its real engine, alone and shared by contexts that have nothing else in common. Ends with the counts.
// `--only firefox` leaves the others out.

/** Only ends what hangs. */
const LIMIT_MS = 600_000;

const PARTS: readonly string[] = [...BROWSER_ENGINES, 'workerd', 'deno'];

function wantedParts(args: readonly string[]): readonly string[] {
  const [flag, only = '', ...rest] = args;
  if (flag === undefined) return PARTS;
  if (flag === '--only' && PARTS.includes(only) && rest.length === 0) return [only];
  throw new Error(`usage: npm run test:stores [-- --only ${PARTS.join(' | ')}]`);
}

async function runPart(part: string, recorder: Recorder, signal: AbortSignal): Promise<void> {
  if (part === 'workerd') return recorder.cases('workerd, KV', 'runs', storesInWorkerd);
  if (part === 'deno') return recorder.cases('Deno KV', 'runs', storesInDeno);
  return storesInBrowser(part as BrowserEngine, { recorder, signal });
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

async function main(): Promise<void> {
  const parts = wantedParts(process.argv.slice(2));
  const started = performance.now();
  const limit = new AbortController();
  const timer = setTimeout(
    () => limit.abort(new Error(`no end after ${LIMIT_MS / 60_000} minutes`)),
    LIMIT_MS,
  );
  const recorder = createRecorder(limit.signal);
  // They mostly wait, for timers of theirs that cannot be hurried.
  await Promise.all(parts.map((part) => runPart(part, recorder, limit.signal)));
  clearTimeout(timer);
  const failures = recorder.results.filter((result): result is Required<CaseResult> => 'error' in result);
  for (const { runtime, name, error } of failures)
    console.log(`FAILED  ${runtime}: ${name}\n        ${error}`);
  printTable(recorder);
  console.log(`all of it took ${((performance.now() - started) / 1_000).toFixed(1)} s`);
  console.log(`${recorder.results.length - failures.length} passed, ${failures.length} failed`);
  // What still hangs is ended with this process.
  process.exit(failures.length === 0 ? 0 : 1);
}

// What it started ends with it, however it is ended itself.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
await main();
