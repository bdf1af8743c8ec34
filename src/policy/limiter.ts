import pLimit from 'p-limit';
import { raceAbort } from '../kernel/abort.ts';

/** At most so many slots taken at a time, in the order asked for, with no timer. */
export interface Limiter {
  /**
   * Take a slot when its turn comes. An abort while waiting leaves the queue at once, with the signal's reason.
   *
   * @returns The release of the slot. Call it on every path; calling it again is harmless. Whoever asks for a second
   *   slot while it holds one may wait for itself.
   */
  acquire(signal: AbortSignal): Promise<() => void>;
  /**
   * Run `work` when its turn comes. An abort while waiting leaves the queue at once and `work` never starts; once
   * it runs, the slot is held until it settles, whatever the signal says.
   */
  run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>;
  /** Slots taken. */
  readonly active: number;
  /** Those who wait; one that aborted does not. */
  readonly waiting: number;
  /** Whether acquiring now would have to wait. */
  readonly isFull: boolean;
  readonly capacity: number;
}

/**
 * A place in the queue, which keeps it until its turn even where the one who waited has gone. So it holds nothing
 * then, and its turn is over within microtasks.
 */
interface Place {
  take: (() => Promise<void>) | undefined;
}

const takeTurn = (place: Place): Promise<void> | undefined => place.take?.();

/** A FIFO {@link Limiter}. @param capacity - A positive integer. */
export function createLimiter(capacity: number): Limiter {
  const limit = pLimit(capacity);
  /** Those who hold a slot, or will without another's release, and those who wait. */
  let present = 0;

  const releaseOf = (free: () => void): (() => void) => {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      present -= 1;
      free();
    };
  };
  const acquire = (signal: AbortSignal): Promise<() => void> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = (): void => {
        place.take = undefined;
        present -= 1;
        reject(signal.reason);
      };
      const place: Place = {
        take: () => {
          signal.removeEventListener('abort', onAbort);
          return new Promise((free) => resolve(releaseOf(free)));
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      present += 1;
      // Handed over as an argument: a closure would keep all that this call knows for as long as the queue keeps it.
      void limit(takeTurn, place);
    });

  return {
    acquire,
    async run(signal, work) {
      const release = await acquire(signal);
      const running = async () => {
        try {
          signal.throwIfAborted();
          return await work();
        } finally {
          release();
        }
      };
      return raceAbort(signal, running());
    },
    get active() {
      return Math.min(present, capacity);
    },
    get waiting() {
      return Math.max(0, present - capacity);
    },
    get isFull() {
      return present >= capacity;
    },
    capacity,
  };
}
