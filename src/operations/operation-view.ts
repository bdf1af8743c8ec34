import { isTinkerError, type TinkerError } from '../kernel/errors.ts';
import { createEventQueue, type EventQueue } from '../kernel/event-queue.ts';
import type { PolledFuture } from '../wire/json/futures.ts';
import type { QueueState } from '../wire/types/server.ts';
import type { QueueObserver } from './queue-observer.ts';
import type { LastHeard } from './scope.ts';

/** Where an operation stands, as far as the client knows. */
export type FutureStatus = 'submitting' | 'queued' | 'paused' | 'running' | 'done' | 'failed';

/** News of one operation. */
export type FutureEvent =
  | {
      /** Where it stands now; the first event, and one on each change. `done` or `failed` is the last event. */
      readonly type: 'status';
      readonly status: FutureStatus;
    }
  | {
      /** The server said something new about the queue it waits in. */
      readonly type: 'queue_state';
      readonly queueState: QueueState;
      readonly reason: string | undefined;
    }
  | {
      /** An exchange with the server failed; the operation goes on. */
      readonly type: 'trouble';
      readonly message: string;
    }
  | {
      /** You read slower than events come: so many are missing here. */
      readonly type: 'dropped';
      readonly count: number;
    };

/** Events that wait for one reader, at most. */
const KEPT_EVENTS = 256;

/** What is known of an operation, kept up to date by its submission and its polls. */
export interface OperationView {
  readonly status: FutureStatus;
  readonly requestId: string | undefined;
  readonly queueState: QueueState | undefined;
  readonly reason: string | undefined;
  accepted(requestId: string): void;
  /** What a poll said, and with which status; or how an exchange failed. */
  heard(heard: PolledFuture | TinkerError, status?: number): void;
  /** The result is lost, and the work is handed in again. */
  resubmitting(error: TinkerError): void;
  ended(status: 'done' | 'failed'): void;
  /** For a time-out. */
  lastHeard(): LastHeard;
  events(): EventQueue<FutureEvent>;
}

/** A view of an operation that has just begun. */
export function createOperationView(observer: QueueObserver | undefined): OperationView {
  const readers = new Set<EventQueue<FutureEvent>>();
  let status: FutureStatus = 'submitting';
  let requestId: string | undefined;
  let queueState: QueueState | undefined;
  let reason: string | undefined;
  let lastStatus: number | undefined;
  let polls = 0;

  const tell = (event: FutureEvent): void => {
    for (const reader of readers) reader.push(event);
  };
  const become = (next: FutureStatus): void => {
    if (next === status) return;
    status = next;
    tell({ type: 'status', status });
  };
  const trouble = (error: TinkerError): void => {
    reason = error.message;
    if (isTinkerError(error, 'http_status')) lastStatus = error.status;
    else if (error.code === 'connection_failed') lastStatus = 0;
    tell({ type: 'trouble', message: error.message });
  };
  const pending = (heard: PolledFuture & { kind: 'pending' }, answer: number | undefined): void => {
    lastStatus = answer;
    become(heard.queueState?.startsWith('paused') === true ? 'paused' : 'running');
    const isNews =
      heard.queueState !== undefined && (heard.queueState !== queueState || heard.reason !== reason);
    reason = heard.reason;
    if (heard.queueState === undefined) return;
    queueState = heard.queueState;
    observer?.heard(requestId ?? '', queueState, reason);
    if (isNews) tell({ type: 'queue_state', queueState, reason });
  };

  return {
    get status() {
      return status;
    },
    get requestId() {
      return requestId;
    },
    get queueState() {
      return queueState;
    },
    get reason() {
      return reason;
    },
    accepted(id) {
      requestId = id;
      become('queued');
    },
    heard(heard, answer) {
      if (requestId !== undefined) polls += 1;
      if (heard instanceof Error) trouble(heard);
      else if (heard.kind === 'pending') pending(heard, answer);
    },
    resubmitting(error) {
      trouble(error);
      requestId = undefined;
      become('submitting');
    },
    ended(how) {
      become(how);
      for (const reader of readers) reader.end();
      readers.clear();
    },
    lastHeard() {
      const id = requestId === undefined ? 'not accepted yet' : `request ${requestId}`;
      const words = `${id}, ${status}${reason === undefined ? '' : `: ${reason}`}`;
      return { words, details: { requestId, lastStatus, polls, mayContinue: requestId !== undefined } };
    },
    events() {
      const queue = createEventQueue<FutureEvent>(
        KEPT_EVENTS,
        (count) => ({ type: 'dropped', count }),
        () => readers.delete(queue),
      );
      queue.push({ type: 'status', status });
      if (status === 'done' || status === 'failed') queue.end();
      else readers.add(queue);
      return queue;
    },
  };
}
