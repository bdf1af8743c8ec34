import { checkFinite, checkText, isVisibleAscii, show } from '../../kernel/checks.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { type EventSink, safeSink } from '../../kernel/diagnostics.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import { type RandomSource, systemRandom } from '../../kernel/random.ts';
import type { Storage } from '../../storage/storage.ts';
import type { TokenizerBackend } from '../backend.ts';
import { type LockSource, platformLocks } from './web-locks.ts';

/** How tokenizers are fetched and kept. Everything is optional. */
export interface TokenizerLoaderOptions {
  /** Keeps the files for the next time, packed. Trouble with it never fails a load. @default none: they are not kept */
  readonly storage?: Storage | undefined;
  /** Most bytes of files that are kept; those unused for longest go first. @default 67_108_864 */
  readonly maxCacheBytes?: number | undefined;
  /** Sends the requests. @default the global `fetch` */
  readonly fetch?: ((request: Request) => Promise<Response>) | undefined;
  /** Address of the hub. @default 'https://huggingface.co' */
  readonly hubUrl?: string | undefined;
  /** Access token of the hub, for repositories that are private or gated. Sent to the hub alone. @default none */
  readonly hubToken?: string | undefined;
  /** Makes tokenizers of repositories that have a `tiktoken.model`: `tiktoken` of `isotinker/tokenizer/tiktoken`. @default none */
  readonly tiktoken?: TokenizerBackend | undefined;
  /** Told of retries, and of trouble with the storage. @default none */
  readonly onEvent?: EventSink | undefined;
  /** Source of time. @default the system's */
  readonly clock?: Clock | undefined;
  /** Source of jitter, uniform in [0, 1). @default `Math.random` */
  readonly random?: RandomSource | undefined;
  /** Locks shared with other tabs, so that one of them downloads; `false`: none. @default the platform's, where it has any */
  readonly locks?: LockSource | false | undefined;
}

/** How one tokenizer is loaded. */
export interface LoadTokenizerOptions extends TokenizerLoaderOptions {
  /** Branch, tag or commit. A commit (40 hex digits) never changes, so what is kept of it is used unasked. @default 'main' */
  readonly revision?: string | undefined;
  /** Ends this call. A download that others wait for too goes on for them. @default none */
  readonly signal?: AbortSignal | undefined;
}

/** The same with every default filled in. */
export interface ResolvedLoadOptions {
  readonly storage: Storage | undefined;
  readonly maxCacheBytes: number;
  readonly fetch: (request: Request) => Promise<Response>;
  /** What loads are shared by: the storage, or else the fetch, or else all that is this realm's. */
  readonly owner: object;
  readonly hubUrl: string;
  readonly hubToken: string | undefined;
  readonly tiktoken: TokenizerBackend | undefined;
  readonly emit: EventSink;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly locks: LockSource | undefined;
}

/** Check and complete options. @throws TinkerInputError - which never shows the token. */
export function resolveLoadOptions(options: TokenizerLoaderOptions): ResolvedLoadOptions {
  const { storage, fetch, hubToken, locks } = options;
  if (fetch !== undefined && typeof fetch !== 'function') {
    throw new TinkerInputError('fetch', `must be a function, got ${show(fetch)}`);
  }
  return {
    storage,
    maxCacheBytes: checkFinite('maxCacheBytes', options.maxCacheBytes ?? 64 * 2 ** 20, { min: 0 }),
    fetch: fetch ?? ((request) => globalThis.fetch(request)),
    owner: storage ?? fetch ?? globalThis,
    hubUrl: checkHubUrl(options.hubUrl ?? 'https://huggingface.co'),
    hubToken: hubToken === undefined ? undefined : checkToken(hubToken),
    tiktoken: options.tiktoken,
    emit: safeSink(options.onEvent),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    locks: locks === false ? undefined : (locks ?? platformLocks()),
  };
}

/** A branch, tag or commit. @throws TinkerInputError */
export function checkRevision(value: unknown): string {
  const revision = checkText('revision', value);
  if (/^[\w.][\w./-]*$/.test(revision) && !revision.split('/').some((segment) => /^\.*$/.test(segment))) {
    return revision;
  }
  throw new TinkerInputError('revision', `must be a branch, a tag or a commit, got ${show(revision)}`);
}

function checkHubUrl(value: unknown): string {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    // Whatever it is, it may have credentials in it.
    const shown = typeof value === 'string' && value.includes('@') ? 'one with a "@"' : show(value);
    throw new TinkerInputError('hubUrl', `must be an absolute http or https URL, got ${shown}`);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new TinkerInputError('hubUrl', 'must have no credentials, query or fragment', {
      hint: 'Give a token as hubToken',
    });
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

function checkToken(value: unknown): string {
  if (typeof value === 'string' && isVisibleAscii(value)) return value;
  throw new TinkerInputError('hubToken', 'must be a string of visible ASCII characters', {
    hint: 'Trim it: what is read from a file mostly ends with a line end',
  });
}
