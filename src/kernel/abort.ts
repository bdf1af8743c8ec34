import type { Clock, ScheduleOptions } from './clock.ts';
import { createInnerAbort, type InnerAbort } from './inner-abort.ts';

/** Resolve after `ms`; reject with `signal.reason` if it aborts first. A zero wait still yields a macrotask. */
export function sleep(
  clock: Clock,
  ms: number,
  signal?: AbortSignal,
  options?: ScheduleOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.schedule(
      () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      },
      ms,
      options,
    );
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * Settle like `work`, or reject with `signal.reason` as soon as it aborts. `work` goes on by itself then;
 * its later rejection is swallowed, because nobody is left to hear it.
 */
export function raceAbort<T>(signal: AbortSignal, work: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    const done = (): void => signal.removeEventListener('abort', onAbort);
    work.then(
      (value) => {
        done();
        resolve(value);
      },
      (error: unknown) => {
        done();
        reject(error);
      },
    );
  });
}

/** A short-lived controller that follows a longer-lived signal until it is disposed. */
export interface LinkedAbort {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  /** Stop following. Call it on every path: a listener left behind is what leaks. */
  dispose(): void;
}

/** Follow `parent` by hand: `AbortSignal.any` leaks on a long-lived signal in Node, Bun and Deno. */
export function linkAbort(parent: AbortSignal): LinkedAbort {
  return linked(parent, new AbortController());
}

/** As {@link linkAbort}, for a signal that never leaves the library. */
export function linkInner(parent: AbortSignal): LinkedAbort {
  return linked(parent, createInnerAbort());
}

function linked(parent: AbortSignal, controller: InnerAbort): LinkedAbort {
  const onAbort = (): void => controller.abort(parent.reason);
  if (parent.aborted) onAbort();
  else parent.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    dispose: () => parent.removeEventListener('abort', onAbort),
  };
}

/** Many followers of one signal behind a single listener on it. */
export interface AbortFanout {
  /** Call `callback` with the reason when `signal` aborts (at once if it already has). Returns the unsubscribe. */
  subscribe(signal: AbortSignal, callback: (reason: unknown) => void): () => void;
}

/**
 * A caller may hand one signal to thousands of calls; runtimes warn of a leak beyond ten listeners, and each
 * listener costs memory. One fan-out per client keeps it to one listener a signal, removed with the last follower.
 */
export function createAbortFanout(): AbortFanout {
  const followers = new Map<
    AbortSignal,
    { readonly callbacks: Set<(reason: unknown) => void>; stop(): void }
  >();

  const follow = (signal: AbortSignal) => {
    const callbacks = new Set<(reason: unknown) => void>();
    const onAbort = (): void => {
      followers.delete(signal);
      for (const callback of callbacks) callback(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const entry = { callbacks, stop: () => signal.removeEventListener('abort', onAbort) };
    followers.set(signal, entry);
    return entry;
  };

  return {
    subscribe(signal, callback) {
      if (signal.aborted) {
        callback(signal.reason);
        return () => {};
      }
      const entry = followers.get(signal) ?? follow(signal);
      // Wrapped, so that the same function given twice counts twice.
      const own = (reason: unknown): void => callback(reason);
      entry.callbacks.add(own);
      return () => {
        if (!entry.callbacks.delete(own) || entry.callbacks.size > 0) return;
        entry.stop();
        if (followers.get(signal) === entry) followers.delete(signal);
      };
    },
  };
}
