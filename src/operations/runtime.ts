import type { AbortFanout } from '../kernel/abort.ts';
import type { Clock } from '../kernel/clock.ts';
import type { EventSink } from '../kernel/diagnostics.ts';
import type { RandomSource } from '../kernel/random.ts';
import { retry } from '../policy/retry.ts';
import type { Transport } from '../transport/transport.ts';
import type { Scopes } from './scope.ts';

/** What all operations of one service share. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly createId: () => string;
  readonly emit: EventSink;
  readonly transport: Transport;
  readonly scopes: Scopes;
  /** Where callers' signals are listened to. */
  readonly fanout: AbortFanout;
  /** Limit of one HTTP exchange, in milliseconds. */
  readonly attemptTimeoutMs: number;
  /** How long failing requests are sent again, in milliseconds from the first attempt. */
  readonly retryBudgetMs: number;
}

/** A request that is sent until it is answered. */
export interface ResilientRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Stops the waiting between attempts. */
  readonly signal: AbortSignal;
  /** Aborts an attempt in flight. @default `signal` */
  readonly attemptSignal?: AbortSignal | undefined;
  /** Told about each attempt that failed. */
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/** Send a request under the service's retry policy. All attempts of one POST carry one idempotency key. */
export function sendResilient(runtime: Runtime, request: ResilientRequest): Promise<unknown> {
  const { clock, random, emit, transport, retryBudgetMs: budgetMs, attemptTimeoutMs: timeoutMs } = runtime;
  const { method, path, body, signal, attemptSignal = signal, onFailure } = request;
  const idempotency = method === 'POST' ? { 'x-idempotency-key': `isotinker-${runtime.createId()}` } : {};
  const headers = { ...idempotency, ...request.headers };
  const attempt = async (): Promise<unknown> => {
    try {
      return await transport.send({ method, path, body, headers, signal: attemptSignal, timeoutMs });
    } catch (error) {
      onFailure?.(error);
      throw error;
    }
  };
  return retry(attempt, {
    clock,
    random,
    budgetMs,
    signal,
    onRetry: (error, attempts, delayMs) => {
      const status = 'status' in error && typeof error.status === 'number' ? { status: error.status } : {};
      emit({ type: 'retry', path, attempts, delayMs, code: error.code, ...status });
    },
  });
}
