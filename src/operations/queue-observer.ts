import type { Clock } from '../kernel/clock.ts';
import type { EventSink } from '../kernel/diagnostics.ts';

/** Least time between two reports of one observer (protocol 5.9). */
const REPORT_INTERVAL_MS = 60_000;

/** Who waits, and in which words the protocol explains it where the server gives no reason. */
export interface QueueSubject {
  /** E.g. `Training session-1:train:0`. */
  readonly name: string;
  readonly kind: 'training' | 'sampling';
}

/** Hears the queue states of all operations of one client, and reports few of them. */
export interface QueueObserver {
  heard(requestId: string, queueState: string, reason: string | undefined): void;
}

/** An observer that reports at most one pause a minute, whatever waits: a thousand waiting samples are one event. */
export function createQueueObserver(clock: Clock, emit: EventSink, subject: QueueSubject): QueueObserver {
  let reportedAt = Number.NEGATIVE_INFINITY;
  return {
    heard(requestId, queueState, reason) {
      const now = clock.monotonic();
      if (queueState === 'active' || now - reportedAt < REPORT_INTERVAL_MS) return;
      reportedAt = now;
      const words = reason ?? defaultReason(queueState, subject.kind);
      emit({ type: 'queue_state', subject: subject.name, requestId, queueState, reason: words });
    },
  };
}

function defaultReason(queueState: string, kind: QueueSubject['kind']): string {
  if (queueState === 'paused_capacity') return 'the server is short of capacity';
  if (queueState !== 'paused_rate_limit') return 'unknown';
  return kind === 'training'
    ? 'the limit of concurrent training clients is reached'
    : 'the limit of concurrently used sampler weights is reached';
}
