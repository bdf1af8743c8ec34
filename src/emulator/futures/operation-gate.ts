/** Why operations wait, by its name on the wire (protocol 3.2). */
export type PauseKind = 'paused_capacity' | 'paused_rate_limit';

/** What polls are told of operations that have no result yet. */
export interface QueueState {
  readonly state: 'active' | PauseKind;
  /** In words, for people. */
  readonly reason: string | undefined;
}

/** Lets operations start, or not. */
export interface OperationGate {
  readonly queue: QueueState;
  /** From now on operations do not start; one that runs goes on. A second pause replaces the first. */
  pause(kind: PauseKind, reason?: string): void;
  resume(): void;
  /** Resolves once operations may start. */
  passed(): Promise<void>;
}

const ACTIVE: QueueState = { state: 'active', reason: undefined };

/** An open gate. */
export function createOperationGate(): OperationGate {
  let queue = ACTIVE;
  const waiting = new Set<() => void>();
  return {
    get queue() {
      return queue;
    },
    pause(kind, reason) {
      queue = { state: kind, reason };
    },
    resume() {
      queue = ACTIVE;
      for (const wake of [...waiting]) wake();
      waiting.clear();
    },
    async passed() {
      // Whoever resumes may pause again before this continues.
      while (queue !== ACTIVE) await new Promise<void>((resolve) => waiting.add(resolve));
    },
  };
}
