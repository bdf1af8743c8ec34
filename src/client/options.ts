import { checkBoolean, checkFinite, checkRecord, checkText } from '../kernel/checks.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { type EventSink, safeSink } from '../kernel/diagnostics.ts';
import { createId, type RandomSource, systemRandom } from '../kernel/random.ts';
import { systemWake, type WakeSource } from '../kernel/wake.ts';
import { checkOnLimit, type OnLimit } from '../operations/scope.ts';
import { checkSharedLimits, createSharedLimits, type SharedLimits } from '../operations/shared-limits.ts';
import { resolveTokenBudget, type TokenBudgetOptions } from '../operations/token-budget.ts';
import type { Compress, WireFormat } from '../operations/wire-format.ts';
import { type BreakerConfig, type CircuitBreakerOptions, resolveBreakerConfig } from '../policy/breaker.ts';
import { type PollPolicy, type PollPolicyOption, resolvePollPolicy } from '../policy/poll-policy.ts';
import type { Storage } from '../storage/storage.ts';
import type { TokenizerLoader } from '../tokenizer/tokenizer.ts';
import { type ConnectionBudget, connectionBudget } from '../transport/connection-budget.ts';
import type { ApiKey } from '../transport/credential.ts';
import { platformFetch } from '../transport/platform-fetch.ts';
import type { AuthScheme, FetchLike } from '../transport/transport.ts';
import { SPOKEN_SDK_VERSION } from '../version.ts';
import type { ClientConfig } from '../wire/json/client-config.ts';
import { type ClientConfigOverrides, checkClientConfig } from './client-config-check.ts';
import {
  checkApiKey,
  checkAuthScheme,
  checkedIds,
  checkFunction,
  checkFunctions,
  checkHeaders,
  checkMetadata,
  checkTexts,
  checkWireFormat,
  normalizeBaseUrl,
} from './option-checks.ts';

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
  /** Header that carries the key: `X-API-Key`, `Authorization: Bearer`, or both. @default 'x-api-key' */
  readonly authScheme?: AuthScheme | undefined;
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
  /**
   * The version of the official SDK whose protocol is spoken, as servers are told: some refuse old ones. Set it where
   * one asks for a newer version. @default '0.25.0'
   */
  readonly sdkVersion?: string | undefined;
  /** Limit of one HTTP exchange, in milliseconds. @default 60_000 */
  readonly attemptTimeoutMs?: number | undefined;
  /**
   * How long a failing request is sent again, in milliseconds from its first attempt; 0 means once. Concerns
   * submissions; polling is bounded by `timeoutMs` alone. @default 300_000
   */
  readonly retryBudgetMs?: number | undefined;
  /** How fast results are asked for. @default 'adaptive' */
  readonly pollPolicy?: PollPolicyOption | undefined;
  /**
   * What a call does where a limit of the client, or a pause the server asked for, would make it wait before it is
   * accepted: wait, or reject with a `limit_reached` error. @default 'wait'
   */
  readonly onLimit?: OnLimit | undefined;
  /**
   * Requests to the server at once, polls included. Polls leave at least two, or a tenth, to the others, and one is kept
   * for heartbeats. @default 6 in pages and Workers, 90 in Deno, 200 in Bun, else 1,000
   */
  readonly connections?: number | undefined;
  /**
   * Refuse calls at once, for a while, after failures in a row (unreachable, time-outs, 5xx), one circuit for each kind
   * of request; `true` is 5 failures and 30 s. @default none
   */
  readonly circuitBreaker?: boolean | CircuitBreakerOptions | undefined;
  /**
   * Keeps what should outlive this process or reach other ones: circuits, and pauses the server asked for. Trouble
   * with it never fails a call. @default none: kept in memory
   */
  readonly storage?: Storage | undefined;
  /**
   * Gets tokenizers for `getTokenizer()`: `createTokenizerLoader()` of `isotinker/tokenizer`, or a function of yours.
   *
   * @default none: `getTokenizer()` is refused
   */
  readonly loadTokenizer?: TokenizerLoader | undefined;
  /** Limits shared with other service clients of this process. @default limits of its own */
  readonly limits?: SharedLimits | undefined;
  /**
   * How passes over data are sent: `proto` (protobuf) or `json` only, or as the server turns out to read them. What
   * results come as is the server's choice. @default 'auto'
   */
  readonly wireFormat?: WireFormat | undefined;
  /** Compresses protobuf bodies with zstd, used only where the server asks for it. @default they are not compressed */
  readonly compress?: Compress | undefined;
  /**
   * Values that win over what the server sets for its clients, e.g. `{ maxChunkTokens: 16_000 }`; `false`: the server is
   * not asked, and its defaults hold. @default none
   */
  readonly clientConfig?: ClientConfigOverrides | false | undefined;
  /** A limit on the tokens spent in all. @default none */
  readonly budget?: TokenBudgetOptions | undefined;
  /** Tell the server of sessions and failures (protocol 6): no content, no key. @default false */
  readonly telemetry?: boolean | undefined;
  /** How long calls wait for a bill to be paid (402), in milliseconds; 0 makes them fail. @default the server's: an hour */
  readonly billingPauseMs?: number | undefined;
  /** When no sample of the account has succeeded for so long, all under way count as stuck, and fail. @default 7_200_000 */
  readonly progressTimeoutMs?: number | undefined;
  /**
   * Whether the server knows a numbered training request again that reaches it twice. `false`: one whose answer is lost
   * is not sent again, but fails with `submit_ambiguous`, so that no gradient counts twice. @default true
   */
  readonly serverDeduplicates?: boolean | undefined;
  /** Told of retries, limits, queue states, circuits, failures and the session's health. @default none */
  readonly onEvent?: EventSink | undefined;
  /** Source of time. @default the system's */
  readonly clock?: Clock | undefined;
  /** Source of jitter, uniform in [0, 1). @default `Math.random` */
  readonly random?: RandomSource | undefined;
  /** Tells when timers may have been late, so that a heartbeat is sent at once. @default the platform's events */
  readonly wake?: WakeSource | undefined;
  /** Source of idempotency keys, in visible ASCII. @default 128 random bits in hex */
  readonly createId?: (() => string) | undefined;
}

/** The same with every default filled in; nothing below the client layer sees anything else. */
export interface ResolvedServiceOptions {
  readonly apiKey: ApiKey;
  readonly baseUrl: string;
  readonly authScheme: AuthScheme;
  readonly fetch: FetchLike;
  readonly defaultHeaders: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly userMetadata: Readonly<Record<string, string>>;
  readonly projectId: string | undefined;
  readonly sdkVersion: string;
  readonly attemptTimeoutMs: number;
  readonly retryBudgetMs: number;
  readonly pollPolicy: PollPolicy;
  readonly onLimit: OnLimit;
  readonly connections: ConnectionBudget;
  readonly breaker: BreakerConfig | undefined;
  readonly storage: Storage | undefined;
  readonly loadTokenizer: TokenizerLoader | undefined;
  readonly limits: SharedLimits;
  readonly billingPauseMs: number | undefined;
  readonly wireFormat: WireFormat;
  readonly compress: Compress | undefined;
  readonly clientConfig: Partial<ClientConfig> | false;
  readonly budget: TokenBudgetOptions | undefined;
  readonly telemetry: boolean;
  readonly progressTimeoutMs: number;
  readonly serverDeduplicates: boolean;
  readonly emit: EventSink;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly wake: WakeSource;
  readonly createId: () => string;
}

/** Check and complete options. @throws TinkerInputError - naming the option, the value and the bound. */
export function resolveServiceOptions(options: ServiceClientOptions): ResolvedServiceOptions {
  checkRecord('options', options, 'an object with an apiKey');
  const isHosted = !options.baseUrl && options.fetch === undefined;
  const attemptTimeoutMs = checkFinite('attemptTimeoutMs', options.attemptTimeoutMs ?? 60_000, {
    min: 0,
    aboveMin: true,
  });
  return {
    apiKey: checkApiKey(options.apiKey, isHosted),
    baseUrl: normalizeBaseUrl(options.baseUrl || DEFAULT_BASE_URL),
    authScheme: checkAuthScheme(options.authScheme ?? 'x-api-key'),
    fetch: checkFunction('fetch', options.fetch) ?? platformFetch,
    defaultHeaders: checkHeaders(options.defaultHeaders ?? {}),
    tags: checkTexts('tags', options.tags ?? []),
    userMetadata: checkMetadata(options.userMetadata ?? {}),
    projectId: options.projectId === undefined ? undefined : checkText('projectId', options.projectId),
    sdkVersion: checkText('sdkVersion', options.sdkVersion ?? SPOKEN_SDK_VERSION),
    attemptTimeoutMs,
    retryBudgetMs: checkFinite('retryBudgetMs', options.retryBudgetMs ?? 300_000, { min: 0 }),
    pollPolicy: resolvePollPolicy('pollPolicy', options.pollPolicy),
    onLimit: checkOnLimit(options.onLimit ?? 'wait'),
    connections: connectionBudget(options.connections),
    breaker: resolveBreaker(options.circuitBreaker ?? false, attemptTimeoutMs),
    storage: checkFunctions('storage', options.storage, ['get', 'set', 'delete']),
    loadTokenizer: checkFunction('loadTokenizer', options.loadTokenizer),
    limits: checkSharedLimits('limits', options.limits) ?? createSharedLimits(),
    billingPauseMs:
      options.billingPauseMs === undefined
        ? undefined
        : checkFinite('billingPauseMs', options.billingPauseMs, { min: 0 }),
    wireFormat: checkWireFormat(options.wireFormat ?? 'auto'),
    compress: checkFunction('compress', options.compress),
    clientConfig: checkClientConfig(options.clientConfig ?? {}),
    budget: resolveTokenBudget('budget', options.budget),
    telemetry: checkBoolean('telemetry', options.telemetry ?? false),
    progressTimeoutMs: checkFinite('progressTimeoutMs', options.progressTimeoutMs ?? 7_200_000, {
      min: 0,
      aboveMin: true,
    }),
    serverDeduplicates: checkBoolean('serverDeduplicates', options.serverDeduplicates ?? true),
    emit: safeSink(checkFunction('onEvent', options.onEvent)),
    clock: checkFunctions('clock', options.clock, ['now', 'monotonic', 'schedule']) ?? systemClock,
    random: checkFunction('random', options.random) ?? systemRandom,
    wake: checkFunction('wake', options.wake) ?? systemWake,
    createId: checkedIds(checkFunction('createId', options.createId)) ?? createId,
  };
}

function resolveBreaker(
  option: boolean | CircuitBreakerOptions,
  attemptTimeoutMs: number,
): BreakerConfig | undefined {
  if (option === false) return undefined;
  const config = resolveBreakerConfig('circuitBreaker', option);
  const isOwnLease = typeof option === 'object' && option.leaseMs !== undefined;
  // A probe must not count as lost while its attempt may still be answered.
  return isOwnLease ? config : { ...config, leaseMs: Math.max(config.leaseMs, 2 * attemptTimeoutMs) };
}
