import { linkAbort, raceAbort } from '../../kernel/abort.ts';
import type { Clock } from '../../kernel/clock.ts';

/** The part of the platform's `navigator.locks` that is used: one holder of a name at a time, in all tabs of an origin. */
export interface LockSource {
  /** Run `work` while the lock is held; an abort ends the waiting for it. */
  request<T>(name: string, options: { readonly signal: AbortSignal }, work: () => Promise<T>): Promise<T>;
}

/** How a lock is waited for. */
export interface LockWait {
  readonly locks: LockSource | undefined;
  readonly clock: Clock;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** Longest wait, in milliseconds: its holder may be a tab that hangs. */
  readonly limitMs: number;
}

/** The locks of the platform, where it has any. */
export function platformLocks(): LockSource | undefined {
  const { navigator } = globalThis as { readonly navigator?: { readonly locks?: LockSource } };
  return navigator?.locks;
}

/**
 * Run `work` under a lock; without it where there are no locks, where they give trouble, and where it is not to be had
 * in time.
 *
 * @throws The signal's reason, where it aborts while the lock is waited for; what `work` throws.
 */
export async function withLock<T>(name: string, wait: LockWait, work: () => Promise<T>): Promise<T> {
  const { locks, clock, signal, limitMs } = wait;
  if (locks === undefined) return work();
  const link = linkAbort(signal);
  const cancel = clock.schedule(() => link.abort(new Error('The lock is held for too long')), limitMs);
  let running: Promise<T> | undefined;
  const stopWaiting = (): void => {
    cancel();
    link.dispose();
  };
  const held = (): Promise<unknown> => {
    // Too late: the work is done without it, or is not wanted any more.
    if (link.signal.aborted) return Promise.resolve();
    stopWaiting();
    running = work();
    // The lock is only for as long as it runs; how it ends is told below.
    return running.catch(() => {});
  };
  try {
    await raceAbort(link.signal, requested(locks, name, link.signal, held));
  } catch {
    // No lock. Whether the caller still wants it is seen below.
  } finally {
    stopWaiting();
  }
  if (running !== undefined) return running;
  signal.throwIfAborted();
  return work();
}

/** As a promise, whatever the platform does. */
async function requested(
  locks: LockSource,
  name: string,
  signal: AbortSignal,
  held: () => Promise<unknown>,
): Promise<void> {
  await locks.request(name, { signal }, held);
}
