import { raceAbort } from '../kernel/abort.ts';
import type { Clock } from '../kernel/clock.ts';
import type { EventSink } from '../kernel/diagnostics.ts';
import { isTinkerError, TinkerResponseError } from '../kernel/errors.ts';
import { TinkerUnsupportedError } from '../kernel/unsupported-error.ts';
import { type Answer, isRouteMissing, readBody, statusError } from '../transport/classify.ts';
import { type ApiKey, type Credential, resolveKey } from '../transport/credential.ts';
import { redactTokens } from '../transport/redact.ts';
import type { Transport } from '../transport/transport.ts';
import { readExchangedToken } from '../wire/json/client-config.ts';
import type { Scopes } from './scope.ts';
import type { Settings } from './settings.ts';
import { createTokenExchange } from './token-exchange.ts';

/** The server says that it wants tokens, and may be wrong. */
const SEND_KEY = 'clientConfig: { jwtAuth: false } sends the key itself';

/** What proves to the server who is asking. */
export interface Credentials {
  /** For every request but those that lead to it. */
  readonly current: Credential;
  /** The server refused this one with a 401. @returns whether {@link Credentials.current} may now give a better one. */
  refused(credential: string): boolean;
  /** The same for somebody else's key: what a request on their behalf sends. */
  exchanged(key: string, signal: AbortSignal): Promise<string>;
}

/** What {@link createCredentials} needs. */
export interface CredentialsParts {
  readonly clock: Clock;
  readonly emit: EventSink;
  readonly scopes: Scopes;
  readonly settings: Settings;
  readonly apiKey: ApiKey;
  readonly timeoutMs: number;
  /** A transport that sends with this credential. */
  transportWith(credential: Credential): Transport;
}

/**
 * The key itself, or where the server wants it (`pjwt_auth_enabled`, protocol 1.4) the short-lived token it is exchanged
 * for. A key that is a token already (`eyJ…`) is exchanged like any other.
 */
export function createCredentials(parts: CredentialsParts): Credentials {
  const { clock, emit, scopes, settings, apiKey, timeoutMs } = parts;

  const exchange = async (credential: Credential, signal: AbortSignal): Promise<string> => {
    const path = '/api/v1/auth/token';
    const transport = parts.transportWith(credential);
    const special = (answer: Answer) => ({ value: tokenIn(answer, clock.now()) });
    try {
      return (await transport.send({ method: 'POST', path, body: {}, special, signal, timeoutMs })) as string;
    } catch (cause) {
      // As it is it would be taken for the answer to the request that waits for the token.
      if (!isTinkerError(cause, 'http_status') || !isRouteMissing(cause)) throw cause;
      throw new TinkerUnsupportedError(`POST ${path}`, { cause, hint: SEND_KEY });
    }
  };
  const own = createTokenExchange({
    clock,
    emit,
    scopes,
    exchange: (signal) => exchange(() => resolveKey(apiKey), signal),
  });

  return {
    async current(signal) {
      const { jwtAuth } = await settings.ready(signal);
      return jwtAuth ? own.token(signal) : raceAbort(signal, resolveKey(apiKey));
    },
    refused: (credential) => settings.current.jwtAuth && own.refused(credential),
    async exchanged(key, signal) {
      const { jwtAuth } = await settings.ready(signal);
      return jwtAuth ? exchange(async () => key, signal) : key;
    },
  };
}

/** The token of an answer. @throws TinkerError - where there is none, in words from which all that may be one is taken. */
function tokenIn(answer: Answer, now: number): string {
  const clean = { ...answer, text: redactTokens(answer.text) };
  if (answer.status < 200 || answer.status > 299) throw statusError(clean, now);
  // From the bytes: the text has the key taken out, and a server may give a key back that is a token already.
  const token = readExchangedToken(parsed(new TextDecoder().decode(answer.bytes)));
  if (token !== undefined) return token;
  // Read again for its own complaint, which quotes what it read.
  readBody(clean);
  throw new TinkerResponseError(`${answer.path} answered without a token`, { hint: SEND_KEY });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
