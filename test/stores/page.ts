import { answerCalls } from '../runtimes/answer-calls.ts';
import { callWorker, readyServiceWorker } from '../runtimes/worker-calls.ts';
import { createContextFunctions } from './page-functions.ts';

// The script of every page: answers calls itself, or has its workers answer them.

/** A call that a worker is to answer. */
interface WorkerCall {
  readonly name: string;
  readonly argument: unknown;
}

function createPageFunctions() {
  let worker: Worker | undefined;

  function startWorker(): Worker {
    const started = new Worker('/worker.js');
    // One that failed to begin answers nobody.
    started.addEventListener('error', () => {
      worker = undefined;
    });
    return started;
  }

  return {
    ...createContextFunctions(),
    inDedicatedWorker({ name, argument }: WorkerCall): Promise<unknown> {
      worker ??= startWorker();
      return callWorker(worker, name, argument);
    },
    inServiceWorker: async ({ name, argument }: WorkerCall): Promise<unknown> =>
      callWorker(await readyServiceWorker('/worker.js'), name, argument),
  };
}

/** What can be called in a page. */
export type PageFunctions = ReturnType<typeof createPageFunctions>;

void answerCalls(createPageFunctions());
