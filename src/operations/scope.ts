import type { AbortFanout } from '../kernel/abort.ts';
import { checkFinite, checkRecord, show } from '../kernel/checks.ts';
import type { Clock } from '../kernel/clock.ts';
import { type TimeoutDetails, TinkerInputError, TinkerTimeoutError } from '../kernel/errors.ts';
import { createInnerAbort, type InnerAbort } from '../kernel/inner-abort.ts';

/** What a call does where a limit would make it wait. */
export type OnLimit = 'wait' | 'throw';

/** The last parameter of every method. */
export interface CallOptions {
  /** Aborts the call: it rejects with `signal.reason`, the same object, and sends nothing more. @default none */
  readonly signal?: AbortSignal | undefined;
  /** Limit of the whole call in milliseconds: queueing, retries, polling. @default none */
  readonly timeoutMs?: number | undefined;
  /**
   * `throw`: where a limit of this client (requests, bytes) or a pause that the server asked for (429, 402) would make
   * the call wait before it is accepted, it rejects with a `limit_reached` error instead. @default the service's
   */
  readonly onLimit?: OnLimit | undefined;
}

/** The life of one operation. Everything it waits for hears its signal. */
export interface Scope {
  readonly signal: AbortSignal;
  /** When `timeoutMs` is over, on the monotonic clock; `Infinity` without one. Waits are clipped to it. */
  readonly deadlineAt: number;
  /** As the call has it; `undefined` for the service's. */
  readonly onLimit: OnLimit | undefined;
  /** End it: whatever waits inside rejects with `reason`. */
  abort(reason: unknown): void;
}

/** What an operation that runs out of time last heard, in words and in fields. */
export interface LastHeard {
  readonly words: string;
  readonly details?: TimeoutDetails | undefined;
}

/** Owner of all that runs on behalf of one client: nothing floats. */
export interface Scopes {
  /** Operations running now. */
  readonly size: number;
  /**
   * Run `work` as one owned operation. It ends with `work`; on abort, time-out or close its signal aborts.
   *
   * @param last - For the time-out error: what the operation last heard.
   * @throws TinkerInputError - at once, for a `timeoutMs` that is not a positive number, or an unknown `onLimit`.
   */
  run<T>(options: CallOptions, work: (scope: Scope) => Promise<T>, last?: () => LastHeard): Promise<T>;
  /** As {@link Scopes.run}, for work that hands its signal to neither the platform nor the user: it takes less memory. */
  runInner: Scopes['run'];
  /** Refuse new operations, abort the running ones with `reason`, and wait until the last has let go. */
  close(reason: unknown): Promise<void>;
}

/** One owner per client. */
export function createScopes(clock: Clock, fanout: AbortFanout): Scopes {
  const running = new Map<InnerAbort, Promise<unknown>>();
  let closedWith: { readonly reason: unknown } | undefined;

  async function live<T>(
    controller: InnerAbort,
    { signal, timeoutMs, onLimit }: CallOptions,
    work: (scope: Scope) => Promise<T>,
    last: () => LastHeard,
  ): Promise<T> {
    const abort = (reason: unknown): void => controller.abort(reason);
    const unsubscribe = signal === undefined ? undefined : fanout.subscribe(signal, abort);
    const deadlineAt = timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.monotonic() + timeoutMs;
    const expire = (limitMs: number): void => {
      const { words, details } = last();
      abort(new TinkerTimeoutError('operation', limitMs, words, details));
    };
    const cancel = timeoutMs === undefined ? undefined : clock.schedule(() => expire(timeoutMs), timeoutMs);
    try {
      controller.signal.throwIfAborted();
      return await work({ signal: controller.signal, abort, deadlineAt, onLimit });
    } finally {
      cancel?.();
      unsubscribe?.();
    }
  }

  const runWith =
    (makeController: () => InnerAbort): Scopes['run'] =>
    (options, work, last = () => ({ words: '' })) => {
      if (closedWith !== undefined) return Promise.reject(closedWith.reason);
      checkRecord('options', options, 'an object like { timeoutMs: 60_000 }');
      if (options.signal !== undefined) checkSignal(options.signal);
      if (options.timeoutMs !== undefined)
        checkFinite('timeoutMs', options.timeoutMs, { min: 0, aboveMin: true });
      if (options.onLimit !== undefined) checkOnLimit(options.onLimit);
      const controller = makeController();
      const promise = live(controller, options, work, last).finally(() => running.delete(controller));
      running.set(controller, promise);
      return promise;
    };

  return {
    get size() {
      return running.size;
    },
    run: runWith(() => new AbortController()),
    runInner: runWith(createInnerAbort),
    async close(reason) {
      closedWith ??= { reason };
      const left = [...running.values()];
      for (const controller of running.keys()) controller.abort(reason);
      await Promise.allSettled(left);
    },
  };
}

/** Known by its members: there are other classes of signals than the platform's. @throws TinkerInputError */
export function checkSignal(value: unknown): void {
  const { aborted, addEventListener } = (value ?? {}) as Partial<Record<string, unknown>>;
  if (typeof aborted === 'boolean' && typeof addEventListener === 'function') return;
  throw new TinkerInputError('signal', `must be an AbortSignal, got ${show(value)}`, {
    hint: value instanceof AbortController ? 'Give controller.signal, not the controller' : undefined,
  });
}

/** Check what a call does at a limit. @throws TinkerInputError */
export function checkOnLimit(value: unknown): OnLimit {
  if (value === 'wait' || value === 'throw') return value;
  throw new TinkerInputError('onLimit', `must be "wait" or "throw", got ${show(value)}`);
}
