import type { Clock } from '../kernel/clock.ts';
import { createId } from '../kernel/random.ts';
import { problem } from './http.ts';

/** The sessions of an emulator. A session lives as long as something is heard of it. */
export interface Sessions {
  open(): string;
  /** Note a sign of life. @throws HttpProblem 404 - for a session that is unknown or has expired. */
  touch(sessionId: string): void;
}

/** @param timeoutMs - Silence after which a session is gone. */
export function createSessions(clock: Clock, timeoutMs: number): Sessions {
  const heardAt = new Map<string, number>();
  return {
    open() {
      const sessionId = `session-${createId(6)}`;
      heardAt.set(sessionId, clock.monotonic());
      return sessionId;
    },
    touch(sessionId) {
      const last = heardAt.get(sessionId);
      if (last === undefined || clock.monotonic() - last > timeoutMs) {
        heardAt.delete(sessionId);
        throw problem(404, `Session "${sessionId}" is unknown or has expired`);
      }
      heardAt.set(sessionId, clock.monotonic());
    },
  };
}
