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
      /** How long until then, in milliseconds. */
      readonly delayMs: number;
      /** Code of the error that caused it. */
      readonly code: string;
      /** HTTP status of that error, where there was one. */
      readonly status?: number | undefined;
    }
  | {
      /** The server pauses operations. At most one a minute and client, however many wait (protocol 5.9). */
      readonly type: 'queue_state';
      /** What waits: `Training`, `Sampling` or `Model creation`, and for which model or session. */
      readonly subject: string;
      /** The server's id of one that waits. */
      readonly requestId: string;
      /** The server's word, e.g. `paused_capacity`. */
      readonly queueState: string;
      /** The server's reason, else the protocol's words for the state. */
      readonly reason: string;
    }
  | {
      /** An operation failed, awaited or not. One that the caller aborted, or closed, did not fail. */
      readonly type: 'operation_failed';
      /** Path of its submission, e.g. `/api/v1/optim_step`. */
      readonly path: string;
      /** The server's id of it, where it was accepted. */
      readonly requestId?: string | undefined;
      /** Code of the error; `unknown` for one that is not of this package. */
      readonly code: string;
      /** The error's message. */
      readonly message: string;
    }
  | {
      /** A local limit made a request wait: the first one to wait at it, until it is free again. */
      readonly type: 'limit_reached';
      /** Which kind of limit. */
      readonly scope: LimitScope;
      /** The limit's name, e.g. `sampling requests`. */
      readonly limit: string;
      /** Requests that wait at it. */
      readonly waiting: number;
    }
  | {
      /** The server asked for a pause (429), and all clients of the account keep it. */
      readonly type: 'rate_limited';
      /** The kind of requests that pause. */
      readonly lane: string;
      /** How long, in milliseconds. */
      readonly pauseMs: number;
      /** The server's words. */
      readonly reason: string;
    }
  | {
      /** The server asks for payment (402); requests wait for it. At most one a minute. */
      readonly type: 'billing_paused';
      /** The server's words. */
      readonly message: string;
      /** Since when, in milliseconds. */
      readonly pausedMs: number;
    }
  | {
      /** A circuit breaker changed its state. */
      readonly type: 'circuit';
      /** Address and kind of request. */
      readonly circuit: string;
      /** The state it leaves. */
      readonly from: CircuitKind;
      /** The state it is in. */
      readonly to: CircuitKind;
      /** Failures in a row. */
      readonly failures: number;
    }
  | {
      /** The server has something to say to whoever opens a session. */
      readonly type: 'session_message';
      /** How bad it is. */
      readonly level: 'info' | 'warning' | 'error';
      /** The server's words. */
      readonly message: string;
    }
  | {
      /** A heartbeat failed; the next one follows in its turn. */
      readonly type: 'heartbeat_failed';
      /** Which session. */
      readonly sessionId: string;
      /** Since the last one that got through, in milliseconds. */
      readonly silentMs: number;
      /** The error's message. */
      readonly message: string;
    }
  | {
      /** No heartbeat got through for over two minutes: the server may drop the session's models soon. */
      readonly type: 'session_silent';
      /** Which session. */
      readonly sessionId: string;
      /** Since the last heartbeat that got through, in milliseconds. */
      readonly silentMs: number;
    }
  | {
      /** The server does not know the session any more: its models are gone. */
      readonly type: 'session_lost';
      /** Which session. */
      readonly sessionId: string;
      /** What a heartbeat was answered with: 404 or 410. */
      readonly status: number;
    }
  | {
      /** The server has no heartbeats; none are sent any more. */
      readonly type: 'heartbeat_unsupported';
      /** Which session. */
      readonly sessionId: string;
    }
  | {
      /** A short-lived token could not be replaced; the old one is used for as long as the server takes it. */
      readonly type: 'token_refresh_failed';
      /** Why. */
      readonly message: string;
    }
  | {
      /** The server does not read protobuf, or not compressed: from now on it is sent this. */
      readonly type: 'wire_format';
      /** What it is sent. */
      readonly format: 'protobuf' | 'json';
      /** The server's words. */
      readonly message: string;
    }
  | {
      /** The server does not know this field of a request, which was left out. */
      readonly type: 'field_dropped';
      /** Path of the request. */
      readonly path: string;
      /** The field, by its name on the wire. */
      readonly field: string;
    }
  | {
      /** The store failed, or holds what is no value: it counts as a miss, and memory stands in. */
      readonly type: 'storage_trouble';
      /** What was tried. */
      readonly operation: 'get' | 'set' | 'delete' | 'update' | 'parse';
      /** The key it was tried with. */
      readonly key: string;
      /** The error's message. */
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
