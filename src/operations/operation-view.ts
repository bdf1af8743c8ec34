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
      /** Where that is. */
      readonly status: FutureStatus;
    }
  | {
      /** The server said something new about the queue it waits in. */
      readonly type: 'queue_state';
      /** The server's word, e.g. `paused_capacity`. */
      readonly queueState: QueueState;
      /** The server's reason, where it gives one. */
      readonly reason: string | undefined;
    }
  | {
      /** An exchange with the server failed; the operation goes on. */
      readonly type: 'trouble';
      /** The error's message. */
      readonly message: string;
    }
  | {
      /** You read slower than events come: so many are missing here. */
      readonly type: 'dropped';
      /** How many. */
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
  return new View(observer);
}

/** A class, for there is one for each operation: accessors of its own would make every object one of a kind. */
class View implements OperationView {
  status: FutureStatus = 'submitting';
  requestId: string | undefined;
  queueState: QueueState | undefined;
  reason: string | undefined;
  readonly #observer: QueueObserver | undefined;
  /** `undefined` as long as nobody reads. */
  #readers: Set<EventQueue<FutureEvent>> | undefined;
  #lastStatus: number | undefined;
  #polls = 0;
  #fate = createSubmissionFate();

  // These are handed on by themselves.
  readonly onSend = (): void => this.#fate.sent();
  readonly onFailure = (error: unknown): void => {
    this.#fate.failed(error);
    if (isTinkerError(error)) this.#trouble(error);
  };
  readonly onWait = (why: string): void => {
    this.reason = why;
  };

  constructor(observer: QueueObserver | undefined) {
    this.#observer = observer;
  }

  accepted(id: string): void {
    this.requestId = id;
    this.#become('queued');
  }

  heard(heard: PolledFuture | TinkerError | undefined, answer?: number): void {
    if (this.requestId !== undefined) this.#polls += 1;
    if (heard instanceof Error) this.#trouble(heard);
    else if (heard?.kind === 'pending') this.#pending(heard, answer);
  }

  resubmitting(error: TinkerError): void {
    this.#trouble(error);
    this.requestId = undefined;
    this.#fate = createSubmissionFate();
    this.#become('submitting');
  }

  ended(how: 'done' | 'failed'): void {
    this.#become(how);
    for (const reader of this.#readers ?? []) reader.end();
    this.#readers = undefined;
  }

  lastHeard(): LastHeard {
    const { status, requestId, reason } = this;
    const fate = this.#fate;
    const mayContinue = requestId !== undefined || fate.isInFlight || fate.isUnknown;
    const unanswered = mayContinue ? 'sent, but not known to be accepted' : 'not accepted yet';
    const id = requestId === undefined ? unanswered : `request ${requestId}`;
    const words = `${id}, ${status}${reason === undefined ? '' : `: ${reason}`}`;
    return { words, details: { requestId, lastStatus: this.#lastStatus, polls: this.#polls, mayContinue } };
  }

  events(): EventQueue<FutureEvent> {
    const queue = createEventQueue<FutureEvent>(
      KEPT_EVENTS,
      (count) => ({ type: 'dropped', count }),
      () => this.#readers?.delete(queue),
    );
    const { status } = this;
    queue.push({ type: 'status', status });
    if (status === 'done' || status === 'failed') {
      queue.end();
    } else {
      this.#readers ??= new Set();
      this.#readers.add(queue);
    }
    return queue;
  }

  #tell(event: FutureEvent): void {
    for (const reader of this.#readers ?? []) reader.push(event);
  }

  #become(next: FutureStatus): void {
    if (next === this.status) return;
    this.status = next;
    this.#tell({ type: 'status', status: next });
  }

  #trouble(error: TinkerError): void {
    this.reason = bareMessage(error);
    if (isTinkerError(error, 'http_status')) this.#lastStatus = error.status;
    else if (error.code === 'connection_failed') this.#lastStatus = 0;
    this.#tell({ type: 'trouble', message: this.reason });
  }

  #pending(heard: PolledFuture & { kind: 'pending' }, answer: number | undefined): void {
    this.#lastStatus = answer;
    this.#become(heard.queueState?.startsWith('paused') === true ? 'paused' : 'running');
    const said = heard.queueState ?? (heard.reason === undefined ? undefined : 'unknown');
    const { reason } = heard;
    const isNews = said !== this.queueState || reason !== this.reason;
    this.reason = reason;
    if (said === undefined || (reason === undefined && !QUEUE_STATES.includes(said))) return;
    this.queueState = said;
    this.#observer?.heard(this.requestId ?? '', said, reason);
    if (isNews) this.#tell({ type: 'queue_state', queueState: said, reason });
  }
}
