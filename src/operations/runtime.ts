import type { AbortFanout } from '../kernel/abort.ts';
import { bareMessage } from '../kernel/bare-message.ts';
import type { Clock } from '../kernel/clock.ts';
import type { EventSink } from '../kernel/diagnostics.ts';
import { isTinkerError, type TinkerError } from '../kernel/errors.ts';
import type { Lane } from '../kernel/lane.ts';
import { TinkerLimitError } from '../kernel/limit-errors.ts';
import type { RandomSource } from '../kernel/random.ts';
import type { WakeSource } from '../kernel/wake.ts';
import { BILLING_RETRY_MS } from '../policy/billing-pause.ts';
import type { PollPolicy } from '../policy/poll-policy.ts';
import { SPREAD_MS } from '../policy/rate-window.ts';
import { type RetryPause, retry } from '../policy/retry.ts';
import { PERMANENT, STATUS_RULES } from '../policy/status-rules.ts';
import type { TokenizerLoader } from '../tokenizer/tokenizer.ts';
import type { Pipeline } from '../transport/pipeline.ts';
import type { TransportRequest } from '../transport/transport.ts';
import type { Account } from './account.ts';
import type { Credentials } from './credentials.ts';
import type { Meter } from './metering.ts';
import type { Operations } from './operations.ts';
import type { OnLimit, Scope, Scopes } from './scope.ts';
import type { Settings } from './settings.ts';
import { sendTolerant, type UnknownFields } from './strict-fields.ts';
import type { Telemetry } from './telemetry/telemetry.ts';
import type { TokenBudget } from './token-budget.ts';
import type { BodyForms, WireFormat } from './wire-format.ts';

/** What all operations of one service share. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly createId: () => string;
  readonly emit: EventSink;
  /** Tells of moments in which timers may have been late. */
  readonly wake: WakeSource;
  readonly account: Account;
  readonly pipeline: Pipeline;
  readonly scopes: Scopes;
  readonly operations: Operations;
  /** Where callers' signals are listened to. */
  readonly fanout: AbortFanout;
  /** Limit of one HTTP exchange, in milliseconds. */
  readonly attemptTimeoutMs: number;
  /** How long failing requests are sent again, in milliseconds from the first attempt. */
  readonly retryBudgetMs: number;
  readonly pollPolicy: PollPolicy;
  readonly onLimit: OnLimit;
  /** Whether the server knows a numbered request again that reaches it twice. */
  readonly serverDeduplicates: boolean;
  /** What the server sets for its clients. */
  readonly settings: Settings;
  /** How passes may be sent, and what results may come as. */
  readonly wireFormat: WireFormat;
  readonly credentials: Credentials;
  /** What the server is found not to know. */
  readonly unknownFields: UnknownFields;
  /** Longest input and output by model, of the models that the server was asked about. */
  readonly contextLengths: Map<string, number>;
  /** Counts all tokens of the service. */
  readonly meter: Meter;
  readonly budget: TokenBudget;
  readonly telemetry: Telemetry;
  /** Gets the tokenizers of models, where the service was given something that does. */
  readonly loadTokenizer?: TokenizerLoader | undefined;
  /** Requests carry headers that only describe them. */
  readonly describesRequests: boolean;
}

/** What passes over data need beside it. */
export interface PassRuntime extends Runtime {
  /** Which forms of a pass the server reads. */
  readonly forms: BodyForms;
}

/** A request that is sent until it is answered. */
export interface ResilientRequest {
  readonly method: TransportRequest['method'];
  readonly path: string;
  readonly lane: Lane;
  readonly body?: TransportRequest['body'];
  /** What the answer may be. @default JSON */
  readonly accept?: string | undefined;
  /** Whose request it is, where that is not the client's owner. @default the service's */
  readonly credential?: TransportRequest['credential'];
  /** Asked first about each answer, as {@link TransportRequest.special}. */
  readonly special?: TransportRequest['special'];
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Whose request it is: its signal stops the waiting between attempts, its deadline bounds it. */
  readonly scope: Pick<Scope, 'signal' | 'deadlineAt' | 'onLimit'>;
  /** Aborts an attempt in flight, in place of the scope's signal and deadline. @default the scope's */
  readonly attemptSignal?: AbortSignal | undefined;
  /** Much hangs on it: it waits where the circuit is open, and outlives more failures. @default false */
  readonly isPatient?: boolean | undefined;
  /** How long the lane pauses after a 429 that names no time. @default not at all */
  readonly pauseMs?: number | undefined;
  /** An error after which it must not be sent again, though it may be retryable. @default none */
  readonly isFinal?: ((error: TinkerError) => boolean) | undefined;
  /** Told when an attempt is handed to `fetch`: from here on it may reach the server. */
  readonly onSend?: (() => void) | undefined;
  /** Told when the server refused a field, and the attempt goes on without it: what was sent was not taken. */
  readonly onRefused?: (() => void) | undefined;
  /** Told about each attempt that failed. */
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/** Least wait before an open circuit is tried again: its probe may be another's. */
const CIRCUIT_RETRY_MS = 1_000;

/**
 * Send a request under the service's policies: retries around the pipeline. All attempts of what may change something
 * carry one idempotency key.
 */
export function sendResilient(runtime: Runtime, request: ResilientRequest): Promise<unknown> {
  const { clock, random, emit, retryBudgetMs: budgetMs, attemptTimeoutMs: timeoutMs } = runtime;
  const { method, path, lane, body, scope, attemptSignal, isPatient = false } = request;
  const { signal, deadlineAt } = scope;
  const idempotency = method !== 'GET' ? { 'x-idempotency-key': `isotinker-${runtime.createId()}` } : {};
  // Asked anew for each attempt: after a lost one, a numbered request waits whatever its caller wanted.
  const onLimit = (): OnLimit => scope.onLimit ?? runtime.onLimit;
  let waitedMs = 0;
  const attempt = async (): Promise<unknown> => {
    const startedAt = clock.monotonic();
    let sentAt: number | undefined;
    try {
      return await sendTolerant(runtime, {
        method,
        path,
        lane,
        body,
        accept: request.accept,
        credential: request.credential,
        special: request.special,
        headers: { ...idempotency, ...request.headers },
        signal: attemptSignal ?? signal,
        waitSignal: signal,
        // An attempt with a signal of its own runs to its end, or its fate stays unknown.
        deadlineAt: attemptSignal === undefined ? deadlineAt : undefined,
        timeoutMs,
        onLimit: onLimit(),
        pauseMs: request.pauseMs,
        onSend: () => {
          sentAt = clock.monotonic();
          request.onSend?.();
        },
        onRefused: request.onRefused,
      });
    } catch (error) {
      waitedMs = (sentAt ?? clock.monotonic()) - startedAt;
      const limited = billingLimit(error, onLimit());
      request.onFailure?.(limited);
      throw limited;
    }
  };
  return retry(attempt, {
    clock,
    random,
    budgetMs,
    signal,
    deadlineAt,
    permanent500: isPatient ? PERMANENT.patient : PERMANENT.request,
    pauseFor: (error) => pauseFor(runtime, request, error, onLimit()),
    isFinal: (error) => request.isFinal?.(error) === true || error.code === 'limit_reached',
    waitedMs: () => waitedMs,
    onRetry: (error, attempts, delayMs) => {
      const status = isTinkerError(error, 'http_status') ? { status: error.status } : {};
      emit({ type: 'retry', path, attempts, delayMs, code: error.code, ...status });
    },
  });
}

/** A bill as the limit it is, for those who do not want to wait for its payment. */
function billingLimit(error: unknown, onLimit: OnLimit): unknown {
  if (onLimit === 'wait' || !isTinkerError(error, 'http_status') || error.status !== 402) return error;
  return new TinkerLimitError('billing', bareMessage(error), { cause: error });
}

function pauseFor(
  { account, random }: Runtime,
  { lane, isPatient = false }: ResilientRequest,
  error: TinkerError,
  onLimit: OnLimit,
): RetryPause | undefined {
  if (isTinkerError(error, 'circuit_open')) {
    return isPatient && onLimit === 'wait'
      ? { delayMs: Math.max(error.retryAfterMs, CIRCUIT_RETRY_MS), isFree: false }
      : undefined;
  }
  if (!isTinkerError(error, 'http_status')) return undefined;
  if (error.status === 402 && account.billing.heard(error.message)) {
    // No sample of the account need ask meanwhile (protocol 5.7).
    if (lane === 'sample') account.windows.sample.set(BILLING_RETRY_MS);
    return { delayMs: BILLING_RETRY_MS, isFree: true };
  }
  const isPaused = lane === 'sample' && error.status === 429 && error.retryable;
  if (!isPaused || STATUS_RULES.sample['429'] !== 'pause_account') return undefined;
  // Spread like those that waited at the window, or all that were refused together would come back together.
  const leftMs = account.windows.sample.remainingMs;
  return { delayMs: leftMs + random() * Math.min(SPREAD_MS, leftMs / 4), isFree: true };
}
