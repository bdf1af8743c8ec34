import {
  isTinkerError,
  TinkerApiError,
  TinkerConnectionError,
  TinkerTimeoutError,
} from '../../kernel/errors.ts';
import { parseMailDate } from '../../kernel/timestamp.ts';
import type { ResolvedLoadOptions } from './load-options.ts';

/** A file of a repository. */
export interface HubFileName {
  readonly id: string;
  readonly revision: string;
  readonly file: string;
}

/** The longest wait a hub can ask for: beyond it a hint is a mistake. */
const MAX_HINT_MS = 60_000;

/** The error that an answer of another status is. */
export function hubStatusError(
  { status, headers }: Response,
  { hubUrl, hubToken, clock }: Pick<ResolvedLoadOptions, 'hubUrl' | 'hubToken' | 'clock'>,
  { id, revision, file }: HubFileName,
): TinkerApiError {
  const code = headers.get('x-error-code') ?? '';
  const what = `${hubUrl} answered ${status} for ${file} of ${id} at ${revision}`;
  return new TinkerApiError(status, code === '' ? what : `${what}: ${code}`, {
    retryable: status === 408 || status === 425 || status === 429 || status >= 500,
    retryAfterMs: readRetryAfter(headers, clock.now()),
    hint: statusHint(status, code, hubToken !== undefined, `${hubUrl}/${id}`),
  });
}

function statusHint(status: number, code: string, hasToken: boolean, page: string): string | undefined {
  if (status === 401 || status === 403) {
    if (hasToken) return `hubToken must be valid, and have access: ${page} tells whether one must ask for it`;
    return `There is no such repository, or it is private or gated: ask for access at ${page}, and give a hubToken`;
  }
  if (status === 404) {
    if (/revision/i.test(code)) return 'Is the revision right?';
    return 'Is the name of the repository right? A private one needs a hubToken';
  }
  if (status === 429)
    return 'Give a storage, so that files are fetched once; with a hubToken the hub allows more';
  return status >= 500 ? 'The hub is in trouble: try again later' : undefined;
}

/** Whether a 404 is about the file, and not about all of the repository. */
export function isFileMissing({ status, headers }: Response): boolean {
  return status === 404 && !/repo|revision/i.test(headers.get('x-error-code') ?? '');
}

/** Whether what is kept may stand in for an answer: the hub was not reached, or is in trouble. */
export function isHubDown(error: unknown): boolean {
  if (isTinkerError(error, 'http_status')) return error.retryable;
  return isTinkerError(error, 'connection_failed') || isTinkerError(error, 'timed_out');
}

/** The error that an exchange without an answer is, with the token taken out: a fetch may show what it was given. */
export function hubConnectionError(
  cause: unknown,
  { hubUrl, hubToken }: Pick<ResolvedLoadOptions, 'hubUrl' | 'hubToken'>,
): TinkerConnectionError {
  const words: string[] = [];
  // Four deep at most: causes can form a ring.
  for (let depth = 0, error = cause; error instanceof Error && depth < 4; depth++, error = error.cause) {
    if (!words.includes(error.message)) words.push(error.message);
  }
  const said = words.filter((word) => word !== '').join(': ') || String(cause);
  const clean = hubToken === undefined ? said : said.replaceAll(hubToken, '[redacted]');
  return new TinkerConnectionError(`Could not load from ${hubUrl}: ${clean}`, {
    hint: 'Is there a network? With a storage, files that were loaded once are there without it',
  });
}

/** The error where the hub falls silent. */
export function hubTimeoutError(limitMs: number, { id, file }: HubFileName): TinkerTimeoutError {
  return new TinkerTimeoutError('attempt', limitMs, `the hub fell silent over ${file} of ${id}`, {
    hint: 'Try again',
  });
}

/** A wait that the hub asks for, in milliseconds; nothing where it asks for none that makes sense. */
export function usableRetryAfter(error: unknown): number | undefined {
  const hintMs = isTinkerError(error, 'http_status') ? error.retryAfterMs : undefined;
  return hintMs !== undefined && hintMs > 0 ? Math.min(hintMs, MAX_HINT_MS) : undefined;
}

function readRetryAfter(headers: Headers, now: number): number | undefined {
  const value = headers.get('retry-after') ?? '';
  if (/^\s*\d+(\.\d+)?\s*$/.test(value)) return Number(value) * 1000;
  const date = parseMailDate(value);
  return date === undefined ? undefined : Math.max(0, date - now);
}
