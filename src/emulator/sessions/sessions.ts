import type { Clock } from '../../kernel/clock.ts';
import { createId } from '../../kernel/random.ts';
import type { Account } from '../accounts/accounts.ts';
import type { UserMetadata } from '../accounts/user-metadata.ts';
import { problem } from '../http/http.ts';

/** A session as it was opened (protocol 2.2). */
export interface Session {
  readonly id: string;
  /** Id of the account that opened it. */
  readonly owner: string;
  readonly tags: readonly string[];
  readonly userMetadata: UserMetadata;
  readonly sdkVersion: string;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  /** Where it counts; may be assigned later, and never taken away. */
  projectId: string | undefined;
  /** How often its trace was asked for. */
  traceRequests: number;
}

/** The sessions of an emulator. A session lives as long as something is heard of it; what is known of it stays. */
export interface Sessions {
  open(
    account: Account,
    details: Pick<Session, 'tags' | 'userMetadata' | 'sdkVersion' | 'projectId'>,
  ): Session;
  /** Note a sign of life. @throws HttpProblem 404 - for one that is unknown, another's, or has expired. */
  touch(sessionId: string, account: Account): Session;
  /** One that was ever opened, alive or not. */
  find(sessionId: string): Session | undefined;
  /** All of them, the latest first. */
  list(): readonly Session[];
}

/** @param timeoutMs - Silence after which a session is gone. */
export function createSessions(clock: Clock, timeoutMs: number): Sessions {
  const sessions = new Map<string, Session>();
  const heardAt = new Map<string, number>();
  return {
    open(account, details) {
      const id = `session-${createId(6)}`;
      const session: Session = {
        ...details,
        id,
        owner: account.id,
        createdAt: clock.now(),
        traceRequests: 0,
      };
      sessions.set(id, session);
      heardAt.set(id, clock.monotonic());
      return session;
    },
    touch(sessionId, account) {
      const session = sessions.get(sessionId);
      const last = heardAt.get(sessionId) ?? Number.NEGATIVE_INFINITY;
      if (session?.owner !== account.id || clock.monotonic() - last > timeoutMs) {
        throw problem(404, `Session "${sessionId}" is unknown or has expired`);
      }
      heardAt.set(sessionId, clock.monotonic());
      return session;
    },
    find: (sessionId) => sessions.get(sessionId),
    list: () => [...sessions.values()].reverse(),
  };
}
