import { isoTime } from '../../kernel/clock.ts';
import { platformName } from '../../kernel/platform-name.ts';
import { createUuid } from '../../kernel/uuid.ts';
import { VERSION } from '../../version.ts';
import type { TelemetryEvent, TelemetryNews, TelemetrySeverity } from '../../wire/json/telemetry.ts';
import type { Runtime } from '../runtime.ts';
import { createTelemetryDelivery, type TelemetryGauge } from './telemetry-delivery.ts';
import { failureNews, isTold } from './telemetry-errors.ts';
import { genericNews, sessionDuration, type TelemetryData } from './telemetry-events.ts';

/** What a client tells its server of its own health (protocol 6), if it was asked to. None of it throws or waits. */
export interface Telemetry {
  /** A session was opened: what follows belongs to it. */
  started(sessionId: string): void;
  /**
   * An operation failed; what its caller aborted did not. Sent soon, but nobody waits for it.
   *
   * @param severity - For one that is not the user's doing. @default 'ERROR'
   */
  failed(error: unknown, severity?: TelemetrySeverity): void;
  /**
   * Something else happened. Sent with the next batch.
   *
   * @param name - One of few.
   * @param data - Only the fields of {@link TelemetryData} are sent. @default none
   * @param severity - @default 'INFO'
   */
  generic(name: string, data?: TelemetryData, severity?: TelemetrySeverity): void;
  /** What became of the events so far. */
  snapshot(): TelemetryGauge;
  /**
   * End the session: what waits is sent once more, within a second; later events are ignored. Never rejects. Calling it
   * again waits for the same end.
   */
  close(): Promise<void>;
}

/** What telemetry is made of: parts of a {@link Runtime}. */
export interface TelemetryParts extends Pick<Runtime, 'clock' | 'random' | 'createId' | 'pipeline'> {
  /** What the client runs on. @default {@link platformName} of this platform */
  readonly platform?: string | undefined;
}

/** A session's events, or those of no session. */
interface Stream {
  readonly sessionId: string;
  readonly startedAt: number | undefined;
  nextIndex: number;
}

/** Telemetry that is off: the default. */
export const noTelemetry: Telemetry = {
  started: () => {},
  failed: () => {},
  generic: () => {},
  snapshot: () => ({ queued: 0, sent: 0, dropped: 0 }),
  close: async () => {},
};

/**
 * Telemetry that is on. It tells when sessions begin and end, and of each failure its type, the field, limit or status,
 * and the server's own words; and on which platform and by which version. No key, header, prompt, token, metadata, stack
 * trace, nor anything about the machine. Before the first event it makes no id, no timer and no request.
 */
export function createTelemetry(parts: TelemetryParts): Telemetry {
  const { clock, createId } = parts;
  let processId: string | undefined;
  let stream: Stream | undefined;
  let closing: Promise<void> | undefined;
  const header = () => {
    processId ??= createUuid(createId);
    return { platform: parts.platform ?? platformName(), sdkVersion: VERSION, processId };
  };
  const delivery = createTelemetryDelivery({ ...parts, header });

  const record = (news: TelemetryNews, severity: TelemetrySeverity): void => {
    stream ??= { sessionId: `sessionless-${createUuid(createId)}`, startedAt: undefined, nextIndex: 0 };
    const timestamp = isoTime(clock.now()).replace('Z', '000Z');
    const event: TelemetryEvent = {
      id: createUuid(createId),
      index: stream.nextIndex++,
      severity,
      timestamp,
      news,
    };
    delivery.push(stream.sessionId, event);
  };
  /** Whatever is wrong with an error, a clock or a source of ids must not fail the operation that is told of. */
  const quietly = (work: () => void): void => {
    try {
      work();
    } catch {
      // An event that cannot be made is not sent.
    }
  };

  return {
    started: (sessionId) =>
      quietly(() => {
        stream = { sessionId, startedAt: clock.monotonic(), nextIndex: 0 };
        record({ event: 'SESSION_START' }, 'INFO');
      }),
    failed: (error, severity = 'ERROR') =>
      quietly(() => {
        if (!isTold(error)) return;
        const told = failureNews(error, severity);
        record(told.news, told.severity);
        delivery.flushSoon();
      }),
    generic: (name, data = {}, severity = 'INFO') => quietly(() => record(genericNews(name, data), severity)),
    snapshot: delivery.snapshot,
    close() {
      quietly(() => {
        if (stream?.startedAt === undefined) return;
        const duration = sessionDuration(clock.monotonic() - stream.startedAt);
        record({ event: 'SESSION_END', duration }, 'INFO');
      });
      closing ??= delivery.close();
      return closing;
    },
  };
}
