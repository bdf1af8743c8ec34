import type { Device } from './device.ts';

/** The jobs of one training run: they start in the order of their sequence ids, whatever order they arrive in. */
export interface OrderedJobs {
  /** Queue a job. One that comes early waits for those before it. Without an id it is the next in line. */
  run<T>(sequenceId: number | undefined, job: () => T | Promise<T>): Promise<T>;
}

/** Sequence ids start at 1 (protocol 5.3). */
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
    run: (sequenceId, job) =>
      new Promise((resolve, reject) => {
        const start = (): void => {
          device.run(job).then(resolve, reject);
        };
        early.set(sequenceId ?? next, start);
        startReady();
      }),
  };
}
