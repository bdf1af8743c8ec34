import { raceAbort, sleep } from '../kernel/abort.ts';
import { checkFinite } from '../kernel/checks.ts';
import { isTinkerError, TinkerTimeoutError } from '../kernel/errors.ts';
import { resubmitDelay } from '../policy/backoff.ts';
import type { SettledSubmission, SubmittedFuture } from '../wire/json/futures.ts';
import type { QueueState } from '../wire/types/server.ts';
import {
  createOperationView,
  type FutureEvent,
  type FutureStatus,
  type OperationView,
  type SubmissionObserver,
} from './operation-view.ts';
import { pollFuture } from './poll.ts';
import type { QueueObserver } from './queue-observer.ts';
import type { Runtime } from './runtime.ts';
import type { CallOptions, LastHeard, Scope } from './scope.ts';

/** How long one look at a result may take. */
export interface ResultOptions {
  /** Ends this wait with its reason; the operation goes on. */
  readonly signal?: AbortSignal | undefined;
  /** Ends this wait with a `timed_out` error of scope `wait`; the operation goes on. @default none */
  readonly timeoutMs?: number | undefined;
}

/**
 * An operation under way: await it, watch it, or end it. It goes on by itself, so two of them can be awaited in any
 * order; one that is never awaited harms nothing, and its failure is told to `onEvent`.
 *
 * @typeParam T - What it resolves to.
 */
export interface ApiFuture<T> extends PromiseLike<T> {
  /** The server's id of it; `undefined` until it was accepted. */
  readonly requestId: string | undefined;
  /** Where it stands, as far as the client has heard. */
  readonly status: FutureStatus;
  /** The server's word on the queue, e.g. `paused_capacity`; `undefined` until it said one. */
  readonly queueState: QueueState | undefined;
  /** Why it waits: the server's words, or the last failure's. */
  readonly reason: string | undefined;
  /** Milliseconds from the call to now, or to its end. */
  readonly elapsedMs: number;
  /** Wait for the result, with a limit or a signal of this wait's own. A real `Promise`. */
  result(options?: ResultOptions): Promise<T>;
  /**
   * Watch it: the present status first, then each change, to its end. Any number of readers; a slow one loses the
   * oldest of more than 256 waiting events, and is told how many. A `break` stops watching, not the operation.
   */
  events(): AsyncIterableIterator<FutureEvent>;
  /** End it here: it rejects with `reason`. What the server has accepted may still run there, and be billed. */
  cancel(reason?: unknown): void;
}

/** What a submission tells, and what it may tell of polls that are part of it. */
export type OperationObserver = SubmissionObserver & Pick<OperationView, 'heard'>;

/** What distinguishes one kind of operation from another. */
export interface OperationSpec<T> {
  /** Path of its submission, to tell operations apart. */
  readonly path: string;
  /** Hand it to the server. Its turn, its number, its limits and its retries are in here. */
  submit(
    scope: Scope,
    observer: OperationObserver,
    isResubmission: boolean,
  ): Promise<SubmittedFuture | SettledSubmission>;
  /** The result's JSON as the result. */
  decode(body: unknown): T;
  /** Hears of its queue states. @default nobody */
  readonly observer?: QueueObserver | undefined;
  /** What surrounds the whole of it, e.g. a permit that is held to its end. @default nothing */
  readonly within?: (<R>(scope: Scope, work: (scope: Scope) => Promise<R>) => Promise<R>) | undefined;
  /** A result that the server lost is asked for anew, with a new submission. @default false */
  readonly resubmitsExpired?: boolean | undefined;
}

/** Start an operation; nothing has been sent yet when this returns. */
export function startOperation<T>(
  runtime: Runtime,
  spec: OperationSpec<T>,
  options: CallOptions = {},
): ApiFuture<T> {
  const { clock, scopes } = runtime;
  const startedAt = clock.monotonic();
  const view = createOperationView(spec.observer);
  let abort: Scope['abort'] = () => {};
  // Also what never began, because it was aborted or closed before.
  let wasAborted = true;

  const work = async (scope: Scope): Promise<T> => {
    abort = scope.abort;
    try {
      const { within = (inner, run) => run(inner) } = spec;
      return await within(scope, (inner) => runToResult(runtime, spec, view, inner));
    } finally {
      wasAborted = scope.signal.aborted;
    }
  };

  const promise = scopes.run(options, work, view.lastHeard);
  let endedAt: number | undefined;
  const elapsedMs = (): number => (endedAt ?? clock.monotonic()) - startedAt;
  const forget = runtime.operations.add({ path: spec.path, view, elapsedMs });
  const end = (status: 'done' | 'failed'): void => {
    endedAt = clock.monotonic();
    forget();
    view.ended(status);
  };
  // Also the handler of last resort: an operation nobody awaits must not become an unhandled rejection.
  promise.then(
    () => end('done'),
    (error: unknown) => {
      end('failed');
      reportFailure(runtime, spec.path, view.requestId, error, wasAborted);
    },
  );

  return {
    get requestId() {
      return view.requestId;
    },
    get status() {
      return view.status;
    },
    get queueState() {
      return view.queueState;
    },
    get reason() {
      return view.reason;
    },
    get elapsedMs() {
      return elapsedMs();
    },
    // biome-ignore lint/suspicious/noThenProperty: an ApiFuture is awaited like the promise it stands for.
    then: (onValue, onError) => promise.then(onValue, onError),
    result: (wait = {}) => waitFor(runtime, promise, wait, view.lastHeard),
    events: () => view.events(),
    cancel: (reason = new DOMException('The operation was cancelled', 'AbortError')) => abort(reason),
  };
}

/** Submit and poll; where a lost result may be asked for anew, as often as it takes, with growing pauses. */
async function runToResult<T>(
  runtime: Runtime,
  spec: OperationSpec<T>,
  view: OperationView,
  scope: Scope,
): Promise<T> {
  for (let resubmissions = 0; ; resubmissions++) {
    // What was accepted once is not given up for a limit.
    const submission = await spec.submit(
      resubmissions > 0 ? { ...scope, onLimit: 'wait' } : scope,
      view,
      resubmissions > 0,
    );
    if ('settled' in submission) return spec.decode(submission.settled);
    view.accepted(submission.requestId);
    try {
      return spec.decode(await pollFuture(runtime, submission.requestId, scope, view.heard));
    } catch (error) {
      scope.signal.throwIfAborted();
      if (spec.resubmitsExpired !== true || !isTinkerError(error, 'result_expired')) throw error;
      view.resubmitting(error);
      await sleep(runtime.clock, resubmitDelay(resubmissions, runtime.random), scope.signal);
    }
  }
}

/** An operation need not be awaited, but its failure shall be heard. What the caller ended itself is no failure. */
function reportFailure(
  { emit }: Runtime,
  path: string,
  requestId: string | undefined,
  error: unknown,
  wasAborted: boolean,
): void {
  if (wasAborted && !isTinkerError(error, 'timed_out')) return;
  const code = isTinkerError(error) ? error.code : 'unknown';
  const message = error instanceof Error ? error.message : String(error);
  emit({ type: 'operation_failed', path, requestId, code, message });
}

async function waitFor<T>(
  { clock, fanout }: Runtime,
  promise: Promise<T>,
  { signal, timeoutMs }: ResultOptions,
  last: () => LastHeard,
): Promise<T> {
  if (signal === undefined && timeoutMs === undefined) return promise;
  if (timeoutMs !== undefined) checkFinite('timeoutMs', timeoutMs, { min: 0 });
  const wait = new AbortController();
  const unsubscribe = signal && fanout.subscribe(signal, (reason) => wait.abort(reason));
  const expire = (limitMs: number): void => {
    const { words, details } = last();
    wait.abort(new TinkerTimeoutError('wait', limitMs, words, details));
  };
  const cancel = timeoutMs === undefined ? undefined : clock.schedule(() => expire(timeoutMs), timeoutMs);
  try {
    return await raceAbort(wait.signal, promise);
  } finally {
    cancel?.();
    unsubscribe?.();
  }
}
