import type { Device } from '../device.ts';
import { problem } from '../http/http.ts';

/** The jobs of one training run: they start in the order of their sequence ids, whatever order they arrive in. */
export interface OrderedJobs {
  /**
   * Queue a job. One that comes early waits for those before it. Without an id it is the next in line.
   *
   * @throws HttpProblem 409 - for an id whose turn is over, or that another job holds: this job would never run.
   */
  run<T>(sequenceId: number | undefined, job: () => T | Promise<T>): Promise<T>;
}

/** Sequence ids start at 1; 0 is what made the run (protocol 5.3). */
export function createOrderedJobs(device: Device): OrderedJobs {
  const early = new Map<number, () => void>();
  let next = 1;

  const startReady = (): void => {
    for (let start = early.get(next); start !== undefined; start = early.get(next)) {
      early.delete(next);
      next += 1;
      start();
    }
  };

  return {
    run(sequenceId, job) {
      const id = sequenceId ?? next;
      if (id < next || early.has(id)) throw problem(409, `Sequence id ${id} was used for another request`);
      return new Promise((resolve, reject) => {
        early.set(id, () => {
          device.run(job).then(resolve, reject);
        });
        startReady();
      });
    },
  };
}
