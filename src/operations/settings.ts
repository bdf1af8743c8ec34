import { raceAbort, sleep } from '../kernel/abort.ts';
import { isTinkerError, type TinkerError } from '../kernel/errors.ts';
import type { Transport } from '../transport/transport.ts';
import {
  type ClientConfig,
  defaultClientConfig,
  readClientConfig,
  readRefreshInterval,
} from '../wire/json/client-config.ts';
import type { Runtime } from './runtime.ts';
import type { Scopes } from './scope.ts';

/** What the server sets for this client. */
export interface Settings {
  /** As they are known now: the defaults until the server has answered. */
  readonly current: ClientConfig;
  /** Whether the server has the route: servers that have it know newer fields of requests (servers.md 2.1 item 32). */
  readonly isServed: boolean;
  /**
   * Wait until the server was asked, once for all.
   *
   * @throws TinkerError - where it could not be asked; the next call asks again.
   */
  ready(signal: AbortSignal): Promise<ClientConfig>;
}

/** What {@link createSettings} needs. */
export interface SettingsParts {
  readonly scopes: Scopes;
  /** Sends with the key itself: tokens come later. */
  readonly transport: Transport;
  readonly sdkVersion: string;
  readonly timeoutMs: number;
  /** Win over what the server sets; `false`: it is not asked. */
  readonly overrides: Partial<ClientConfig> | false;
  /** Told once, of what holds from now on. */
  apply(config: ClientConfig): void;
}

/** A server that fails the question so often in a row has its defaults. */
const MAX_FAILURES = 3;

/**
 * Asks `client/config` when the first request needs it (protocol 5.2). A server without it, or whose answer says
 * nothing, leaves the defaults (servers.md 2.1 item 36); one that cannot be reached fails the request that asked, as it
 * would have failed the request itself.
 */
export function createSettings(parts: SettingsParts): Settings {
  const { scopes, transport, overrides } = parts;
  const own = overrides === false ? {} : overrides;
  let current = { ...defaultClientConfig(), ...own };
  let isServed = false;
  let isKnown = overrides === false;
  let failures = 0;
  let asking: Promise<ClientConfig> | undefined;

  const settle = (config: ClientConfig): ClientConfig => {
    current = { ...config, ...own };
    isKnown = true;
    parts.apply(current);
    return current;
  };

  const ask = (): Promise<ClientConfig> =>
    scopes.run({}, async ({ signal }) => {
      try {
        const body = { sdk_version: parts.sdkVersion };
        const { timeoutMs } = parts;
        const path = '/api/v1/client/config';
        const answer = await transport.send({ method: 'POST', path, body, signal, timeoutMs });
        isServed = true;
        return settle(readClientConfig(answer));
      } catch (error) {
        signal.throwIfAborted();
        if (!isTinkerError(error)) throw error;
        failures = mayBeBroken(error) ? failures + 1 : 0;
        if (!saysNothing(error) && (!mayBeBroken(error) || failures < MAX_FAILURES)) throw error;
        return settle(defaultClientConfig());
      }
    });

  return {
    get current() {
      return current;
    },
    get isServed() {
      return isServed;
    },
    ready(signal) {
      if (isKnown) return Promise.resolve(current);
      asking ??= ask().finally(() => {
        asking = undefined;
      });
      return raceAbort(signal, asking);
    },
  };
}

/** An answer after which there is no use in asking again. */
function saysNothing(error: TinkerError): boolean {
  if (error.code === 'response_invalid') return !error.retryable;
  if (!isTinkerError(error, 'http_status')) return false;
  const { status } = error;
  return status === 501 || (status >= 400 && status < 500 && ![401, 402, 403, 408, 429].includes(status));
}

/** What a proxy says of a server that is down. */
const OUTAGE = [502, 503, 504];

/**
 * A fault of this one route. Who cannot be reached, is down, or refuses the key, would do so on any other, too: defaults
 * that an outage made would stay when it is over, and send the key to a server that wants tokens.
 */
function mayBeBroken(error: TinkerError): boolean {
  if (error.code === 'response_invalid') return true;
  return isTinkerError(error, 'http_status') && error.status >= 500 && !OUTAGE.includes(error.status);
}

/** Least interval of {@link keepDynamicConfig}, in milliseconds (protocol 5.2). */
const MIN_REFRESH_MS = 10_000;
const DYNAMIC_TIMEOUT_MS = 10_000;

/**
 * Ask `client/dynamic_config` again and again, at the interval it names, until the service is closed or the server has
 * no such route. It holds nothing but that interval yet; servers count on being asked.
 */
export async function keepDynamicConfig(
  { clock, pipeline }: Runtime,
  sdkVersion: string,
  signal: AbortSignal,
): Promise<void> {
  let intervalMs = readRefreshInterval(undefined);
  for (;;) {
    try {
      const answer = await pipeline.send({
        method: 'POST',
        path: '/api/v1/client/dynamic_config',
        lane: 'session',
        body: { sdk_version: sdkVersion },
        signal,
        timeoutMs: DYNAMIC_TIMEOUT_MS,
        onLimit: 'wait',
      });
      intervalMs = readRefreshInterval(answer);
    } catch (error) {
      if (signal.aborted) return;
      if (isTinkerError(error, 'http_status') && [404, 405, 501].includes(error.status)) return;
    }
    await sleep(clock, Math.max(MIN_REFRESH_MS, intervalMs), signal, { background: true });
  }
}
