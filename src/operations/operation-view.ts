import { bareMessage } from '../kernel/bare-message.ts';
import { isTinkerError, type TinkerError } from '../kernel/errors.ts';
import { createEventQueue, type EventQueue } from '../kernel/event-queue.ts';
import type { PolledFuture } from '../wire/json/futures.ts';
import type { QueueState } from '../wire/types/server.ts';
import type { QueueObserver } from './queue-observer.ts';
import type { LastHeard } from './scope.ts';
import { createSubmissionFate } from './submission-fate.ts';

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

/** Hears how a submission fares. Has the shape of the listeners of a request. */
export interface SubmissionObserver {
  /** An attempt may reach the server from here on. */
  readonly onSend: () => void;
  readonly onFailure: (error: unknown) => void;
  /** What it waits for, other than the server. */
  readonly onWait: (reason: string) => void;
}

/** The states that the protocol names (5.9); others are told only with a reason. */
const QUEUE_STATES = ['active', 'paused_capacity', 'paused_rate_limit'];

/** What is known of an operation, kept up to date by its submission and its polls. */
export interface OperationView extends SubmissionObserver {
  readonly status: FutureStatus;
  readonly requestId: string | undefined;
  readonly queueState: QueueState | undefined;
  readonly reason: string | undefined;
  accepted(requestId: string): void;
  /** What a poll said, and with which status; how it failed; or that nothing was said at all. */
  heard(heard: PolledFuture | TinkerError | undefined, status?: number): void;
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
  let fate = createSubmissionFate();

  const tell = (event: FutureEvent): void => {
    for (const reader of readers) reader.push(event);
  };
  const become = (next: FutureStatus): void => {
    if (next === status) return;
    status = next;
    tell({ type: 'status', status });
  };
  const trouble = (error: TinkerError): void => {
    reason = bareMessage(error);
    if (isTinkerError(error, 'http_status')) lastStatus = error.status;
    else if (error.code === 'connection_failed') lastStatus = 0;
    tell({ type: 'trouble', message: reason });
  };
  const pending = (heard: PolledFuture & { kind: 'pending' }, answer: number | undefined): void => {
    lastStatus = answer;
    become(heard.queueState?.startsWith('paused') === true ? 'paused' : 'running');
    const said = heard.queueState ?? (heard.reason === undefined ? undefined : 'unknown');
    const isNews = said !== queueState || heard.reason !== reason;
    reason = heard.reason;
    if (said === undefined || (reason === undefined && !QUEUE_STATES.includes(said))) return;
    queueState = said;
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
    onSend() {
      fate.sent();
    },
    onFailure(error) {
      fate.failed(error);
      if (isTinkerError(error)) trouble(error);
    },
    onWait(why) {
      reason = why;
    },
    heard(heard, answer) {
      if (requestId !== undefined) polls += 1;
      if (heard instanceof Error) trouble(heard);
      else if (heard?.kind === 'pending') pending(heard, answer);
    },
    resubmitting(error) {
      trouble(error);
      requestId = undefined;
      fate = createSubmissionFate();
      become('submitting');
    },
    ended(how) {
      become(how);
      for (const reader of readers) reader.end();
      readers.clear();
    },
    lastHeard() {
      const mayContinue = requestId !== undefined || fate.isInFlight || fate.isUnknown;
      const unanswered = mayContinue ? 'sent, but not known to be accepted' : 'not accepted yet';
      const id = requestId === undefined ? unanswered : `request ${requestId}`;
      const words = `${id}, ${status}${reason === undefined ? '' : `: ${reason}`}`;
      return { words, details: { requestId, lastStatus, polls, mayContinue } };
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
