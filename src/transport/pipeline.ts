import { bareMessage } from '../kernel/bare-message.ts';
import type { Clock } from '../kernel/clock.ts';
import type { EventSink } from '../kernel/diagnostics.ts';
import { isTinkerError } from '../kernel/errors.ts';
import type { Lane } from '../kernel/lane.ts';
import { TinkerLimitError } from '../kernel/limit-errors.ts';
import type { Circuit } from '../policy/circuit.ts';
import type { RateWindow } from '../policy/rate-window.ts';
import { usableHint } from '../policy/retry-after.ts';
import type { Lanes } from './lanes.ts';
import type { Transport, TransportRequest } from './transport.ts';

/** A request on its way through the limits to the server. */
export interface PipelineRequest extends TransportRequest {
  readonly lane: Lane;
  /** Ends the waiting before the request is sent; `signal` also ends the exchange. @default `signal` */
  readonly waitSignal?: AbortSignal | undefined;
  /** End of the operation on the monotonic clock: the exchange is given no longer. @default none */
  readonly deadlineAt?: number | undefined;
  /** What to do where the request would have to wait for a pause of the server. */
  readonly onLimit: 'wait' | 'throw';
  /** How long the account's lane pauses after a 429 that names no time, in milliseconds. @default not at all */
  readonly pauseMs?: number | undefined;
  /** A 429 of this request pauses nobody, whatever it says. @default false */
  readonly isDeafToHints?: boolean | undefined;
}

/** How far behind the deadline of its operation an exchange is ended. */
const DEADLINE_MARGIN_MS = 10;

/** What the requests of one account go through. */
export interface PipelineParts {
  readonly clock: Clock;
  readonly emit: EventSink;
  readonly lanes: Lanes;
  /** The pause of each lane; a lane without one (heartbeats) is never paused. */
  readonly windows: Readonly<Partial<Record<Lane, RateWindow>>>;
  /** The circuit of each lane, where there is one. */
  readonly circuits: Readonly<Partial<Record<Lane, Circuit>>>;
}

/** One attempt under all limits. */
export interface Pipeline {
  /**
   * Send, in this order: the server's pause, the lane's turn, the circuit, the attempt's own time limit, which starts
   * only here. Retries are the caller's, around it, so that one that waits holds nothing.
   *
   * @returns and @throws as {@link Transport.send}; also
   * @throws TinkerCircuitOpenError - where the circuit is open; nothing was sent.
   * @throws TinkerLimitError - with `onLimit: 'throw'`, where the server pauses this lane or answered 429.
   */
  send(request: PipelineRequest): Promise<unknown>;
}

/** The one place that fixes the order in which policies apply to an attempt. */
export function createPipeline(parts: PipelineParts, transport: Transport): Pipeline {
  const { clock, emit, lanes, windows, circuits } = parts;

  function exchange(request: PipelineRequest): Promise<unknown> {
    const { lane, signal, waitSignal = signal, deadlineAt = Number.POSITIVE_INFINITY } = request;
    // A little behind the deadline, whose own end must come first: the attempt's would count against the server. Timers
    // are whole milliseconds on some platforms, so a limit as long as the time left could come before it.
    const leftMs = Math.max(0, Math.ceil(deadlineAt - clock.monotonic()));
    const timeoutMs = Math.min(request.timeoutMs, leftMs + DEADLINE_MARGIN_MS);
    const onSend = (): void => {
      // The wait for a key is part of the waiting, too: nothing is sent for who has left.
      waitSignal.throwIfAborted();
      request.onSend?.();
    };
    const send = (): Promise<unknown> => transport.send({ ...request, timeoutMs, onSend });
    return circuits[lane]?.run(waitSignal, send) ?? send();
  }

  /** Close the window after a 429. @returns the error to go on with. */
  function limited(error: unknown, request: PipelineRequest, window: RateWindow): unknown {
    if (!isTinkerError(error, 'http_status') || error.status !== 429) return error;
    const hintMs = request.isDeafToHints === true ? undefined : usableHint(error.retryAfterMs);
    const pauseMs = hintMs ?? request.pauseMs ?? 0;
    if (pauseMs > 0) {
      const before = window.generation;
      window.set(pauseMs);
      // Hundreds may be refused together; one of them tells.
      if (window.generation !== before)
        emit({ type: 'rate_limited', lane: request.lane, pauseMs, reason: bareMessage(error) });
    }
    if (request.onLimit === 'wait') return error;
    const retryAfterMs = pauseMs > 0 ? pauseMs : undefined;
    return new TinkerLimitError('rate', bareMessage(error), { cause: error, retryAfterMs });
  }

  async function sendPaced(request: PipelineRequest, window: RateWindow): Promise<unknown> {
    const { lane, signal, waitSignal = signal, onLimit } = request;
    for (;;) {
      await window.refresh(waitSignal);
      const { remainingMs } = window;
      if (remainingMs > 0 && onLimit === 'throw') {
        throw new TinkerLimitError('rate', `The server asked for a pause of ${lane} requests`, {
          retryAfterMs: remainingMs,
        });
      }
      await window.wait(waitSignal);
      const sent = await lanes.run(lane, waitSignal, async () => {
        // The server may have asked for a pause while this request waited in its lane.
        if (window.remainingMs > 0) return undefined;
        const { generation } = window;
        try {
          const body = await exchange(request);
          // A safeguard: whatever kept the window shut when this began was mistaken.
          window.clear(generation);
          return { body };
        } catch (error) {
          throw limited(error, request, window);
        }
      });
      if (sent !== undefined) return sent.body;
    }
  }

  return {
    send(request) {
      const window = windows[request.lane];
      if (window !== undefined) return sendPaced(request, window);
      return lanes.run(request.lane, request.waitSignal ?? request.signal, () => exchange(request));
    },
  };
}
