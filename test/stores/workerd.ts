import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { CaseResult } from '../runtimes/case-result.ts';
import { withTemporaryFolder } from '../runtimes/temporary-folder.ts';
import { installTools, node24 } from '../runtimes/tools.ts';
import { type CommandResult, runCommand } from '../support/command.ts';

const RUNTIME = 'workerd, KV';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SIMULATOR = join(ROOT, 'test/runtimes/node_modules/miniflare/dist/src/index.js');

/** Cloudflare KV in workerd: the contract, requests that end, and two isolates whose circuits share a namespace. */
export async function storesInWorkerd(signal: AbortSignal): Promise<readonly CaseResult[]> {
  await installTools(signal);
  return withTemporaryFolder('stores-in-workerd', async (folder) => {
    const worker = join(folder, 'worker.mjs');
    const program = join(folder, 'program.mjs');
    await bundle('test/stores/kv-worker.ts', worker, 'browser');
    await bundle('test/stores/miniflare-program.ts', program, 'node');
    const result = await runCommand(node24(), [program, pathToFileURL(SIMULATOR).href, worker], {
      env: { NO_COLOR: '1' },
    });
    return casesOf(result);
  });
}

/** A program and all it imports of the repository as one module. */
async function bundle(entry: string, file: string, platform: 'browser' | 'node'): Promise<void> {
  await build({
    entryPoints: [entry],
    absWorkingDir: ROOT,
    tsconfig: 'tsconfig.json',
    bundle: true,
    format: 'esm',
    platform,
    target: 'es2022',
    outfile: file,
    logLevel: 'warning',
  });
}

/** What the program printed, and whether it came to its end. */
function casesOf({ stdout, stderr, code }: CommandResult): readonly CaseResult[] {
  const cases = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => ({ runtime: RUNTIME, ...(JSON.parse(line) as Omit<CaseResult, 'runtime'>) }));
  if (code === 0) return cases;
  return [
    ...cases,
    { runtime: RUNTIME, name: 'the program', error: `it ended with ${code}: ${stderr.slice(-1_000)}` },
  ];
}
