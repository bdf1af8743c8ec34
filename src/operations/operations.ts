import type { OperationView } from './operation-view.ts';

/** An operation that has not ended. */
export interface RunningOperation {
  readonly path: string;
  readonly view: OperationView;
  elapsedMs(): number;
}

/** The operations of one service that have not ended: what `snapshot()` shows. */
export interface Operations extends Iterable<RunningOperation> {
  /** @returns what takes it out again. */
  add(operation: RunningOperation): () => void;
}

/** None yet. */
export function createOperations(): Operations {
  const running = new Set<RunningOperation>();
  return {
    add(operation) {
      running.add(operation);
      return () => void running.delete(operation);
    },
    [Symbol.iterator]: () => running.values(),
  };
}
