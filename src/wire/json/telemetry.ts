import { asRecord } from './as-record.ts';

/** How bad it is (protocol 6.1). */
export type TelemetrySeverity = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL';

/** What an event tells (protocol 6.1). */
export type TelemetryNews =
  | { readonly event: 'SESSION_START' }
  | { readonly event: 'SESSION_END'; readonly duration: string }
  | {
      readonly event: 'GENERIC_EVENT';
      /** One of few. */
      readonly eventName: string;
      /** With the wire's own names; sent even where it is empty. */
      readonly eventData: Readonly<Record<string, unknown>>;
    }
  | { readonly event: 'UNHANDLED_EXCEPTION'; readonly errorType: string; readonly errorMessage: string };

/** An event as it is sent. */
export interface TelemetryEvent {
  /** A UUID of version 4: whoever gets the event twice can tell. */
  readonly id: string;
  /** Number of the event in its session, from 0 on. */
  readonly index: number;
  readonly severity: TelemetrySeverity;
  /** ISO 8601 in UTC, to the microsecond. */
  readonly timestamp: string;
  readonly news: TelemetryNews;
}

/** Events of one session, to be sent together. */
export interface TelemetryBatch {
  readonly events: readonly TelemetryEvent[];
  /** Where the client runs, e.g. `Node`. */
  readonly platform: string;
  readonly sdkVersion: string;
  /** The server's id of the session, or `sessionless-` and a UUID. */
  readonly sessionId: string;
  /** A UUID of version 4: the same for all that one client sends. */
  readonly processId: string;
}

/** Body of `telemetry` (protocol 6.1). */
export function telemetryBody(batch: TelemetryBatch): object {
  return {
    events: batch.events.map(({ id, index, severity, timestamp, news }) => ({
      event: news.event,
      event_id: id,
      event_session_index: index,
      severity,
      timestamp,
      ...newsFields(news),
    })),
    platform: batch.platform,
    sdk_version: batch.sdkVersion,
    session_id: batch.sessionId,
    process_uuid: batch.processId,
  };
}

function newsFields(news: TelemetryNews): object {
  switch (news.event) {
    case 'SESSION_START':
      return {};
    case 'SESSION_END':
      return { duration: news.duration };
    case 'GENERIC_EVENT':
      return { event_name: news.eventName, event_data: news.eventData };
    case 'UNHANDLED_EXCEPTION':
      return { error_type: news.errorType, error_message: news.errorMessage };
  }
}

/** Whether an answer of `telemetry` says that the events arrived: only these words do (protocol 2.8). */
export function isTelemetryAccepted(body: unknown): boolean {
  return asRecord(body)['status'] === 'accepted';
}
