import { checkInteger } from '../kernel/checks.ts';
import { createWaitingLine } from '../kernel/waiting-line.ts';

/** So many bytes under way at a time, in the order asked for, with no timer. */
export interface ByteBudget {
  /**
   * Take `bytes`, at once or after all those who asked before. An abort while waiting leaves the queue at once, with
   * the signal's reason.
   *
   * @returns Gives the bytes back. Call it on every path; calling it again is harmless.
   * @throws TinkerInputError - unless `bytes` is an integer >= 0.
   */
  acquire(signal: AbortSignal, bytes: number): Promise<() => void>;
  /** Bytes taken; more than `capacity` while it is overdrawn. */
  readonly used: number;
  /** Those who wait; one that aborted does not. */
  readonly waiting: number;
  /** Whether acquiring now would have to wait, even for a single byte. */
  readonly isFull: boolean;
  readonly capacity: number;
  /**
   * Change the capacity; what is taken stays taken.
   *
   * @throws TinkerInputError - unless it is an integer >= 1.
   */
  resize(capacity: number): void;
}

/**
 * A FIFO {@link ByteBudget} that may be overdrawn (protocol 3.4): whoever is next gets all it asks for as soon as the
 * balance is not negative. So what is larger than the whole budget does not wait for ever, and nobody overtakes it.
 *
 * @param initial - Its capacity in bytes.
 * @throws TinkerInputError - unless it is an integer >= 1.
 */
export function createByteBudget(initial: number): ByteBudget {
  let capacity = checkInteger('capacity', initial, { min: 1 });
  const line = createWaitingLine<number>();
  let used = 0;

  /** As long as one waits it is overdrawn, so nobody finds room before those who wait. */
  const isFull = (): boolean => used > capacity;
  const releaseOf = (bytes: number): (() => void) => {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      used -= bytes;
      admit();
    };
  };
  const admit = (): void => {
    for (let bytes = line.first; bytes !== undefined && !isFull(); bytes = line.first) {
      used += bytes;
      line.callFirst();
    }
  };
  /** Settles one microtask after the bytes are theirs, waited for or not: so nobody goes on before its turn. */
  const enter = (signal: AbortSignal, bytes: number): Promise<void> => {
    if (isFull()) return line.wait(signal, bytes);
    used += bytes;
    return Promise.resolve();
  };

  return {
    async acquire(signal, bytes) {
      signal.throwIfAborted();
      checkInteger('bytes', bytes, { min: 0 });
      await enter(signal, bytes);
      return releaseOf(bytes);
    },
    get used() {
      return used;
    },
    get waiting() {
      return line.size;
    },
    get isFull() {
      return isFull();
    },
    get capacity() {
      return capacity;
    },
    resize(next) {
      capacity = checkInteger('capacity', next, { min: 1 });
      admit();
    },
  };
}
