import type { AbortFanout } from '../kernel/abort.ts';
import { checkFinite } from '../kernel/checks.ts';
import type { Clock } from '../kernel/clock.ts';
import { TinkerTimeoutError } from '../kernel/errors.ts';

/** The last parameter of every method. */
export interface CallOptions {
  /** Aborts the call: it rejects with `signal.reason`, the same object, and sends nothing more. */
  readonly signal?: AbortSignal | undefined;
  /** Limit of the whole call in milliseconds: queueing, retries, polling. @default none */
  readonly timeoutMs?: number | undefined;
}

/** The life of one operation. Everything it waits for hears its signal. */
export interface Scope {
  readonly signal: AbortSignal;
  /** End it: whatever waits inside rejects with `reason`. */
  abort(reason: unknown): void;
}

/** Owner of all that runs on behalf of one client: nothing floats. */
export interface Scopes {
  /** Operations running now. */
  readonly size: number;
  /**
   * Run `work` as one owned operation. It ends with `work`; on abort, time-out or close its signal aborts.
   *
   * @param last - Words for the time-out error: what the operation last heard.
   * @throws TinkerInputError - at once, for a `timeoutMs` that is not a positive number.
   */
  run<T>(options: CallOptions, work: (scope: Scope) => Promise<T>, last?: () => string): Promise<T>;
  /** Refuse new operations, abort the running ones with `reason`, and wait until the last has let go. */
  close(reason: unknown): Promise<void>;
}

/** One owner per client. */
export function createScopes(clock: Clock, fanout: AbortFanout): Scopes {
  const running = new Map<AbortController, Promise<unknown>>();
  let closedWith: { readonly reason: unknown } | undefined;

  async function live<T>(
    controller: AbortController,
    { signal, timeoutMs }: CallOptions,
    work: (scope: Scope) => Promise<T>,
    last: () => string,
  ): Promise<T> {
    const abort = (reason: unknown): void => controller.abort(reason);
    const unsubscribe = signal === undefined ? undefined : fanout.subscribe(signal, abort);
    const cancel =
      timeoutMs === undefined
        ? undefined
        : clock.schedule(() => abort(new TinkerTimeoutError('operation', timeoutMs, last())), timeoutMs);
    try {
      controller.signal.throwIfAborted();
      return await work({ signal: controller.signal, abort });
    } finally {
      cancel?.();
      unsubscribe?.();
    }
  }

  return {
    get size() {
      return running.size;
    },
    run(options, work, last = () => '') {
      if (closedWith !== undefined) return Promise.reject(closedWith.reason);
      if (options.timeoutMs !== undefined)
        checkFinite('timeoutMs', options.timeoutMs, { min: 0, aboveMin: true });
      const controller = new AbortController();
      const promise = live(controller, options, work, last).finally(() => running.delete(controller));
      running.set(controller, promise);
      return promise;
    },
    async close(reason) {
      closedWith ??= { reason };
      const left = [...running.values()];
      for (const controller of running.keys()) controller.abort(reason);
      await Promise.allSettled(left);
    },
  };
}
