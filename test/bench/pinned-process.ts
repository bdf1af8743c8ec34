import { spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { withTemporaryFolder } from '../runtimes/temporary-folder.ts';
import { bundled } from './runtime-programs.ts';

/** Clients have one core for themselves, and the server another, where that can be had. */
const CORES = { client: 0, server: 1 } as const;

/** A server, and clients of it, in processes of their own. */
export interface BenchProcesses {
  /** Run a client to its end. @returns what it prints, as JSON. */
  runClient<T>(args: readonly string[]): Promise<T>;
  readonly baseUrl: string;
}

/**
 * Run `work` with a server that ends with it.
 *
 * @param client - The program of the clients, in this folder. Bundled, as users run it: what runs TypeScript directly
 *   gives each function its name as it is made, which costs more than many of them do.
 */
export async function withBenchProcesses<T>(
  client: string,
  work: (processes: BenchProcesses) => Promise<T>,
): Promise<T> {
  return withTemporaryFolder('bench', async (folder) => {
    const program = await bundled(client, folder, 'node');
    const server = launch('server', await bundled('sampling-server.ts', folder, 'node'), []);
    try {
      const port = await new Promise<string>((resolve, reject) => {
        server.stdout.once('data', (text: string) => resolve(text.trim()));
        server.once('exit', (code) => reject(new Error(`The server ended with ${code}`)));
      });
      return await work({
        baseUrl: `http://127.0.0.1:${port}`,
        runClient: async <R>(args: readonly string[]) => JSON.parse(await output(program, args)) as R,
      });
    } finally {
      server.stdin.end();
    }
  });
}

const canPin = (): boolean =>
  availableParallelism() > 1 && spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status === 0;

function launch(core: keyof typeof CORES, program: string, args: readonly string[]) {
  const command = [process.execPath, '--expose-gc', program, ...args];
  const [name = '', ...rest] = canPin() ? ['taskset', '-c', String(CORES[core]), ...command] : command;
  const child = spawn(name, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdout.setEncoding('utf8');
  return child;
}

function output(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = launch('client', program, args);
    let stdout = '';
    child.stdout.on('data', (text: string) => {
      stdout += text;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code}`));
    });
  });
}
