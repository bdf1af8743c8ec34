import { raceAbort } from '../kernel/abort.ts';
import { messageOf } from '../kernel/bare-message.ts';
import { checkFinite } from '../kernel/checks.ts';
import { isTinkerError, TinkerTimeoutError } from '../kernel/errors.ts';
import type { QueueState } from '../wire/types/server.ts';
import type { FutureHandle } from './future-handle.ts';
import { createOperationView, type FutureEvent, type FutureStatus } from './operation-view.ts';
import { type OperationSpec, type Running, runToResult } from './run-operation.ts';
import type { Runtime } from './runtime.ts';
import { type CallOptions, checkSignal, type LastHeard, type Scope } from './scope.ts';
import { withinBudget } from './token-budget.ts';

/** How long one look at a result may take. */
export interface ResultOptions {
  /** Ends this wait with its reason; the operation goes on. @default none */
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
  /**
   * All that another process, tab or runtime needs to wait for the result with `service.resume(handle)`: plain data
   * without a credential. Before the server has accepted it there is nothing to wait for, and `requestIds` is empty.
   */
  toJSON(): FutureHandle;
  /** End it here: it rejects with `reason`. What the server has accepted may still run there, and be billed. */
  cancel(reason?: unknown): void;
}

/** Start an operation; nothing has been sent yet when this returns. */
export function startOperation<T>(
  runtime: Runtime,
  spec: OperationSpec<T>,
  options: CallOptions = {},
): ApiFuture<T> {
  return new Future(new Operation(runtime, spec, options));
}

const operationOf = /* @__PURE__ */ Symbol('operation');

/**
 * What the caller holds. Its methods may be taken off it (`button.onclick = future.cancel`), and its getters read through
 * whatever wraps it: a page's reactive state wraps objects, but leaves functions as they are. They are the class's,
 * for thousands may wait, and accessors of its own would make every object one of a kind.
 */
class Future<T> implements ApiFuture<T> {
  declare readonly [operationOf]: () => Operation<T>;
  readonly result: ApiFuture<T>['result'];
  readonly events: ApiFuture<T>['events'];
  readonly toJSON: ApiFuture<T>['toJSON'];
  readonly cancel: ApiFuture<T>['cancel'];

  constructor(operation: Operation<T>) {
    // Unseen, so that a look at it shows none of it.
    Object.defineProperty(this, operationOf, { value: () => operation, configurable: true });
    this.result = (wait) => operation.result(wait);
    this.events = () => operation.running.view.events();
    this.toJSON = () => operation.handle();
    this.cancel = (reason = new DOMException('The operation was cancelled', 'AbortError')) =>
      operation.cancel(reason);
  }

  get requestId(): string | undefined {
    return this[operationOf]().running.view.requestId;
  }

  get status(): FutureStatus {
    return this[operationOf]().running.view.status;
  }

  get queueState(): QueueState | undefined {
    return this[operationOf]().running.view.queueState;
  }

  get reason(): string | undefined {
    return this[operationOf]().running.view.reason;
  }

  get elapsedMs(): number {
    return this[operationOf]().elapsedMs();
  }

  // biome-ignore lint/suspicious/noThenProperty: an ApiFuture is awaited like the promise it stands for.
  then<A = T, B = never>(
    onValue?: ((value: T) => A | PromiseLike<A>) | null,
    onError?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this[operationOf]().promise.then(onValue, onError);
  }
}

/** What goes on behind a future. */
class Operation<T> {
  readonly running: Running;
  readonly promise: Promise<T>;
  readonly #runtime: Runtime;
  readonly #spec: OperationSpec<T>;
  #endedAt: number | undefined;
  #abort: Scope['abort'] | undefined;
  // Also what never began, because it was aborted or closed before.
  #wasAborted = true;

  constructor(runtime: Runtime, spec: OperationSpec<T>, options: CallOptions) {
    this.#runtime = runtime;
    this.#spec = spec;
    const view = createOperationView(spec.observer);
    this.running = { view, startedAt: runtime.clock.monotonic(), requestIds: [] };
    this.promise = runtime.scopes.runInner(
      options,
      (scope) => this.#run(scope),
      () => view.lastHeard(),
    );
    const forget = runtime.operations.add({ path: spec.path, view, elapsedMs: () => this.elapsedMs() });
    const end = (status: 'done' | 'failed'): void => {
      this.#endedAt = runtime.clock.monotonic();
      forget();
      view.ended(status);
    };
    // Also the handler of last resort: an operation nobody awaits must not become an unhandled rejection.
    this.promise.then(
      () => end('done'),
      (error: unknown) => {
        end('failed');
        reportFailure(runtime, spec.path, view.requestId, error, this.#wasAborted);
      },
    );
  }

  async #run(scope: Scope): Promise<T> {
    const [runtime, spec] = [this.#runtime, this.#spec];
    const work = (inner: Scope): Promise<T> => runToResult(runtime, spec, this.running, inner);
    this.#abort = scope.abort;
    try {
      return await metered(runtime, spec, () => spec.within?.(scope, work) ?? work(scope));
    } finally {
      this.#wasAborted = scope.signal.aborted;
    }
  }

  elapsedMs(): number {
    return (this.#endedAt ?? this.#runtime.clock.monotonic()) - this.running.startedAt;
  }

  result(wait: ResultOptions = {}): Promise<T> {
    return waitFor(this.#runtime, this.promise, wait, () => this.running.view.lastHeard());
  }

  handle(): FutureHandle {
    const requestIds = [...this.running.requestIds];
    return { version: 1, requestIds, ...(this.#spec.handle?.() ?? { kind: 'unknown' }) };
  }

  cancel(reason: unknown): void {
    this.#abort?.(reason);
  }
}

/** Within the service's budget of tokens, and counted. */
function metered<T>({ budget }: Runtime, { metering }: OperationSpec<T>, work: () => Promise<T>): Promise<T> {
  if (metering === undefined) return work();
  const { meter, estimate, usage } = metering;
  return withinBudget({ budget, meter, estimate }, async (spend) => {
    const result = await work();
    spend(usage(result));
    return result;
  });
}

/** An operation need not be awaited, but its failure shall be heard. What the caller ended itself is no failure. */
function reportFailure(
  { emit, telemetry }: Runtime,
  path: string,
  requestId: string | undefined,
  error: unknown,
  wasAborted: boolean,
): void {
  if (wasAborted && !isTinkerError(error, 'timed_out')) return;
  const code = isTinkerError(error) ? error.code : 'unknown';
  emit({ type: 'operation_failed', path, requestId, code, message: messageOf(error) });
  telemetry.failed(error);
}

async function waitFor<T>(
  { clock, fanout }: Runtime,
  promise: Promise<T>,
  { signal, timeoutMs }: ResultOptions,
  last: () => LastHeard,
): Promise<T> {
  if (signal === undefined && timeoutMs === undefined) return promise;
  if (signal !== undefined) checkSignal(signal);
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
