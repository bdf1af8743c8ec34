/** Reusable objects, lent one borrower at a time. */
export interface Pool<T> {
  /** Lend an idle object, or a new one if all are lent (a callback may start another pass), while `work` runs. */
  use<R>(work: (item: T) => R): R;
}

/** A pool that calls `make` when nothing is idle. */
export function createPool<T>(make: () => T): Pool<T> {
  const idle: T[] = [];
  return {
    use(work) {
      const item = idle.pop() ?? make();
      try {
        return work(item);
      } finally {
        idle.push(item);
      }
    },
  };
}
