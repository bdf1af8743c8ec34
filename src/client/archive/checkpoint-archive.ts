import { sleep } from '../../kernel/abort.ts';
import { bareMessage } from '../../kernel/bare-message.ts';
import { dateAt } from '../../kernel/clock.ts';
import {
  isTinkerError,
  TinkerApiError,
  TinkerOperationError,
  TinkerResponseError,
} from '../../kernel/errors.ts';
import { parseIso, parseMailDate } from '../../kernel/timestamp.ts';
import type { Runtime } from '../../operations/runtime.ts';
import type { Scope } from '../../operations/scope.ts';
import { usableHint } from '../../policy/retry-after.ts';
import { type Answer, statusError } from '../../transport/classify.ts';
import { readArchive } from '../../wire/json/rest-archive.ts';
import type { CheckpointArchive } from '../../wire/types/rest.ts';
import type { CheckpointPlace } from '../rest/checkpoint-ref.ts';
import { sendRest } from '../rest/rest-request.ts';
import { routeToCheckpoint } from '../rest/rest-routes.ts';
import { webAddress } from '../rest/web-address.ts';

/** How often an archive that is not ready is asked for, and how long between (protocol 2.9). */
const MOST_TRIES = 6;
const NOT_READY_MS = 30_000;
/** How long an address is good whose server does not say it (protocol 2.9). */
const DEFAULT_LIFETIME_MS = 900_000;

/** The last moment that a `Date` can be. */
const LATEST_MS = 8.64e15;

/** An answer that is not simply JSON. */
type Special =
  | { readonly kind: 'redirect'; readonly location: string | null; readonly expires: string | null }
  | { readonly kind: 'hidden_redirect' }
  | { readonly kind: 'not_ready' | 'expired'; readonly error: TinkerApiError };

/** What is needed to ask for an archive. */
export interface ArchiveParts {
  readonly runtime: Runtime;
  /** As the transport has it: a relative address is relative to the request's. */
  readonly baseUrl: string;
}

/**
 * Where a checkpoint's archive is (protocol 2.9, servers.md 2.1 item 39). Servers that are building it (503), or still
 * write the checkpoint (425), are asked again; one that does not know the id with its kind is asked for the bare name,
 * and the other way round.
 */
export async function findArchive(
  parts: ArchiveParts,
  scope: Scope,
  place: CheckpointPlace,
): Promise<CheckpointArchive> {
  try {
    return await awaitArchive(parts, scope, place);
  } catch (error) {
    if (unknownness(error) === 0) throw error;
    try {
      return await awaitArchive(parts, scope, otherNameOf(place));
    } catch (second) {
      scope.signal.throwIfAborted();
      throw unknownness(second) >= unknownness(error) ? error : second;
    }
  }
}

/** Ask until it is ready. Not by the usual retries: each of them could make a server begin anew. */
async function awaitArchive(
  { runtime, baseUrl }: ArchiveParts,
  scope: Scope,
  place: CheckpointPlace,
): Promise<CheckpointArchive> {
  const { clock, emit } = runtime;
  const path = routeToCheckpoint(place, 'archive');
  const resolve = (url: string): string => webAddress(path, url, `${baseUrl}${path}`);
  for (let tries = 1; ; tries++) {
    let special: Special | undefined;
    const body = await sendRest(runtime, scope, {
      method: 'GET',
      path,
      special: (answer) => {
        special = specialOf(answer, clock.now());
        return special && { value: undefined };
      },
    });
    const found = special as Special | undefined;
    if (found === undefined) {
      const { url, expires } = readArchive(body);
      return { url: resolve(url), expires: expiryOf(parseExpires(expires), clock.now()) };
    }
    if (found.kind !== 'not_ready') return settle(path, found, resolve, clock.now());
    const { error } = found;
    if (tries === MOST_TRIES) throw notReady(error, tries);
    const delayMs = Math.max(NOT_READY_MS, usableHint(error.retryAfterMs) ?? 0);
    emit({ type: 'retry', path, attempts: tries, delayMs, code: error.code, status: error.status });
    await sleep(clock, delayMs, scope.signal);
  }
}

function specialOf(answer: Answer, now: number): Special | undefined {
  const { status, headers } = answer;
  if (status === 0) return { kind: 'hidden_redirect' };
  if (status >= 300 && status < 400) {
    return { kind: 'redirect', location: headers.get('location'), expires: headers.get('expires') };
  }
  if (status === 503 || status === 425) return { kind: 'not_ready', error: statusError(answer, now) };
  return status === 410 ? { kind: 'expired', error: statusError(answer, now) } : undefined;
}

function settle(
  path: string,
  special: Exclude<Special, { kind: 'not_ready' }>,
  resolve: (url: string) => string,
  now: number,
): CheckpointArchive {
  if (special.kind === 'redirect') {
    const { location, expires } = special;
    if (location === null) throw new TinkerResponseError(`${path} answered a redirect that leads nowhere`);
    return { url: resolve(location), expires: expiryOf(parseMailDate(expires ?? ''), now) };
  }
  if (special.kind === 'hidden_redirect') {
    throw new TinkerApiError(0, `${path} answered a redirect, and a page may not see where it leads`, {
      hint: 'Ask for the archive from a server of yours, and download it by navigating to its address',
    });
  }
  throw new TinkerOperationError('result_expired', 'expired', bareMessage(special.error), {
    cause: special.error,
    hint: 'The checkpoint has expired; setCheckpointTtl keeps one for longer',
  });
}

function notReady(error: TinkerApiError, tries: number): TinkerApiError {
  const words = `${bareMessage(error)}; it was not ready after ${tries} tries`;
  const late = new TinkerApiError(error.status, words, {
    cause: error,
    hint: 'The server is still at work on it: ask again later',
    retryable: true,
    retryAfterMs: error.retryAfterMs,
    body: error.body,
  });
  late.attempts = tries;
  return late;
}

/**
 * How little an error says of the checkpoint: 0 where it is known by this name, 1 for "no such checkpoint", more for a
 * name of the wrong form, most for a route that is missing.
 */
function unknownness(error: unknown): number {
  if (isTinkerError(error, 'unsupported_by_server')) return 3;
  if (!isTinkerError(error, 'http_status')) return 0;
  if (error.status === 400 || error.status === 422) return 2;
  return error.status === 404 ? 1 : 0;
}

/** With its kind the bare name, and the other way round; what is exported is mostly to be sampled from. */
function otherNameOf({ kind, ...place }: CheckpointPlace): CheckpointPlace {
  return { ...place, kind: kind === undefined ? 'sampler_weights' : undefined };
}

/** Where nothing can be read it is a quarter of an hour from now. */
function expiryOf(ms: number | undefined, now: number): Date {
  return dateAt(ms !== undefined && Math.abs(ms) <= LATEST_MS ? ms : now + DEFAULT_LIFETIME_MS);
}

/** A moment as JSON has it: ISO 8601, or Unix seconds as a number or as text. */
function parseExpires(expires: string | number | undefined): number | undefined {
  if (typeof expires === 'string' && !/^\d+(\.\d+)?$/.test(expires)) return parseIso(expires)?.ms;
  return expires === undefined ? undefined : Number(expires) * 1_000;
}
