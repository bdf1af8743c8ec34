import { type LimitScope, TinkerLimitError } from '../kernel/limit-errors.ts';
import type { Runtime } from './runtime.ts';
import type { Scope } from './scope.ts';

/** A limit as it is asked: would it make us wait, and if not, let us in. */
export interface Permits {
  readonly isFull: boolean;
  readonly waiting: number;
  readonly capacity: number;
}

/** Which limit it is. */
export interface LimitName {
  readonly scope: LimitScope;
  /** E.g. `sampling requests`. */
  readonly name: string;
}

/**
 * Get a permit, or wait for it; with `onLimit: 'throw'`, get it or fail. The first of those who have to wait is an
 * event.
 *
 * @throws TinkerLimitError - only with `onLimit: 'throw'`.
 */
export function takePermit(
  { emit, onLimit: byDefault }: Runtime,
  { signal, onLimit = byDefault }: Pick<Scope, 'signal' | 'onLimit'>,
  limit: Permits,
  { scope, name }: LimitName,
  acquire: (signal: AbortSignal) => Promise<() => void>,
): Promise<() => void> {
  if (limit.isFull) {
    if (onLimit === 'throw') {
      return Promise.reject(
        new TinkerLimitError(scope, `The limit of ${limit.capacity} ${name} at once is reached`),
      );
    }
    if (limit.waiting === 0) emit({ type: 'limit_reached', scope, limit: name, waiting: 1 });
  }
  return acquire(signal);
}
