import type { LimitScope } from './limit-errors.ts';

/** State of a circuit breaker. */
export type CircuitKind = 'closed' | 'open' | 'half_open';

/** Something worth knowing that is not a result. Plain data, no credential in it. */
export type TinkerEvent =
  | {
      /** A request is about to be sent again. */
      readonly type: 'retry';
      /** Path of the request, e.g. `/api/v1/optim_step`. */
      readonly path: string;
      /** Attempts made so far. */
      readonly attempts: number;
      readonly delayMs: number;
      /** Code of the error that caused it, and its HTTP status where there was one. */
      readonly code: string;
      readonly status?: number | undefined;
    }
  | {
      /** The server pauses operations. At most one a minute and client, however many wait (protocol 5.9). */
      readonly type: 'queue_state';
      /** What waits: `Training`, `Sampling` or `Model creation`, and for which model or session. */
      readonly subject: string;
      readonly requestId: string;
      readonly queueState: string;
      /** The server's reason, else the protocol's words for the state. */
      readonly reason: string;
    }
  | {
      /** An operation failed, awaited or not. One that the caller aborted, or closed, did not fail. */
      readonly type: 'operation_failed';
      /** Path of its submission, e.g. `/api/v1/optim_step`. */
      readonly path: string;
      readonly requestId?: string | undefined;
      /** Code of the error; `unknown` for one that is not of this package. */
      readonly code: string;
      readonly message: string;
    }
  | {
      /** A local limit made a request wait: the first one to wait at it, until it is free again. */
      readonly type: 'limit_reached';
      readonly scope: LimitScope;
      /** The limit's name, e.g. `sampling requests`. */
      readonly limit: string;
      readonly waiting: number;
    }
  | {
      /** The server asked for a pause (429), and all clients of the account keep it. */
      readonly type: 'rate_limited';
      readonly lane: string;
      readonly pauseMs: number;
      readonly reason: string;
    }
  | {
      /** The server asks for payment (402); requests wait for it. At most one a minute. */
      readonly type: 'billing_paused';
      readonly message: string;
      /** Since when, in milliseconds. */
      readonly pausedMs: number;
    }
  | {
      /** A circuit breaker changed its state. */
      readonly type: 'circuit';
      /** Address and kind of request. */
      readonly circuit: string;
      readonly from: CircuitKind;
      readonly to: CircuitKind;
      readonly failures: number;
    }
  | {
      readonly type: 'session_message';
      readonly level: 'info' | 'warning' | 'error';
      readonly message: string;
    }
  | {
      /** A heartbeat failed; the next one follows in its turn. */
      readonly type: 'heartbeat_failed';
      readonly sessionId: string;
      readonly silentMs: number;
      readonly message: string;
    }
  | {
      /** No heartbeat got through for over two minutes: the server may drop the session's models soon. */
      readonly type: 'session_silent';
      readonly sessionId: string;
      readonly silentMs: number;
    }
  | { readonly type: 'session_lost'; readonly sessionId: string; readonly status: number }
  | {
      /** The server has no heartbeats; none are sent any more. */
      readonly type: 'heartbeat_unsupported';
      readonly sessionId: string;
    }
  | {
      /** A short-lived token could not be replaced; the old one is used for as long as the server takes it. */
      readonly type: 'token_refresh_failed';
      readonly message: string;
    }
  | {
      /** The server does not read protobuf, or not compressed: from now on it is sent this. */
      readonly type: 'wire_format';
      readonly format: 'protobuf' | 'json';
      readonly message: string;
    }
  | {
      /** The server does not know this field of a request, which was left out. */
      readonly type: 'field_dropped';
      readonly path: string;
      readonly field: string;
    }
  | {
      readonly type: 'storage_trouble';
      readonly operation: 'get' | 'set' | 'delete' | 'update' | 'parse';
      readonly key: string;
      readonly message: string;
    };

/** Receives {@link TinkerEvent}s. Called synchronously; what it throws is dropped. */
export type EventSink = (event: TinkerEvent) => void;

/** A sink that never throws into the call that reports. */
export function safeSink(sink: EventSink | undefined): EventSink {
  if (sink === undefined) return () => {};
  return (event) => {
    try {
      sink(event);
    } catch {
      // A listener's bug must not fail the operation it listens to.
    }
  };
}
