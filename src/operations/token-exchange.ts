import { raceAbort } from '../kernel/abort.ts';
import type { Clock } from '../kernel/clock.ts';
import type { EventSink } from '../kernel/diagnostics.ts';
import { lifetimeOf } from '../kernel/json-web-token.ts';
import type { Scopes } from './scope.ts';

/** A token is no longer used when this much of its life is left, in milliseconds (protocol 1.4). */
const LAST_USE_MS = 60_000;
/** And a new one is asked for, on the side, from here on. */
const REFRESH_MS = 300_000;
/** Least time between two exchanges on the side, and the life of a token that does not say how long it lives. */
const RETRY_MS = 60_000;
const UNKNOWN_LIFETIME_MS = 600_000;
/** Least time between two exchanges that fail, where a token in its last minute is waited for. */
const FAILED_RETRY_MS = 5_000;

/** What {@link createTokenExchange} needs. */
export interface TokenExchangeParts {
  readonly clock: Clock;
  readonly emit: EventSink;
  readonly scopes: Scopes;
  /** Trade the key for a token: one request. */
  exchange(signal: AbortSignal): Promise<string>;
}

/** A short-lived token that is there when it is needed. */
export interface TokenExchange {
  /** A token that is good now. @throws what the exchange threw, where there is none. */
  token(signal: AbortSignal): Promise<string>;
}

interface Held {
  readonly token: string;
  /** On the monotonic clock. */
  readonly freshUntil: number;
  readonly usableUntil: number;
}

/**
 * Exchanges on demand, one at a time for all who wait, and has no timer: a client that does nothing asks for nothing. A
 * token in its last five minutes is replaced on the side while it is used; one in its last minute is waited for. Of a
 * short life these are the last half and the last fifth, so that even a token of seconds causes no more than one
 * exchange for each of its lives. Where an exchange fails, the old token is used as long as there is one.
 */
export function createTokenExchange(parts: TokenExchangeParts): TokenExchange {
  const { clock, emit, scopes } = parts;
  let held: Held | undefined;
  let exchanging: Promise<string> | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let failedUntil = Number.NEGATIVE_INFINITY;

  const exchange = (): Promise<string> => {
    triedAt = clock.monotonic();
    // Owned by the service, not by the request that came first: its abort leaves the exchange to the others.
    exchanging ??= scopes
      .run({}, async ({ signal }) => {
        const token = await parts.exchange(signal);
        const now = clock.monotonic();
        const lifetimeMs = Math.max(0, lifetimeOf(token, clock.now()) ?? UNKNOWN_LIFETIME_MS);
        held = {
          token,
          freshUntil: now + lifetimeMs - Math.min(REFRESH_MS, lifetimeMs / 2),
          usableUntil: now + lifetimeMs - Math.min(LAST_USE_MS, lifetimeMs / 5),
        };
        return token;
      })
      .finally(() => {
        exchanging = undefined;
      });
    return exchanging;
  };

  const failed = (error: unknown): void => {
    failedUntil = clock.monotonic() + FAILED_RETRY_MS;
    const message = error instanceof Error ? error.message : String(error);
    emit({ type: 'token_refresh_failed', message });
  };

  return {
    async token(signal) {
      const now = clock.monotonic();
      if (held === undefined) return raceAbort(signal, exchange());
      if (now < held.freshUntil) return held.token;
      const isUsable = now < held.usableUntil;
      if (isUsable) {
        if (exchanging === undefined && now - triedAt >= RETRY_MS) exchange().catch(failed);
        return held.token;
      }
      const stale = held.token;
      if (exchanging === undefined && now < failedUntil) return stale;
      try {
        return await raceAbort(signal, exchange());
      } catch (error) {
        signal.throwIfAborted();
        // It may be good for longer than it says, and the server's word on that is worth more than ours.
        failed(error);
        return stale;
      }
    },
  };
}
