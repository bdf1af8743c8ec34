import { raceAbort } from '../kernel/abort.ts';
import { bareMessage } from '../kernel/bare-message.ts';
import type { Clock } from '../kernel/clock.ts';
import type { EventSink } from '../kernel/diagnostics.ts';
import { lifetimeOf } from '../kernel/json-web-token.ts';
import type { Scopes } from './scope.ts';

/** A token is no longer used when this much of its life is left, in milliseconds (protocol 1.4). */
const LAST_USE_MS = 60_000;
/** A token's times are in whole seconds: it may end so much earlier than it says. */
const ROUNDING_MS = 1_000;
/** And a new one is asked for, on the side, from here on. */
const REFRESH_MS = 300_000;
/** Least time between two exchanges on the side. */
const RETRY_MS = 60_000;
/** Life of a token that does not say how long it lives, and of a new one that is over by a clock that must be wrong. */
const UNKNOWN_LIFETIME_MS = 600_000;
const IMPOSSIBLE_LIFETIME_MS = 60_000;
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
  /** The server refused this token: it is not used again. @returns whether another one may do better. */
  refused(token: string): boolean;
}

interface Held {
  readonly token: string;
  /** When it was asked for, on both clocks: the monotonic one may stand still while a laptop sleeps. */
  readonly askedAt: { readonly monotonic: number; readonly wall: number };
  /** Ages up to which it is used without, and with, a thought of the next. */
  readonly freshMs: number;
  readonly usableMs: number;
}

/**
 * Exchanges on demand, one at a time for all who wait, and has no timer: a client that does nothing asks for nothing. A
 * token in its last five minutes is replaced on the side while it is used; one in its last minute is waited for. Of a
 * short life these are the last half and the last fifth (or second), so that even a token of seconds causes no more
 * than two exchanges for each of its lives. Where an exchange fails, the old token is used as long as there is one.
 */
export function createTokenExchange(parts: TokenExchangeParts): TokenExchange {
  const { clock, emit, scopes } = parts;
  let held: Held | undefined;
  let exchanging: Promise<string> | undefined;
  let triedAt = Number.NEGATIVE_INFINITY;
  let failedUntil = Number.NEGATIVE_INFINITY;

  const ageOf = ({ askedAt }: Held): number =>
    Math.max(clock.monotonic() - askedAt.monotonic, clock.now() - askedAt.wall);

  const exchangeOnce = async (signal: AbortSignal): Promise<string> => {
    const askedAt = { monotonic: clock.monotonic(), wall: clock.now() };
    triedAt = askedAt.monotonic;
    try {
      const token = await parts.exchange(signal);
      const saidMs = lifetimeOf(token, askedAt.wall) ?? UNKNOWN_LIFETIME_MS;
      const lifetimeMs = saidMs > 0 ? saidMs : IMPOSSIBLE_LIFETIME_MS;
      const freshMs = lifetimeMs - Math.min(REFRESH_MS, lifetimeMs / 2);
      const lastMs = Math.max(Math.min(LAST_USE_MS, lifetimeMs / 5), Math.min(ROUNDING_MS, lifetimeMs / 2));
      held = { token, askedAt, freshMs, usableMs: lifetimeMs - lastMs };
      return token;
    } catch (error) {
      failedUntil = clock.monotonic() + FAILED_RETRY_MS;
      // Without a token the error is that of the requests that wait for one.
      if (held !== undefined && !signal.aborted) {
        emit({ type: 'token_refresh_failed', message: bareMessage(error) });
      }
      throw error;
    }
  };

  const exchange = (): Promise<string> => {
    // Owned by the service, not by the request that came first: its abort leaves the exchange to the others.
    exchanging ??= scopes
      .run({}, ({ signal }) => exchangeOnce(signal))
      .finally(() => {
        exchanging = undefined;
      });
    return exchanging;
  };

  return {
    refused(token) {
      // Another request was told before.
      if (held?.token !== token) return true;
      // One that is refused as soon as it is made is not the trouble.
      if (ageOf(held) < FAILED_RETRY_MS) return false;
      held = undefined;
      return true;
    },
    async token(signal) {
      if (held === undefined) return raceAbort(signal, exchange());
      const { token: old, freshMs, usableMs } = held;
      const age = ageOf(held);
      if (age < freshMs) return old;
      const now = clock.monotonic();
      if (age < usableMs) {
        if (exchanging === undefined && now - triedAt >= RETRY_MS) exchange().catch(() => {});
        return old;
      }
      if (exchanging === undefined && now < failedUntil) return old;
      try {
        return await raceAbort(signal, exchange());
      } catch {
        signal.throwIfAborted();
        // It may be good for longer than it says, and the server's word on that is worth more than ours.
        return old;
      }
    },
  };
}
