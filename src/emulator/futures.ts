import type { Clock } from '../kernel/clock.ts';
import { json, problem } from './http.ts';
import { failureOf, type OperationFailure } from './operation-failure.ts';

/** Settled results kept after they were delivered, so that a repeated poll finds them. */
const KEPT_RESULTS = 256;
/** Futures kept at all: beyond it the oldest settled one was abandoned by whoever asked for it. */
const KEPT_FUTURES = 65_536;

interface Entry {
  settled: { readonly result: object } | { readonly failure: OperationFailure } | undefined;
  readonly waiters: Set<() => void>;
}

/** The operations under way and their results, for `retrieve_future`. */
export interface Futures {
  /** Open a future for `result`; returns its request id. */
  open(result: Promise<object>): string;
  /** Answer a poll: the result, or after the hold time that there is none yet. */
  retrieve(requestId: string, signal: AbortSignal): Promise<Response>;
}

/** @param holdMs - How long a poll is held before it is told to try again. */
export function createFutures(clock: Clock, holdMs: number): Futures {
  const entries = new Map<string, Entry>();
  const delivered: string[] = [];
  let opened = 0;

  function settle(entry: Entry, settled: Entry['settled']): void {
    entry.settled = settled;
    for (const wake of [...entry.waiters]) wake();
  }

  /** Resolves when the entry settles, the hold time is over or the poll is abandoned; leaves nothing behind. */
  function hold(entry: Entry, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        entry.waiters.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const cancel = clock.schedule(wake, holdMs);
      entry.waiters.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
    });
  }

  function dropOldestSettled(): void {
    for (const [requestId, { settled }] of entries) {
      if (settled === undefined) continue;
      entries.delete(requestId);
      return;
    }
  }

  function deliver(requestId: string, settled: NonNullable<Entry['settled']>): Response {
    if (!delivered.includes(requestId)) delivered.push(requestId);
    if (delivered.length > KEPT_RESULTS) entries.delete(delivered.shift() ?? '');
    return json('result' in settled ? settled.result : settled.failure);
  }

  return {
    open(result) {
      const requestId = `request-${++opened}`;
      const entry: Entry = { settled: undefined, waiters: new Set() };
      entries.set(requestId, entry);
      if (entries.size > KEPT_FUTURES) dropOldestSettled();
      result.then(
        (value) => settle(entry, { result: value }),
        (thrown: unknown) => settle(entry, { failure: failureOf(thrown) }),
      );
      return requestId;
    },
    async retrieve(requestId, signal) {
      const entry = entries.get(requestId);
      if (entry === undefined) {
        const number = Number(/^request-(\d+)$/.exec(requestId)?.[1]);
        throw number >= 1 && number <= opened
          ? problem(410, 'The result has expired')
          : problem(404, 'Future not found');
      }
      if (entry.settled === undefined) await hold(entry, signal);
      if (entry.settled !== undefined) return deliver(requestId, entry.settled);
      return json({ type: 'try_again', request_id: requestId, queue_state: 'active' }, 408);
    },
  };
}
