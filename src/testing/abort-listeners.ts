/** Abort listeners on one signal, counted from now on. */
export interface ListenerCount {
  /** Added and not yet removed, not counting those that went with the abort itself. */
  readonly left: number;
  /** Ever added. */
  readonly added: number;
}

/** Count the `abort` listeners that are put on `signal` and taken off it, or that its abort uses up. */
export function countListeners(signal: AbortSignal): ListenerCount {
  const left = new Set<unknown>();
  let added = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  const count = (type: string, listener: unknown, change: () => void): void => {
    if (type === 'abort' && listener !== null) change();
  };
  signal.addEventListener = (type: string, listener: never, options?: never) => {
    count(type, listener, () => {
      added += 1;
      left.add(listener);
    });
    add(type, listener, options);
  };
  signal.removeEventListener = (type: string, listener: never, options?: never) => {
    count(type, listener, () => left.delete(listener));
    remove(type, listener, options);
  };
  add('abort', () => left.clear(), { once: true });
  return {
    get left() {
      return left.size;
    },
    get added() {
      return added;
    },
  };
}
