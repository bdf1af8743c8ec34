import { raceAbort } from '../kernel/abort.ts';
import { checkFinite } from '../kernel/checks.ts';
import { type TinkerError, TinkerTimeoutError } from '../kernel/errors.ts';
import type { PolledFuture, SubmittedFuture } from '../wire/json/futures.ts';
import type { QueueState } from '../wire/types/server.ts';
import { pollFuture } from './poll.ts';
import type { Runtime } from './runtime.ts';
import type { CallOptions, Scope } from './scope.ts';

/** Where an operation stands, as far as the client knows. */
export type FutureStatus = 'submitting' | 'queued' | 'paused' | 'running' | 'done' | 'failed';

/** How long one look at a result may take. */
export interface ResultOptions {
  /** Ends this wait with its reason; the operation goes on. */
  readonly signal?: AbortSignal | undefined;
  /** Ends this wait with a `timed_out` error of scope `wait`; the operation goes on. @default none */
  readonly timeoutMs?: number | undefined;
}

/**
 * An operation under way: await it, watch it, or end it. It goes on by itself, so two of them can be awaited in any
 * order; one that is never awaited harms nothing.
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
  /** End it here: it rejects with `reason`. What the server has accepted may still run there, and be billed. */
  cancel(reason?: unknown): void;
}

/** What distinguishes one kind of operation from another. */
export interface OperationSpec<T> {
  /** Hand it to the server. Its turn, its number and its retries are in here. */
  submit(scope: Scope): Promise<SubmittedFuture>;
  /** The result's JSON as the result. */
  decode(body: unknown): T;
}

/** Start an operation; nothing has been sent yet when this returns. */
export function startOperation<T>(
  runtime: Runtime,
  spec: OperationSpec<T>,
  options: CallOptions = {},
): ApiFuture<T> {
  const { clock, scopes } = runtime;
  const startedAt = clock.monotonic();
  const view = createView(runtime);
  let abort: Scope['abort'] = () => {};

  const work = async (scope: Scope): Promise<T> => {
    abort = scope.abort;
    const { requestId } = await spec.submit(scope);
    view.accepted(requestId);
    return spec.decode(await pollFuture(runtime, requestId, scope.signal, view.heard));
  };

  const promise = scopes.run(options, work, view.describe);
  let endedAt: number | undefined;
  const end = (status: 'done' | 'failed'): void => {
    endedAt = clock.monotonic();
    view.status = status;
  };
  // Also the handler of last resort: an operation nobody awaits must not become an unhandled rejection.
  promise.then(
    () => end('done'),
    () => end('failed'),
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
      return (endedAt ?? clock.monotonic()) - startedAt;
    },
    // biome-ignore lint/suspicious/noThenProperty: an ApiFuture is awaited like the promise it stands for.
    then: (onValue, onError) => promise.then(onValue, onError),
    result: (wait = {}) => waitFor(runtime, promise, wait, view.describe),
    cancel: (reason = new DOMException('The operation was cancelled', 'AbortError')) => abort(reason),
  };
}

/** What is known of an operation, kept up to date by its polls. */
function createView(runtime: Runtime) {
  const view = {
    status: 'submitting' as FutureStatus,
    requestId: undefined as string | undefined,
    queueState: undefined as QueueState | undefined,
    reason: undefined as string | undefined,
    accepted(requestId: string): void {
      view.requestId = requestId;
      view.status = 'queued';
    },
    heard(heard: PolledFuture | TinkerError): void {
      if (heard instanceof Error) view.reason = heard.message;
      else if (heard.kind === 'pending') pending(heard);
    },
    /** For a time-out's message. */
    describe(): string {
      const id = view.requestId === undefined ? 'not accepted yet' : `request ${view.requestId}`;
      return `${id}, ${view.status}${view.reason === undefined ? '' : `: ${view.reason}`}`;
    },
  };
  const pending = ({ queueState, reason }: PolledFuture & { kind: 'pending' }): void => {
    view.status = queueState?.startsWith('paused') === true ? 'paused' : 'running';
    const isNews = queueState !== undefined && (queueState !== view.queueState || reason !== view.reason);
    view.reason = reason;
    if (!isNews) return;
    view.queueState = queueState;
    runtime.emit({ type: 'queue_state', requestId: view.requestId ?? '', queueState, reason });
  };
  return view;
}

async function waitFor<T>(
  { clock, fanout }: Runtime,
  promise: Promise<T>,
  { signal, timeoutMs }: ResultOptions,
  describe: () => string,
): Promise<T> {
  if (signal === undefined && timeoutMs === undefined) return promise;
  if (timeoutMs !== undefined) checkFinite('timeoutMs', timeoutMs, { min: 0 });
  const wait = new AbortController();
  const unsubscribe = signal && fanout.subscribe(signal, (reason) => wait.abort(reason));
  const cancel =
    timeoutMs === undefined
      ? undefined
      : clock.schedule(() => wait.abort(new TinkerTimeoutError('wait', timeoutMs, describe())), timeoutMs);
  try {
    return await raceAbort(wait.signal, promise);
  } finally {
    cancel?.();
    unsubscribe?.();
  }
}
