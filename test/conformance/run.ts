import pLimit from 'p-limit';
import { browserVersion } from '../runtimes/browser-version.ts';
import { bundle } from '../runtimes/bundle.ts';
import { type ChecksTools, runChecks } from '../runtimes/run-checks.ts';
import { bun, deno, installTools, node20, node22, node24, workerd } from '../runtimes/tools.ts';
import { faultsOfBundle } from './bundle-faults.ts';
import { inBrowser } from './in-browser.ts';
import { inProcess } from './in-process.ts';
import { inWorkerd } from './in-workerd.ts';
import { judge } from './judge.ts';
import { RUNTIMES, type Runtime } from './runtimes.ts';
import { outcomeOf, type RunSuite, type SuiteOutcome } from './suite-outcome.ts';
import { suiteStartLine } from './suite-start.ts';

// `npm run test:everywhere [-- --only deno]`: the conformance suite, bundled once, in every runtime, and what it gives
// compared. Ends with the counts.

/** Only ends what hangs in one runtime, on a machine however busy. */
const LIMIT_MS = 180_000;
/** Each is busy with one core or waits for timers, browsers most of the time. */
const AT_ONCE = 3;
/** No permission, no package, nothing from elsewhere, and nobody to ask. */
const DENO = ['run', '--quiet', '--no-prompt', '--no-config', '--no-lock', '--no-remote', '--no-npm'];

/** The suite somewhere. */
interface Job {
  readonly title: string;
  readonly run: RunSuite;
}

function jobsOf({ name, title, platform, version, places = [] }: Runtime, bundled: string): readonly Job[] {
  const script = suiteStartLine(platform) + bundled;
  const one = (start: () => RunSuite): readonly Job[] => [
    {
      title: `${title} ${version}`,
      async run(tell, signal) {
        await installTools(signal);
        await start()(tell, signal);
      },
    },
  ];
  switch (name) {
    case 'node20':
      return one(() => inProcess(script, { program: node20() }));
    case 'node22':
      return one(() => inProcess(script, { program: node22() }));
    case 'node24':
      return one(() => inProcess(script, { program: node24() }));
    case 'deno':
      return one(() => inProcess(script, { program: deno(), args: DENO }));
    case 'bun':
      return one(() => inProcess(script, { program: bun(), args: ['--no-install'] }));
    case 'workerd':
      return one(() => inWorkerd(script, workerd()));
    default: {
      const here = browserVersion(name) ?? 'unknown';
      if (!`${here}.`.startsWith(`${version}.`))
        console.log(`${title} is ${here} here; test/conformance/runtimes.ts has ${version}`);
      return places.map((place) => ({
        title: `${title} ${here}, ${place}`,
        run: inBrowser(script, name, place),
      }));
    }
  }
}

async function runJob({ title, run }: Job, signal: AbortSignal): Promise<SuiteOutcome> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error(`no end after ${LIMIT_MS / 1_000} s`)), LIMIT_MS);
  const outcome = await outcomeOf(title, run, AbortSignal.any([signal, limit.signal]));
  clearTimeout(timer);
  console.log(`${title}: ${outcome.results.length} cases in ${(outcome.ms / 1_000).toFixed(1)} s`);
  return outcome;
}

const wantedOf = (names: readonly string[]): readonly Runtime[] =>
  RUNTIMES.filter(({ name }) => names.includes(name));

/** Browsers are the machine's own. Each runtime that is then missing says so. */
async function prepare(names: readonly string[], signal: AbortSignal): Promise<void> {
  if (wantedOf(names).some(({ places }) => places === undefined)) await installTools(signal);
}

async function work(names: readonly string[], { recorder, signal }: ChecksTools): Promise<void> {
  let script = '';
  await recorder.check('the bundle', 'has nothing that is not the web platform’s', async () => {
    script = await bundle('test/conformance/tell-suite.ts', 'conformance');
    const faults = faultsOfBundle(script);
    if (faults.length > 0) throw new Error(faults.join('\n        '));
  });
  if (script === '') return;
  const atOnce = pLimit(AT_ONCE);
  const jobs = wantedOf(names).flatMap((one) => jobsOf(one, script));
  const outcomes = await Promise.all(jobs.map((job) => atOnce(() => runJob(job, signal))));
  for (const [{ runtime, ms }, results] of judge(outcomes)) recorder.add(runtime, results, ms);
}

await runChecks({
  command: 'test:everywhere',
  parts: RUNTIMES.map(({ name }) => name),
  limitMs: 900_000,
  prepare,
  work,
});
