import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runCommand } from '../support/command.ts';

// `npm run test:repeat [-- --times 20]`: the whole default suite, files in another random order each time, pinned to
// one core, in a network namespace that has nothing but the loopback. Ends with "N passed, M failed" over all rounds.

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { values } = parseArgs({ options: { times: { type: 'string', default: '20' } } });
const times = Number(values.times);
if (!Number.isInteger(times) || times < 1)
  throw new Error(`--times must be an integer >= 1, got ${values.times}`);

/** What the command needs beside Node: Debian has them in util-linux and iproute2. */
const TOOLS = ['taskset', 'unshare', 'ip', 'sh'];
const missing = TOOLS.filter((tool) => spawnSync('which', [tool]).status !== 0);

/** One round. @returns tests that passed and failed. */
async function round(seed: number): Promise<readonly [passed: number, failed: number]> {
  const vitest = `node node_modules/vitest/vitest.mjs run --config test/vitest.config.ts --reporter dot --sequence.shuffle.files --sequence.seed ${seed}`;
  const script = `ip link set lo up && exec taskset -c 0 ${vitest}`;
  const { code, stdout, stderr } = await runCommand('unshare', ['-rn', 'sh', '-c', script], {
    cwd: ROOT,
    env: { NO_COLOR: '1' },
  });
  const [, line = ''] = /^ *Tests +(.*)$/m.exec(stdout) ?? [];
  const count = (what: string): number => Number(new RegExp(`(\\d+) ${what}`).exec(line)?.[1] ?? 0);
  const [passed, failed] = [count('passed'), count('failed')];
  if (code !== 0) console.log(stdout.slice(-6_000), stderr.slice(-2_000));
  // A run that broke before it could count is a failure too.
  return [passed, code === 0 ? failed : Math.max(1, failed)];
}

if (missing.length > 0) {
  console.log(`test:repeat needs ${missing.join(', ')}: apt-get install util-linux iproute2`);
  process.exitCode = 1;
} else {
  let [passed, failed] = [0, 0];
  for (let i = 1; i <= times; i++) {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const [good, bad] = await round(seed);
    passed += good;
    failed += bad;
    console.log(`round ${i} of ${times}, seed ${seed}: ${good} passed, ${bad} failed`);
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}
