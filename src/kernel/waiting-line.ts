/** Those who wait, in the order they came. It makes no timer. */
export interface WaitingLine<T> {
  /**
   * Join the end, at once. Resolves when called. Rejects with the signal's reason when it aborts first, and has left
   * the line by then, wherever it stood.
   *
   * @param ticket - What the one who calls should know of this waiter.
   */
  wait(signal: AbortSignal, ticket: T): Promise<void>;
  /** The ticket of the one who is next; `undefined` where nobody waits. */
  readonly first: T | undefined;
  /** Let the one who is next go, if there is one. It goes on one microtask later. */
  callFirst(): void;
  readonly size: number;
}

interface Place<T> {
  readonly ticket: T;
  readonly call: () => void;
  before: Place<T> | undefined;
  after: Place<T> | undefined;
}

/**
 * An empty {@link WaitingLine}. Every step takes the same time however many wait. Linked places, because a `Set` that
 * loses its first entry again and again steps over all those it has lost.
 */
export function createWaitingLine<T>(): WaitingLine<T> {
  let first: Place<T> | undefined;
  let last: Place<T> | undefined;
  let size = 0;

  const join = (ticket: T, call: () => void): Place<T> => {
    const place: Place<T> = { ticket, call, before: last, after: undefined };
    if (last === undefined) first = place;
    else last.after = place;
    last = place;
    size += 1;
    return place;
  };
  const leave = ({ before, after }: Place<T>): void => {
    if (before === undefined) first = after;
    else before.after = after;
    if (after === undefined) last = before;
    else after.before = before;
    size -= 1;
  };

  return {
    wait(signal, ticket) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const onAbort = (): void => {
          leave(place);
          reject(signal.reason);
        };
        const place = join(ticket, () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        });
        signal.addEventListener('abort', onAbort, { once: true });
      });
    },
    get first() {
      return first?.ticket;
    },
    callFirst() {
      if (first === undefined) return;
      const { call } = first;
      leave(first);
      call();
    },
    get size() {
      return size;
    },
  };
}
