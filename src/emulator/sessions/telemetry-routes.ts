import { parseIsoTime } from '../calendar.ts';
import { type Fields, fieldsOf } from '../http/fields.ts';
import { json, problem, type Routes } from '../http/http.ts';

/** An event that a client sent (protocol 6.1). */
export interface TelemetryEvent {
  /** The session it tells of, or `sessionless-` and an id. */
  readonly sessionId: string;
  /** Names the process that sent it. */
  readonly processUuid: string;
  /** The event as it came, by the names of the wire. */
  readonly event: Readonly<Record<string, unknown>>;
}

/** The events that came, the latest last. */
export interface TelemetryLog {
  add(event: TelemetryEvent): void;
  /** Those that are kept. */
  list(): readonly TelemetryEvent[];
}

/** Events kept; the oldest go first. */
const KEPT_EVENTS = 1000;

const SEVERITIES = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'];

/** Fields of each kind of event beside those that all have. */
const EXTRA_FIELDS: Readonly<Record<string, (event: Fields) => void>> = {
  SESSION_START: () => {},
  SESSION_END: (event) => {
    event.text('duration');
  },
  GENERIC_EVENT: (event) => {
    event.text('event_name');
    event.object('event_data');
  },
  UNHANDLED_EXCEPTION: (event) => {
    event.text('error_type');
    event.text('error_message');
    event.optionalText('traceback');
  },
};

/** Nothing has come yet. */
export function createTelemetryLog(): TelemetryLog {
  const events: TelemetryEvent[] = [];
  return {
    add(event) {
      events.push(event);
      if (events.length > KEPT_EVENTS) events.shift();
    },
    list: () => [...events],
  };
}

/** The route that takes telemetry (protocol 2.8): all of a batch, or none of it. */
export function telemetryRoutes({ telemetry }: { readonly telemetry: TelemetryLog }): Routes {
  return {
    'POST telemetry': ({ body }) => {
      const fields = fieldsOf(body);
      fields.text('platform');
      fields.text('sdk_version');
      const sessionId = fields.text('session_id');
      const processUuid = fields.text('process_uuid');
      const events = fields.list('events');
      for (const [index, event] of events.entries()) requireEvent(event, `body.events[${index}]`);
      for (const event of events) {
        telemetry.add({ sessionId, processUuid, event: event as Record<string, unknown> });
      }
      return json({ status: 'accepted' });
    },
  };
}

function requireEvent(value: unknown, at: string): void {
  const event = fieldsOf(value, at);
  const kind = event.text('event');
  const requireExtra = Object.hasOwn(EXTRA_FIELDS, kind) ? EXTRA_FIELDS[kind] : undefined;
  if (requireExtra === undefined) throw problem(422, `${at}.event "${kind}" is not known`);
  event.text('event_id');
  event.integer('event_session_index');
  if (!SEVERITIES.includes(event.text('severity')))
    throw problem(422, `${at}.severity must be one of ${SEVERITIES.join(', ')}`);
  if (parseIsoTime(event.text('timestamp')) === undefined)
    throw problem(422, `${at}.timestamp must be a time as ISO 8601 words it`);
  requireExtra(event);
}
