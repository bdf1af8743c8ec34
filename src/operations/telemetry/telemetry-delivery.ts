import { sleep } from '../../kernel/abort.ts';
import type { Clock } from '../../kernel/clock.ts';
import { isTinkerError } from '../../kernel/errors.ts';
import type { RandomSource } from '../../kernel/random.ts';
import { usableHint } from '../../policy/retry-after.ts';
import { isRouteMissing } from '../../transport/classify.ts';
import type { Pipeline } from '../../transport/pipeline.ts';
import {
  isTelemetryAccepted,
  type TelemetryBatch,
  type TelemetryEvent,
  telemetryBody,
} from '../../wire/json/telemetry.ts';
import { createTelemetryQueue } from './telemetry-queue.ts';

/** Events that wait at most, and that one request carries (protocol 6.2). */
const QUEUE_CAPACITY = 10_000;
const BATCH_LENGTH = 100;
/** How long events wait at most for company, and how long the server is left alone after a batch that failed. */
const FLUSH_INTERVAL_MS = 10_000;
/** Limit of one exchange (protocol 6.1), and of all that `close` does. */
const SEND_LIMIT_MS = 5_000;
const CLOSE_LIMIT_MS = 1_000;
/** Pauses before a batch is sent again, each up to a tenth longer at random; after them it is dropped. */
const RETRY_DELAYS_MS = [1_000, 2_000, 4_000];

/** What {@link createTelemetryDelivery} needs. */
export interface TelemetryDeliveryParts {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly createId: () => string;
  readonly pipeline: Pipeline;
  /** What a batch carries beside its events. Asked for each batch. */
  readonly header: () => Pick<TelemetryBatch, 'platform' | 'sdkVersion' | 'processId'>;
}

/** What became of events; what was taken is either of them. */
export interface TelemetryGauge {
  /** Events that wait to be sent. */
  readonly queued: number;
  /** Events that the server has accepted. */
  readonly sent: number;
  /** Events that were lost: there was no room, or the server did not take them. */
  readonly dropped: number;
}

/** Brings events to the server, or not. None of it throws, waits for the server, or keeps a finished program alive. */
export interface TelemetryDelivery {
  /** Take an event; after the end it is ignored. */
  push(sessionId: string, event: TelemetryEvent): void;
  /** Send what waits as soon as nothing else runs, unless the server has just failed. */
  flushSoon(): void;
  snapshot(): TelemetryGauge;
  /** Make one last attempt, bounded by a second. What does not arrive is dropped. Never rejects. */
  close(): Promise<void>;
}

/** An event on its way. */
interface Addressed {
  readonly sessionId: string;
  readonly event: TelemetryEvent;
}

/** One emptying of the queue. */
interface Run {
  /** Aborted: a batch is not sent again. */
  readonly patience: AbortController;
  /** Aborted: the exchange under way is broken off. */
  readonly limit: AbortController;
  done: Promise<void>;
}

/** What became of a batch; `stopped`: nothing yet, for want of patience. */
type Outcome = 'sent' | 'given_up' | 'missing' | 'stopped';

/** How an attempt went; `hintMs` is how long the server wants to be left alone. */
type Verdict = 'sent' | 'missing' | { readonly mayRetry: boolean; readonly hintMs: number };

/**
 * An empty delivery: no timer while nothing waits, else one, and one exchange at a time. Requests go as the lane
 * `session`: it takes no connection that others wait for, has no pause and no circuit, so that failures of telemetry
 * neither open a circuit nor close a window on requests that matter.
 */
export function createTelemetryDelivery(parts: TelemetryDeliveryParts): TelemetryDelivery {
  const { clock } = parts;
  const queue = createTelemetryQueue<Addressed>(QUEUE_CAPACITY);
  let isEnded = false;
  let run: Run | undefined;
  let timer: { readonly isSoon: boolean; cancel(): void } | undefined;
  let restsUntil = Number.NEGATIVE_INFINITY;

  const end = (): void => {
    isEnded = true;
    timer?.cancel();
    timer = undefined;
    queue.settle(queue.size, 'dropped');
  };
  const arm = (isSoon: boolean): void => {
    timer?.cancel();
    const cancel = clock.schedule(
      () => {
        timer = undefined;
        start();
      },
      isSoon ? 0 : FLUSH_INTERVAL_MS,
      { background: true },
    );
    timer = { isSoon, cancel };
  };
  const start = (): void => {
    const own: Run = {
      patience: new AbortController(),
      limit: new AbortController(),
      done: Promise.resolve(),
    };
    run = own;
    own.done = empty(own)
      // What makes ids or bodies is broken: there is nothing to be told any more.
      .catch(end)
      .then(() => {
        run = undefined;
        if (queue.size > 0 && !isEnded) arm(false);
      });
  };

  /** Send batch by batch, until nothing waits, the server has had its chance, or `own` has no more patience. */
  async function empty({ patience, limit }: Pick<Run, 'patience' | 'limit'>): Promise<void> {
    while (queue.size > 0) {
      const waiting = queue.first(BATCH_LENGTH);
      const sessionId = waiting[0]?.sessionId ?? '';
      // One request is of one session.
      const other = waiting.findIndex((item) => item.sessionId !== sessionId);
      const events = waiting.slice(0, other === -1 ? waiting.length : other).map(({ event }) => event);
      const body = telemetryBody({ ...parts.header(), sessionId, events });
      const outcome = await deliver(parts, body, patience.signal, limit.signal);
      if (outcome === 'stopped') return;
      if (outcome === 'missing') return end();
      queue.settle(events.length, outcome === 'sent' ? 'sent' : 'dropped');
      if (outcome === 'sent') continue;
      restsUntil = clock.monotonic() + FLUSH_INTERVAL_MS;
      return;
    }
  }

  async function close(): Promise<void> {
    if (isEnded) return;
    isEnded = true;
    timer?.cancel();
    timer = undefined;
    const patience = new AbortController();
    patience.abort();
    const limit = run?.limit ?? new AbortController();
    const cancel = clock.schedule(() => limit.abort(), CLOSE_LIMIT_MS);
    try {
      run?.patience.abort();
      await run?.done;
      if (!limit.signal.aborted) await empty({ patience, limit });
    } catch {
      // As in a run: there is nothing to be told any more.
    } finally {
      cancel();
      end();
    }
  }

  const flushSoon = (): void => {
    if (isEnded || run !== undefined || queue.size === 0 || clock.monotonic() < restsUntil) return;
    if (timer?.isSoon !== true) arm(true);
  };

  return {
    push(sessionId, event) {
      if (isEnded) return;
      queue.push([{ sessionId, event }]);
      if (run === undefined && timer === undefined) arm(false);
      if (queue.size >= BATCH_LENGTH) flushSoon();
    },
    flushSoon,
    snapshot: () => ({ queued: queue.size, sent: queue.sent, dropped: queue.dropped }),
    close,
  };
}

/** Send one batch, again after failures, while there is patience. */
async function deliver(
  { clock, random, createId, pipeline }: TelemetryDeliveryParts,
  body: object,
  patience: AbortSignal,
  limit: AbortSignal,
): Promise<Outcome> {
  const headers = { 'x-idempotency-key': `isotinker-${createId()}` };
  for (let retries = 0; ; retries++) {
    const verdict = await attempt(pipeline, body, headers, limit);
    if (typeof verdict === 'string') return verdict;
    const delayMs = RETRY_DELAYS_MS[retries];
    if (!verdict.mayRetry || delayMs === undefined) return 'given_up';
    const wishMs = Math.max(verdict.hintMs, delayMs * (1 + 0.1 * random()));
    try {
      await sleep(clock, wishMs, patience, { background: true });
    } catch {
      return 'stopped';
    }
  }
}

async function attempt(
  pipeline: Pipeline,
  body: object,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Verdict> {
  try {
    const answer = await pipeline.send({
      method: 'POST',
      path: '/api/v1/telemetry',
      lane: 'session',
      body,
      headers,
      signal,
      timeoutMs: SEND_LIMIT_MS,
      onLimit: 'wait',
    });
    return isTelemetryAccepted(answer) ? 'sent' : { mayRetry: true, hintMs: 0 };
  } catch (error) {
    if (!isTinkerError(error, 'http_status')) {
      return { mayRetry: !isTinkerError(error) || error.retryable, hintMs: 0 };
    }
    // There is nothing in the path that could be missing but the route.
    if (error.status === 404 || isRouteMissing(error)) return 'missing';
    return { mayRetry: error.retryable, hintMs: usableHint(error.retryAfterMs) ?? 0 };
  }
}
