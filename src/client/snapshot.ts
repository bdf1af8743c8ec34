import type { CircuitKind } from '../kernel/diagnostics.ts';
import type { Lane } from '../kernel/lane.ts';
import type { FutureStatus } from '../operations/operation-view.ts';
import type { Runtime } from '../operations/runtime.ts';
import type { TelemetryGauge } from '../operations/telemetry/telemetry-delivery.ts';
import type { TokenBudgetGauge } from '../operations/token-budget.ts';
import type { QueueState } from '../wire/types/server.ts';

/** A limit at this moment. */
export interface LimitGauge {
  /** Taken: permits, or bytes. */
  readonly used: number;
  /** All there are; bytes may go beyond, because the last one in is always let in whole. */
  readonly capacity: number;
  /** Calls that wait for it, in this client and in those that share its limits. */
  readonly waiting: number;
}

/** An operation that has not ended. */
export interface OperationGauge {
  /** Path of its submission, e.g. `/api/v1/asample`. */
  readonly path: string;
  /** Where it stands. */
  readonly status: FutureStatus;
  /** The server's id of it; `undefined` until it was accepted. */
  readonly requestId: string | undefined;
  /** The server's last word on the queue. */
  readonly queueState: QueueState | undefined;
  /** Why it waits: the server's words, or the last failure's. */
  readonly reason: string | undefined;
  /** Milliseconds since the call. */
  readonly elapsedMs: number;
}

/** A circuit at this moment, as far as this client knows. */
export interface CircuitGauge {
  /** `half_open`: probes are under way. */
  readonly state: CircuitKind;
  /** Failures in a row. */
  readonly failures: number;
  /** Milliseconds until a probe is let through; 0 where nothing is held back. */
  readonly retryAfterMs: number;
  /** Results from before the last change of state; they moved nothing. */
  readonly staleResults: number;
}

/** What goes on in a service client. Operations are its own; all else is its account's. */
export interface ServiceSnapshot {
  /** Operations that have not ended, in the order of their calls. */
  readonly operations: readonly OperationGauge[];
  /** Requests on their way, and those that wait for a connection, by lane. */
  readonly lanes: Readonly<
    Record<
      Lane,
      {
        /** On their way. */
        readonly inFlight: number;
        /** Waiting for a connection. */
        readonly waiting: number;
      }
    >
  >;
  /** Limits of sampling. */
  readonly sampling: {
    /** Samples from their submission to their result. */
    readonly samples: LimitGauge;
    /** Submissions of samples. */
    readonly submissions: LimitGauge;
    /** Those while the server is, or was lately, under pressure. */
    readonly throttled: LimitGauge;
    /** Estimated bytes of submissions. */
    readonly bytes: LimitGauge;
  };
  /** Estimated bytes of submissions of passes over data. */
  readonly passes: LimitGauge;
  /** Bytes of large results that are fetched. */
  readonly responses: LimitGauge;
  /** Tokens spent, and held for calls under way; without a budget `limit` is `Infinity`. */
  readonly tokens: TokenBudgetGauge;
  /** Events for the server that wait, were sent, or were lost; all 0 without `telemetry`. */
  readonly telemetry: TelemetryGauge;
  /** Milliseconds for which the server asked to be left alone, by lane; 0 where it did not. */
  readonly pausedMs: Readonly<Record<Exclude<Lane, 'session'>, number>>;
  /** For how long the server has asked for payment, in milliseconds; 0 where it does not. */
  readonly billingPausedMs: number;
  /** The circuit of each lane; none without `circuitBreaker`. */
  readonly circuits: Readonly<Partial<Record<Lane, CircuitGauge>>>;
  /** `resting`: the store gave trouble lately, and memory stands in for it. */
  readonly storage: 'none' | 'ok' | 'resting';
}

/** A copy of all gauges. */
export function takeSnapshot({ operations, account, budget, telemetry }: Runtime): ServiceSnapshot {
  const { samples, submissions, throttled, bytes } = account.sampling;
  const { train, sample, poll, rest } = account.windows;
  return {
    operations: [...operations].map(({ path, view, elapsedMs }) => {
      const { status, requestId, queueState, reason } = view;
      return { path, status, requestId, queueState, reason, elapsedMs: elapsedMs() };
    }),
    lanes: account.lanes.snapshot(),
    sampling: {
      samples: countGauge(samples),
      submissions: countGauge(submissions),
      throttled: countGauge(throttled),
      bytes: byteGauge(bytes),
    },
    passes: byteGauge(account.passBytes),
    responses: byteGauge(account.responseBytes),
    tokens: budget.snapshot(),
    telemetry: telemetry.snapshot(),
    pausedMs: {
      train: train.remainingMs,
      sample: sample.remainingMs,
      poll: poll.remainingMs,
      rest: rest.remainingMs,
    },
    billingPausedMs: account.billing.pausedMs,
    circuits: Object.fromEntries(
      Object.entries(account.circuits).map(([lane, circuit]) => {
        const { kind, ...gauge } = circuit.snapshot();
        const { staleResults } = circuit;
        return [lane, { state: kind, ...gauge, staleResults }];
      }),
    ),
    storage: account.storage?.health ?? 'none',
  };
}

function byteGauge({ used, capacity, waiting }: LimitGauge): LimitGauge {
  return { used, capacity, waiting };
}

function countGauge(limiter: {
  readonly active: number;
  readonly capacity: number;
  readonly waiting: number;
}): LimitGauge {
  return { used: limiter.active, capacity: limiter.capacity, waiting: limiter.waiting };
}
