import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CaseResult } from '../runtimes/case-result.ts';
import { withTemporaryFolder } from '../runtimes/temporary-folder.ts';
import { deno, installTools } from '../runtimes/tools.ts';
import { type CommandResult, runCommand } from '../support/command.ts';
import type { DenoTask } from './deno-program.ts';

const RUNTIME = 'Deno KV';
const INCREMENTS = 500;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Nothing is fetched, and no package is looked for. */
const OPTIONS = ['--quiet', '--no-config', '--no-remote', '--node-modules-dir=none', '--unstable-kv'];

/** Deno KV in files that one or two processes have open: the contract, large values, counting and reading together. */
export async function storesInDeno(signal: AbortSignal): Promise<readonly CaseResult[]> {
  await installTools(signal);
  return withTemporaryFolder('stores-in-deno', storesInFolder);
}

async function storesInFolder(folder: string): Promise<readonly CaseResult[]> {
  const env = { DENO_DIR: join(folder, 'cache'), NO_COLOR: '1' };
  const run = async (...tasks: readonly DenoTask[]): Promise<CaseResult[]> => {
    const results = await Promise.all(
      tasks.map((task) => {
        const asked = JSON.stringify({ ...task, file: join(folder, task.file) });
        const args = ['run', ...OPTIONS, '--no-check', '-A', 'test/stores/deno-program.ts', asked];
        return runCommand(deno(), args, { env });
      }),
    );
    return results.flatMap((result, index) => casesOf(tasks[index]?.task ?? '', result));
  };

  return [
    await typeCase(folder, env),
    ...(await run({ task: 'contract', file: 'contract' })),
    ...(await run({ task: 'large', file: 'large' })),
    // A file is there before two processes open it.
    ...(await run({ task: 'increment', file: 'count', count: 1 })),
    ...(await run(
      { task: 'increment', file: 'count', count: INCREMENTS },
      { task: 'increment', file: 'count', count: INCREMENTS },
    )),
    ...(await run({ task: 'countIs', file: 'count', count: 2 * INCREMENTS + 1 })),
    ...(await run({ task: 'increment', file: 'overwrite', count: 1 })),
    ...(await run({ task: 'overwrite', file: 'overwrite' }, { task: 'read', file: 'overwrite' })),
    ...(await run({ task: 'crash', file: 'crash' })),
    ...(await run({ task: 'afterCrash', file: 'crash' })),
  ];
}

async function typeCase(folder: string, env: Readonly<Record<string, string>>): Promise<CaseResult> {
  const adapter = JSON.stringify(join(ROOT, 'src/storage/kv.ts'));
  const file = join(folder, 'typed.ts');
  writeFileSync(file, `import { denoKvStorage } from ${adapter};\ndenoKvStorage(await Deno.openKv());\n`);
  const result = await runCommand(deno(), ['check', ...OPTIONS, file], { env });
  return named('Deno.Kv has the type the adapter asks for', faultOf(result));
}

/** What a process printed, and whether it came to its end. */
function casesOf(task: string, result: CommandResult): CaseResult[] {
  const lines = result.stdout.split('\n').filter((line) => line.startsWith('{'));
  const fault = faultOf(result);
  return [
    ...lines.map((line) => ({ runtime: RUNTIME, ...(JSON.parse(line) as Omit<CaseResult, 'runtime'>) })),
    ...(fault === undefined ? [] : [named(`the process that does "${task}"`, fault)]),
  ];
}

function named(name: string, error: string | undefined): CaseResult {
  return error === undefined ? { runtime: RUNTIME, name } : { runtime: RUNTIME, name, error };
}

function faultOf({ code, stderr }: CommandResult): string | undefined {
  return code === 0 ? undefined : `it ended with ${code}: ${stderr.slice(-1_000)}`;
}
