import { type ChildProcess, spawn } from 'node:child_process';

/** A program that was started, with everything it starts in turn. */
export interface OwnProcess {
  readonly child: ChildProcess;
  /** Resolves when it ends, for whatever reason, with how it ended and the last it printed. */
  readonly ended: Promise<string>;
  /** The last it wrote to its standard error. */
  complaints(): string;
  /** End it and what it started, by their ids. Resolves when it is gone. */
  end(): Promise<void>;
}

/** How to start a program. */
export interface OwnProcessOptions {
  /** Where it runs. @default this process's own */
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Give it a pipe at file descriptor 3 to write to. @default false */
  readonly hasPipe?: boolean | undefined;
  /** Ends it at once when aborted. */
  readonly signal: AbortSignal;
}

/** What is asked to end and does not is ended after so many milliseconds. */
const PATIENCE_MS = 5_000;

/** Start a program in a process group of its own, so that nothing of it outlives it. */
export function startProcess(
  program: string,
  args: readonly string[],
  { cwd, env = {}, hasPipe = false, signal: ending }: OwnProcessOptions,
): OwnProcess {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(hasPipe ? ['pipe' as const] : [])],
    detached: true,
  });
  let [printed, complaints] = ['', ''];
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(-2_000);
      if (stream === child.stderr) complaints = (complaints + text).slice(-2_000);
    });
  const signal = (name: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // Nothing of the group is left.
    }
  };
  const killAll = (): void => signal('SIGKILL');
  // Also where this process ends before it could wait.
  process.once('exit', killAll);
  ending.addEventListener('abort', killAll, { once: true });
  if (ending.aborted) killAll();
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, name) => resolve(`ended with ${code ?? name}: ${printed.trim()}`));
  });
  return {
    child,
    ended,
    complaints: () => complaints.trim(),
    async end() {
      signal('SIGTERM');
      const timer = setTimeout(killAll, PATIENCE_MS);
      await ended;
      clearTimeout(timer);
      // Those it started may still be at it.
      killAll();
      process.off('exit', killAll);
      ending.removeEventListener('abort', killAll);
    },
  };
}
