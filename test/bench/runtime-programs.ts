import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bun, deno, installTools, node24 } from '../runtimes/tools.ts';
import { runCommand } from '../support/command.ts';

/** A runtime that is started with the path of a script. */
export interface RuntimeProgram {
  /** As tables show it. */
  readonly name: string;
  readonly command: string;
  /** What comes before the script. */
  readonly args: readonly string[];
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The Node that runs the bench, and those that npm carries; without a network to get them from, the former alone. */
export async function runtimePrograms(): Promise<readonly RuntimeProgram[]> {
  const [major = ''] = process.versions.node.split('.');
  const own: RuntimeProgram = { name: `Node ${major}`, command: process.execPath, args: [] };
  try {
    await installTools();
  } catch (error) {
    console.error(`Only ${own.name} is measured: ${error instanceof Error ? error.message : error}`);
    return [own];
  }
  return [
    own,
    ...(major === '24' ? [] : [{ name: 'Node 24', command: node24(), args: [] }]),
    {
      name: 'Deno',
      command: deno(),
      args: ['run', '--no-config', '--quiet', '--node-modules-dir=manual', '--allow-read'],
    },
    { name: 'Bun', command: bun(), args: [] },
  ];
}

/**
 * A TypeScript program of this folder as one script with all it imports, the library from its sources.
 *
 * @param platform - Whose modules it may import.
 * @returns where it is, in `folder`.
 */
export async function bundled(
  file: string,
  folder: string,
  platform: 'neutral' | 'node' = 'neutral',
): Promise<string> {
  const outfile = join(folder, basename(file).replace(/\.ts$/, '.mjs'));
  await build({
    entryPoints: [join('test/bench', file)],
    absWorkingDir: ROOT,
    tsconfig: 'tsconfig.json',
    outfile,
    bundle: true,
    format: 'esm',
    platform,
    mainFields: ['module', 'main'],
    target: 'es2022',
    logLevel: 'warning',
  });
  return outfile;
}

/** Run a script. @returns what it prints, read as JSON. */
export async function runForJson<T>({ name, command, args }: RuntimeProgram, script: string): Promise<T> {
  const { code, stdout, stderr } = await runCommand(command, [...args, script]);
  if (code !== 0)
    throw new Error(`${basename(script)} ended with ${code} in ${name}: ${stderr.slice(-1000)}`);
  return JSON.parse(stdout) as T;
}
