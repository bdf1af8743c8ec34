import type { Clock } from '../kernel/clock.ts';
import type { EventSink } from '../kernel/diagnostics.ts';

/** How long a request waits for its bill to be paid before it is sent again, in milliseconds (protocol 5.10). */
export const BILLING_RETRY_MS = 5_000;

/** An incident of which nothing was said for longer than this is over, in milliseconds. */
const FORGOTTEN_MS = 300_000;
/** Least time between two events of one incident, in milliseconds. */
const EVENT_EVERY_MS = 60_000;

/** What {@link createBillingPause} needs. */
export interface BillingPauseOptions {
  readonly clock: Clock;
  readonly emit: EventSink;
  /** How old an incident may get before requests fail, in milliseconds; 0: they never wait. @default 3_600_000 */
  readonly maxPauseMs?: number | undefined;
}

/** Whether the requests of an account wait for its bill to be paid. */
export interface BillingPause {
  /**
   * Hear of a 402, with the server's words for it.
   *
   * @returns whether to send the request again after {@link BILLING_RETRY_MS}; otherwise it has failed.
   */
  heard(message: string): boolean;
  /** Change how old an incident may get, in milliseconds. */
  limitTo(maxPauseMs: number): void;
  /** Age of the incident in milliseconds; 0 where no 402 came within five minutes. */
  readonly pausedMs: number;
}

/**
 * The pause after a 402 (protocol 5.10), one for all clients of an account. It makes no timer. The first 402 begins an
 * incident, and so does one that comes over five minutes after the last event; there is at most one a minute.
 */
export function createBillingPause({
  clock,
  emit,
  maxPauseMs: initial = 3_600_000,
}: BillingPauseOptions): BillingPause {
  let maxPauseMs = initial;
  let incident: { readonly since: number; readonly toldAt: number } | undefined;
  let heardAt = Number.NEGATIVE_INFINITY;

  return {
    heard(message) {
      if (maxPauseMs <= 0) return false;
      const now = clock.monotonic();
      heardAt = now;
      if (incident !== undefined && now - incident.toldAt > FORGOTTEN_MS) incident = undefined;
      const pausedMs = incident === undefined ? 0 : now - incident.since;
      if (pausedMs > maxPauseMs) return false;
      if (incident === undefined || now - incident.toldAt >= EVENT_EVERY_MS) {
        incident = { since: now - pausedMs, toldAt: now };
        emit({ type: 'billing_paused', message, pausedMs });
      }
      return true;
    },
    limitTo(next) {
      maxPauseMs = next;
    },
    get pausedMs() {
      const now = clock.monotonic();
      return incident === undefined || now - heardAt > FORGOTTEN_MS ? 0 : now - incident.since;
    },
  };
}
