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
      /** The server said something new about the queue an operation waits in. */
      readonly type: 'queue_state';
      readonly requestId: string;
      readonly queueState: string;
      readonly reason?: string | undefined;
    }
  | {
      readonly type: 'session_message';
      readonly level: 'info' | 'warning' | 'error';
      readonly message: string;
    }
  | {
      readonly type: 'heartbeat_failed';
      readonly sessionId: string;
      readonly silentMs: number;
      readonly message: string;
    }
  | { readonly type: 'session_lost'; readonly sessionId: string; readonly status: number }
  | {
      readonly type: 'storage_trouble';
      readonly operation: 'get' | 'set' | 'delete' | 'update';
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
