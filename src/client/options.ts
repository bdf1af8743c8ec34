import { checkFinite, checkText, show } from '../kernel/checks.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { type EventSink, safeSink } from '../kernel/diagnostics.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import { createId, type RandomSource, systemRandom } from '../kernel/random.ts';
import type { ApiKey, FetchLike } from '../transport/transport.ts';

/** The hosted service (protocol 1.1). */
export const DEFAULT_BASE_URL = 'https://tinker.thinkingmachines.dev/services/tinker-prod';

/** Configuration of a service client. Only `apiKey` is required. */
export interface ServiceClientOptions {
  /**
   * API key, or a function asked for one before every attempt. For the hosted service it starts with `tml-` (or is a
   * JWT); a server without authentication takes any text.
   */
  readonly apiKey: ApiKey;
  /** Address of the server, with or without `/api/v1`. @default the hosted service */
  readonly baseUrl?: string | undefined;
  /** Sends the requests: the platform's `fetch`, an emulator's, or your own. @default the global `fetch` */
  readonly fetch?: FetchLike | undefined;
  /** Sent with every request; win over the library's own. @default none */
  readonly defaultHeaders?: Readonly<Record<string, string>> | undefined;
  /** Labels of the session. @default none */
  readonly tags?: readonly string[] | undefined;
  /** Metadata of the session. @default none */
  readonly userMetadata?: Readonly<Record<string, string>> | undefined;
  /** Project the session belongs to. @default the account's default project */
  readonly projectId?: string | undefined;
  /** Limit of one HTTP exchange, in milliseconds. @default 60_000 */
  readonly attemptTimeoutMs?: number | undefined;
  /**
   * How long a failing request is sent again, in milliseconds from its first attempt; 0 means once. Concerns
   * submissions; polling is bounded by `timeoutMs` alone. @default 300_000
   */
  readonly retryBudgetMs?: number | undefined;
  /** Told of retries, queue states and the session's health. @default none */
  readonly onEvent?: EventSink | undefined;
  /** Source of time. @default the system's */
  readonly clock?: Clock | undefined;
  /** Source of jitter, uniform in [0, 1). @default `Math.random` */
  readonly random?: RandomSource | undefined;
  /** Source of idempotency keys. @default 128 random bits in hex */
  readonly createId?: (() => string) | undefined;
}

/** The same with every default filled in; nothing below the client layer sees anything else. */
export interface ResolvedServiceOptions {
  readonly apiKey: ApiKey;
  readonly baseUrl: string;
  readonly fetch: FetchLike;
  readonly defaultHeaders: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly userMetadata: Readonly<Record<string, string>>;
  readonly projectId: string | undefined;
  readonly attemptTimeoutMs: number;
  readonly retryBudgetMs: number;
  readonly emit: EventSink;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly createId: () => string;
}

/** Check and complete options. @throws TinkerInputError - naming the option, the value and the bound. */
export function resolveServiceOptions(options: ServiceClientOptions): ResolvedServiceOptions {
  const isHosted = !options.baseUrl && options.fetch === undefined;
  return {
    apiKey: checkApiKey(options.apiKey, isHosted),
    baseUrl: normalizeBaseUrl(options.baseUrl || DEFAULT_BASE_URL),
    fetch: checkFunction('fetch', options.fetch) ?? ((request) => globalThis.fetch(request)),
    defaultHeaders: checkHeaders(options.defaultHeaders ?? {}),
    tags: checkTexts('tags', options.tags ?? []),
    userMetadata: checkMetadata(options.userMetadata ?? {}),
    projectId: options.projectId === undefined ? undefined : checkText('projectId', options.projectId),
    attemptTimeoutMs: checkFinite('attemptTimeoutMs', options.attemptTimeoutMs ?? 60_000, {
      min: 0,
      aboveMin: true,
    }),
    retryBudgetMs: checkFinite('retryBudgetMs', options.retryBudgetMs ?? 300_000, { min: 0 }),
    emit: safeSink(checkFunction('onEvent', options.onEvent)),
    clock: options.clock ?? systemClock,
    random: checkFunction('random', options.random) ?? systemRandom,
    createId: checkFunction('createId', options.createId) ?? createId,
  };
}

function checkApiKey(apiKey: unknown, isHosted: boolean): ApiKey {
  if (typeof apiKey === 'function') return apiKey as ApiKey;
  // The key itself is never shown, not even a wrong one.
  if (typeof apiKey !== 'string' || apiKey === '') {
    const got = typeof apiKey === 'string' ? 'an empty one' : show(apiKey);
    throw new TinkerInputError('apiKey', `must be a non-empty string or a function, got ${got}`);
  }
  if (!/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new TinkerInputError(
      'apiKey',
      'must consist of visible ASCII characters; it has a space, a line end or others',
    );
  }
  if (isHosted && !/^(tml-|eyJ)/.test(apiKey)) {
    throw new TinkerInputError('apiKey', 'must start with "tml-" for the hosted service');
  }
  return apiKey;
}

function normalizeBaseUrl(baseUrl: unknown): string {
  const url = typeof baseUrl === 'string' && URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new TinkerInputError('baseUrl', `must be an absolute http or https URL, got ${show(baseUrl)}`);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new TinkerInputError('baseUrl', 'must have no credentials, query or fragment');
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/+api\/v1$/, '')}`;
}

function checkFunction<F>(field: string, value: F): F {
  if (value === undefined || typeof value === 'function') return value;
  throw new TinkerInputError(field, `must be a function, got ${show(value)}`);
}

function checkTexts(field: string, values: readonly string[]): readonly string[] {
  if (!Array.isArray(values))
    throw new TinkerInputError(field, `must be an array of strings, got ${show(values)}`);
  return values.map((value, index) => checkText(`${field}[${index}]`, value));
}

function checkMetadata(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(metadata)) {
    if (typeof value === 'string') continue;
    throw new TinkerInputError(`userMetadata.${name}`, `must be a string, got ${show(value)}`);
  }
  return { ...metadata };
}

/** The platform's own error would show the value, which may be a secret. */
function checkHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(headers)) {
    try {
      new Headers([[name, value]]);
    } catch {
      throw new TinkerInputError(`defaultHeaders.${name}`, 'is not a header that can be sent');
    }
  }
  return { ...headers };
}
