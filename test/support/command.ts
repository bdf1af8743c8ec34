import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** How a command ended. */
export interface CommandResult {
  /** Exit code, or the signal's name. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of {@link runCommand}. */
export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Told what the command printed so far; may send it a signal. */
  readonly onOutput?: (stdout: string, kill: (signal: NodeJS.Signals) => void) => void;
  /** Ends it at once when aborted. */
  readonly signal?: AbortSignal | undefined;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Run a command from the repository's root and wait for its end. Rejects with the signal's reason where that ended it. */
export function runCommand(
  command: string,
  args: readonly string[],
  { cwd = ROOT, env = {}, onOutput, signal: ending }: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(ending && { signal: ending, killSignal: 'SIGKILL' }),
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      onOutput?.(stdout, (signal) => child.kill(signal));
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    // An abort is an error too, but the process may still be at it then.
    child.on('error', (error) => {
      if (child.pid === undefined || ending?.aborted !== true) reject(error);
    });
    child.on('exit', () => {
      if (ending?.aborted === true) reject(ending.reason);
    });
    child.on('close', (code, signal) => resolve({ code: code ?? String(signal), stdout, stderr }));
  });
}

/** Run a TypeScript program of this repository on Node. */
export function runProgram(
  file: string,
  args: readonly string[],
  options?: CommandOptions,
): Promise<CommandResult> {
  return runCommand(process.execPath, ['--import', 'tsx', file, ...args], options);
}
