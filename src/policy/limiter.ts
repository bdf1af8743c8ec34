import pLimit from 'p-limit';

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
  /** Change the capacity; what is taken stays taken. @param capacity - A positive integer. */
  resize(capacity: number): void;
}

/**
 * A place in the queue, which keeps it until its turn even where the one who waited has gone. So it holds nothing
 * then, and its turn is over within microtasks.
 */
interface Place {
  take: (() => Promise<void>) | undefined;
}

const takeTurn = (place: Place): Promise<void> | undefined => place.take?.();

/** A FIFO {@link Limiter}. @param initial - Its capacity, a positive integer. */
export function createLimiter(initial: number): Limiter {
  const limit = pLimit(initial);
  let capacity = initial;
  /** Those who hold a slot, or will without another's release, and those who wait. */
  let present = 0;
  /** Those of them who hold one. */
  let holding = 0;

  /** After a change of the capacity more may hold one than there are. */
  const active = (): number => Math.max(holding, Math.min(present, capacity));

  /**
   * Queue for a slot, and keep it until `turn` settles, which counts it out itself. One listener stands for the wait,
   * and for as much of the turn as `turn` leaves it: it is given the means to take it off.
   */
  const enqueue = (
    signal: AbortSignal,
    reject: (reason: unknown) => void,
    turn: (stopListening: () => void) => Promise<void>,
  ): void => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      reject(signal.reason);
      if (place.take === undefined) return;
      place.take = undefined;
      present -= 1;
    };
    const place: Place = {
      take: () => {
        place.take = undefined;
        holding += 1;
        return turn(() => signal.removeEventListener('abort', onAbort));
      },
    };
    signal.addEventListener('abort', onAbort, { once: true });
    present += 1;
    // Handed over as an argument: a closure would keep all that this call knows for as long as the queue keeps it.
    void limit(takeTurn, place);
  };

  const releaseOf = (free: () => void): (() => void) => {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      present -= 1;
      holding -= 1;
      free();
    };
  };

  return {
    acquire: (signal) =>
      new Promise((resolve, reject) => {
        enqueue(signal, reject, (stopListening) => {
          stopListening();
          return new Promise((free) => resolve(releaseOf(free)));
        });
      }),
    run: (signal, work) =>
      new Promise((resolve, reject) => {
        enqueue(signal, reject, async (stopListening) => {
          try {
            resolve(await work());
          } catch (error) {
            reject(error);
          }
          present -= 1;
          holding -= 1;
          stopListening();
        });
      }),
    get active() {
      return active();
    },
    get waiting() {
      return present - active();
    },
    get isFull() {
      return present >= capacity;
    },
    get capacity() {
      return capacity;
    },
    resize(next) {
      capacity = next;
      limit.concurrency = next;
    },
  };
}
