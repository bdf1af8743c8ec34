/** Events on their way to one reader. */
export interface EventQueue<T> extends AsyncIterableIterator<T> {
  /** Add an event. Where the queue is full the oldest one makes room, and is counted. */
  push(event: T): void;
  /** No event will follow: the reader's loop ends after those that wait. */
  end(): void;
  /** Stop reading: what waits is forgotten, and later events too. A `break` of the loop does it. */
  return(): Promise<IteratorResult<T>>;
}

/**
 * A bounded queue with a pull-based reader. It has no timer and holds no more than `capacity` events however slow the
 * reader is; what it had to drop is told, with the exact number, in the place of what is missing.
 *
 * @param dropped - The event that stands for a number of dropped ones.
 * @param onReturn - Told once when the reader stops before the end.
 */
export function createEventQueue<T>(
  capacity: number,
  dropped: (count: number) => T,
  onReturn: () => void = () => {},
): EventQueue<T> {
  let waiting: T[] = [];
  let droppedCount = 0;
  let isEnded = false;
  let readers: ((result: IteratorResult<T>) => void)[] = [];

  const take = (): IteratorResult<T> | undefined => {
    if (droppedCount > 0) {
      const count = droppedCount;
      droppedCount = 0;
      return { done: false, value: dropped(count) };
    }
    const [first] = waiting;
    if (waiting.length > 0) {
      waiting.shift();
      return { done: false, value: first as T };
    }
    return isEnded ? { done: true, value: undefined } : undefined;
  };
  const end = (): void => {
    isEnded = true;
    for (const reader of readers) reader({ done: true, value: undefined });
    readers = [];
  };

  return {
    push(event) {
      if (isEnded) return;
      const reader = readers.shift();
      if (reader !== undefined) return reader({ done: false, value: event });
      waiting.push(event);
      if (waiting.length <= capacity) return;
      waiting.shift();
      droppedCount += 1;
    },
    end,
    next() {
      const result = take();
      if (result !== undefined) return Promise.resolve(result);
      return new Promise((resolve) => {
        readers.push(resolve);
      });
    },
    async return() {
      if (!isEnded) {
        end();
        onReturn();
      }
      waiting = [];
      droppedCount = 0;
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
