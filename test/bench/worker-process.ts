import { writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { startProcess } from '../runtimes/own-process.ts';
import { workerd } from '../runtimes/tools.ts';
import { portOfWorkerd } from '../runtimes/workerd-port.ts';

/** How long a workerd may run, in milliseconds. */
const LIFETIME_MS = 120_000;

const configOf = (module: string): string => `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [
      (name = "main", esModule = "import { answer } from 'worker'; export default { fetch: answer };"),
      (name = "worker", esModule = embed "${module}"),
    ],
    compatibilityDate = "2026-08-01",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`;

/** Asks a Worker for a path. @returns the text of its answer. */
export type AskWorker = (path: string) => Promise<string>;

/** Start workerd with a Worker, the script at `worker` that exports `answer`, for as long as `work` takes. */
export async function withWorker<T>(worker: string, work: (ask: AskWorker) => Promise<T>): Promise<T> {
  const config = join(dirname(worker), `${basename(worker, '.mjs')}.capnp`);
  writeFileSync(config, configOf(basename(worker)));
  const signal = AbortSignal.timeout(LIFETIME_MS);
  const own = startProcess(workerd(), ['serve', config, '--control-fd=3'], { hasPipe: true, signal });
  try {
    const failed = own.ended.then((how) => Promise.reject(new Error(`workerd ${how}`)));
    const port = await Promise.race([portOfWorkerd(own), failed]);
    return await work(async (path) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal });
      const text = await response.text();
      if (!response.ok) throw new Error(`The Worker answered ${response.status}: ${text}`);
      return text;
    });
  } finally {
    await own.end();
  }
}
