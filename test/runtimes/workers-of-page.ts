import type { Functions } from './calls.ts';
import { callWorker, readyServiceWorker } from './worker-calls.ts';

// Runs in a page, beside a worker's script that answers calls.

/** A call that a worker is to answer. */
export interface WorkerCall {
  readonly name: string;
  readonly argument: unknown;
}

/** What can be called in a page: its own functions, and those of the workers that it starts when they are called first. */
export function withWorkers<F extends Functions>(functions: F, script: string) {
  let worker: Worker | undefined;

  function startWorker(): Worker {
    const started = new Worker(script);
    // One that failed to begin answers nobody.
    started.addEventListener('error', () => {
      worker = undefined;
    });
    return started;
  }

  return {
    ...functions,
    inDedicatedWorker({ name, argument }: WorkerCall): Promise<unknown> {
      worker ??= startWorker();
      return callWorker(worker, name, argument);
    },
    inServiceWorker: async ({ name, argument }: WorkerCall): Promise<unknown> =>
      callWorker(await readyServiceWorker(script), name, argument),
  };
}
