import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type CommandResult, runCommand } from '../support/command.ts';
import { MEETING_DEFECTS } from './meeting-defects.ts';
import type { Mutation } from './mutation.ts';
import { POLICY_DEFECTS } from './policy-defects.ts';
import { PROTOCOL_DEFECTS } from './protocol-defects.ts';
import { REPLY_DEFECTS } from './reply-defects.ts';
import { REVIEW_DEFECTS } from './review-defects.ts';
import { STORE_DEFECTS } from './store-defects.ts';

// `npm run test:mutations [-- --only TEXT]`: puts each bug of the lists into a copy of the source and runs the tests
// that must notice. Ends with "N passed, M failed"; a bug that no test notices is a failure.

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Time for the tests of one bug. */
const LIMIT_SECONDS = 240;
/** Time for all of the tests, without one. */
const LIMIT_OF_ALL_SECONDS = 1_800;
/** Copies worked on side by side. */
const WORKERS = 2;

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const lists = [
  REVIEW_DEFECTS,
  POLICY_DEFECTS,
  MEETING_DEFECTS,
  PROTOCOL_DEFECTS,
  REPLY_DEFECTS,
  STORE_DEFECTS,
];
const mutations = lists
  .flat()
  .filter(({ file, harm }) => values.only === undefined || `${file} ${harm}`.includes(values.only));

/** A copy of the repository that shares its packages. */
function copyOfRepository(): string {
  const copy = mkdtempSync(join(tmpdir(), 'isotinker-mutations-'));
  const skipped = new Set(['node_modules', '.git', 'dist']);
  cpSync(ROOT, copy, { recursive: true, filter: (source) => !skipped.has(basename(source)) });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'), 'dir');
  return copy;
}

/** Run tests in a copy. */
async function runTests(
  copy: string,
  tests: readonly string[],
  limitSeconds: number,
): Promise<CommandResult> {
  const vitest = join(copy, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', '--config', 'test/vitest.config.ts', '--bail', '1', '--reporter', 'dot'];
  // A bug may make a loop spin: what does not end is noticed, too.
  const limited = [
    String(limitSeconds),
    process.execPath,
    ...args,
    '--maxWorkers',
    '1',
    '--testTimeout',
    '20000',
  ];
  return runCommand('timeout', [...limited, ...tests.map((test) => `test/${test}`)], {
    cwd: copy,
    env: { NO_COLOR: '1' },
  });
}

/** @returns what is wrong, or undefined if a test noticed. */
async function faultOf(copy: string, { file, find, replace, tests }: Mutation): Promise<string | undefined> {
  const path = join(copy, 'src', file);
  const source = readFileSync(path, 'utf8');
  const count = source.split(find).length - 1;
  if (count !== 1) return `"${find}" occurs ${count} times`;
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  try {
    const { code } = await runTests(copy, tests, LIMIT_SECONDS);
    return code === 0 ? 'no test noticed' : undefined;
  } finally {
    writeFileSync(path, source);
  }
}

let [passed, failed] = [0, 0];
const queue = [...mutations];

async function work(): Promise<void> {
  const copy = copyOfRepository();
  try {
    for (let mutation = queue.shift(); mutation !== undefined; mutation = queue.shift()) {
      const fault = await faultOf(copy, mutation);
      if (fault === undefined) passed += 1;
      else failed += 1;
      console.log(
        `${fault === undefined ? 'caught  ' : 'SURVIVED'} ${mutation.file}: ${mutation.harm}${fault === undefined ? '' : ` (${fault})`}`,
      );
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

// A red test would take every mutation for caught.
const all = [...new Set(mutations.flatMap(({ tests }) => tests))];
const { code, stdout } = await runTests(ROOT, all, LIMIT_OF_ALL_SECONDS);
if (code === 0) {
  await Promise.all(Array.from({ length: WORKERS }, work));
} else {
  failed += 1;
  console.log(
    `FAILED   the tests do not pass without a mutation: ended with ${code}\n${stdout.slice(-4_000)}`,
  );
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
