import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type OwnProcess, startProcess } from '../runtimes/own-process.ts';
import { withTemporaryFolder } from '../runtimes/temporary-folder.ts';
import type { SuiteLine } from './suite-line.ts';
import type { RunSuite } from './suite-outcome.ts';

/** A runtime that runs a file, given as its last argument. */
export interface FileRunner {
  readonly program: string;
  readonly args?: readonly string[];
}

/** Prints each line as JSON, and ends by itself when nothing is left to do. */
const PROGRAM = 'await conformance.tellSuite(suiteStart, (line) => console.log(JSON.stringify(line)));\n';

/** Run the suite as a process of its own, in an empty folder. */
export function inProcess(script: string, { program, args = [] }: FileRunner): RunSuite {
  return (tell, signal) =>
    withTemporaryFolder('conformance', async (folder) => {
      const file = join(folder, 'suite.mjs');
      writeFileSync(file, script + PROGRAM);
      const env = {
        // What it writes of its own accord goes with the folder, and nothing of the user's changes how it runs.
        HOME: folder,
        DENO_DIR: join(folder, 'deno'),
        NODE_OPTIONS: '',
        NO_COLOR: '1',
      };
      const running = startProcess(program, [...args, file], { cwd: folder, env, signal });
      try {
        await readAll(running, tell, signal);
      } finally {
        await running.end();
      }
    });
}

/** Pass on what it prints until it ends. @throws Error - with the last of its complaints, where it fails. */
async function readAll(
  { child, ended, complaints }: OwnProcess,
  tell: (line: SuiteLine) => void,
  signal: AbortSignal,
): Promise<void> {
  if (child.stdout === null) throw new Error('The process has no output');
  for await (const line of createInterface({ input: child.stdout }))
    if (line.startsWith('{')) tell(JSON.parse(line) as SuiteLine);
  const how = await ended;
  signal.throwIfAborted();
  if (child.exitCode === 0) return;
  if (child.pid === undefined) throw new Error(how);
  throw new Error(`ended with ${child.exitCode ?? child.signalCode}: ${complaints()}`);
}
