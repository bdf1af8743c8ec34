import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WireFormat } from 'isotinker';
import { compareNumbers, fallingLoss } from './compare-numbers.ts';
import { comparePasses } from './compare-passes.ts';
import { compareRequests } from './compare-requests.ts';
import type { Checks } from './ours/record.ts';
import type { Plan } from './ours/world.ts';
import { MissingError, pythonWithTinker } from './python.ts';
import { checkPythonNames } from './python-names.ts';
import { createTally } from './tally.ts';
import type { Exchange } from './traffic.ts';
import { checkWhatHappened } from './what-happened.ts';

// One scenario, written twice: in Python against the official SDK, in TypeScript against ours. Plays both, each against
// fresh emulators with the same seeds, and compares every number that came out, and every request that went in.

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = join(ROOT, 'test/interop');

/** Longest time one run may take; what is over is ended, and fails. */
const LIMIT_MS = 240_000;

/** A run, after it. */
interface Played {
  readonly checks: Checks;
  readonly exchanges: readonly Exchange[];
}

/** Start the servers of one run. @returns their addresses, and what ends them. */
async function startServers(trafficFile: string) {
  const child = spawn(process.execPath, ['--import', 'tsx', join(FOLDER, 'serve.ts'), trafficFile], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  const [addresses] = (await Promise.race([
    once(child, 'message'),
    ended.then(([code]) => Promise.reject(new Error(`the servers ended with ${code}`))),
  ])) as [Plan['addresses']];
  return {
    addresses,
    async stop(): Promise<void> {
      child.disconnect();
      await ended;
    },
  };
}

/** Play one side against servers of its own. @throws Error - with the end of what it printed, where it fails. */
async function play(
  name: string,
  wireFormat: WireFormat,
  command: string,
  args: readonly string[],
): Promise<Played> {
  const started = performance.now();
  const [planFile, output, trafficFile] = ['plan', 'output', 'traffic'].map((file) =>
    join(folder, `${file}, ${name}.json`),
  ) as [string, string, string];
  const servers = await startServers(trafficFile);
  try {
    const plan: Plan = { addresses: servers.addresses, text, output, wireFormat };
    writeFileSync(planFile, JSON.stringify(plan));
    await runLimited(name, command, [...args, planFile]);
  } finally {
    await servers.stop();
  }
  console.log(`        ${name} played in ${secondsSince(started)} s`);
  return { checks: readJson(output), exchanges: readJson(trafficFile) };
}

function secondsSince(started: number): string {
  return ((performance.now() - started) / 1000).toFixed(1);
}

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}

async function runLimited(name: string, command: string, args: readonly string[]): Promise<void> {
  const env = {
    ...process.env,
    TINKER_TAGS: 'interop',
    TINKER_TELEMETRY: '1',
    // Nothing else of the machine's may reach the clients.
    TINKER_API_KEY: '',
    TINKER_BASE_URL: '',
    TINKER_PROJECT_ID: '',
    CUDA_VISIBLE_DEVICES: '',
    PYTHONDONTWRITEBYTECODE: '1',
  };
  const child = spawn(command, args, {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(-3000);
    });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code !== 0) throw new Error(`${name} ended with ${code ?? signal}: ${printed}`);
}

const tally = createTally(console.log);
const folder = mkdtempSync(join(tmpdir(), 'isotinker-interop-'));
/** The same for all runs, even if somebody writes in it meanwhile. */
const text = join(folder, 'text.md');
copyFileSync(join(ROOT, 'README.md'), text);

async function main(): Promise<void> {
  const started = performance.now();
  const python = await pythonWithTinker(console.log);
  console.log(`        Python is ready after ${secondsSince(started)} s`);
  await checkPythonNames(tally, python);
  const official = await play('the official SDK', 'auto', python, [join(FOLDER, 'official/scenario.py')]);
  checkWhatHappened(tally, 'official', official.exchanges, 'protobuf');
  tally.check('official: the loss falls', fallingLoss(official.checks));
  const scenario = ['--import', 'tsx', join(FOLDER, 'ours/scenario.ts')];
  for (const format of ['auto', 'json'] as const) {
    const who = `ours in ${format === 'auto' ? 'protobuf' : 'JSON'}`;
    const ours = await play(who, format, process.execPath, scenario);
    checkWhatHappened(tally, who, ours.exchanges, format === 'auto' ? 'protobuf' : 'json');
    compareNumbers(tally, who, official.checks, ours.checks);
    const sides = { official: official.exchanges, ours: ours.exchanges };
    compareRequests(tally, who, sides, format);
    if (format === 'auto') comparePasses(tally, who, sides.official, sides.ours);
  }
  console.log(`        all of it took ${secondsSince(started)} s`);
}

try {
  await main();
} catch (error) {
  if (error instanceof MissingError) console.error(error.message);
  else tally.check('the runs end', String(error instanceof Error ? error.message : error));
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${tally.passed} passed, ${tally.failed} failed`);
if (tally.failed > 0) process.exitCode = 1;
