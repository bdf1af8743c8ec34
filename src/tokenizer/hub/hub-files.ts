import { linkAbort, raceAbort, sleep } from '../../kernel/abort.ts';
import type { Clock } from '../../kernel/clock.ts';
import { concatBytes } from '../../kernel/concat.ts';
import { sha256OfBytes } from '../../kernel/digest.ts';
import { isTinkerError, TinkerConnectionError, TinkerResponseError } from '../../kernel/errors.ts';
import {
  type HubFileName,
  hubConnectionError,
  hubStatusError,
  hubTimeoutError,
  isFileMissing,
  usableRetryAfter,
} from './hub-errors.ts';
import { askHub, discard, type HubResponse } from './hub-exchange.ts';
import type { ResolvedLoadOptions } from './load-options.ts';

/** What the hub has under a file's name. */
export type HubFile =
  | {
      readonly kind: 'content';
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly etag: string | undefined;
      /** Of the content, in hex. */
      readonly sha256: string;
    }
  /** What is kept already. */
  | { readonly kind: 'known' }
  /** The repository has no such file. */
  | { readonly kind: 'absent' };

/** How a file is asked for. */
export interface HubRequest {
  readonly name: HubFileName;
  /** Of what is kept. */
  readonly knownEtag: string | undefined;
  /** How often, at most. */
  readonly attempts: number;
  readonly signal: AbortSignal;
}

/** No file of a tokenizer is larger: the largest there are have some 35 MB. */
export const MAX_FILE_BYTES = 64 * 2 ** 20;

/** Without a byte for so long, an attempt is over, in milliseconds. */
const SILENCE_MS = 30_000;

/**
 * Get a file from the hub. Tried again after failures that may pass, with the hub's own wait or 0.5 s, doubling.
 *
 * @throws TinkerApiError - for another status; TinkerConnectionError, TinkerTimeoutError; TinkerResponseError for content
 *   that is not what the hub says it is, or too much. The signal's reason on abort.
 */
export async function fetchHubFile(options: ResolvedLoadOptions, request: HubRequest): Promise<HubFile> {
  const { clock, random, emit } = options;
  const { name, signal } = request;
  for (let attempts = 1; ; attempts++) {
    signal.throwIfAborted();
    try {
      return await attempt(options, request);
    } catch (error) {
      signal.throwIfAborted();
      if (!isTinkerError(error)) throw error;
      error.attempts = attempts;
      if (!error.retryable || attempts >= request.attempts) throw error;
      const delayMs = usableRetryAfter(error) ?? 500 * 2 ** (attempts - 1) * (1 - 0.25 * random());
      const status = isTinkerError(error, 'http_status') ? error.status : undefined;
      emit({ type: 'retry', path: pathOf(name), attempts, delayMs, code: error.code, status });
      await sleep(clock, delayMs, signal);
    }
  }
}

function pathOf({ id, revision, file }: HubFileName): string {
  return `/${id}/resolve/${encodeURIComponent(revision)}/${file}`;
}

async function attempt(options: ResolvedLoadOptions, request: HubRequest): Promise<HubFile> {
  const { name, knownEtag, signal } = request;
  const watch = watchSilence(options.clock, signal);
  try {
    const address = `${options.hubUrl}${pathOf(name)}`;
    const answer = await askHub(options, address, knownEtag, watch.signal, watch.heard);
    const { response, isKnown } = answer;
    if (isKnown && knownEtag !== undefined) {
      discard(response);
      return { kind: 'known' };
    }
    if (response.ok) {
      const bytes = await readBody(answer, name, watch);
      const digest = await sha256OfBytes(bytes);
      checkContent(answer, bytes.length, digest, options, name);
      return { kind: 'content', bytes, etag: answer.etag, sha256: digest };
    }
    discard(response);
    if (isFileMissing(response)) return { kind: 'absent' };
    throw hubStatusError(response, options, name);
  } catch (error) {
    signal.throwIfAborted();
    if (watch.signal.aborted) throw hubTimeoutError(SILENCE_MS, name);
    throw isTinkerError(error) ? error : hubConnectionError(error, options);
  } finally {
    watch.dispose();
  }
}

interface SilenceWatch {
  readonly signal: AbortSignal;
  heard(): void;
  dispose(): void;
}

/** Aborts when nothing is heard for too long. */
function watchSilence(clock: Clock, parent: AbortSignal): SilenceWatch {
  const link = linkAbort(parent);
  const arm = (): (() => void) => clock.schedule(() => link.abort(new Error('silence')), SILENCE_MS);
  let cancel = arm();
  return {
    signal: link.signal,
    heard() {
      cancel();
      cancel = arm();
    },
    dispose() {
      cancel();
      link.dispose();
    },
  };
}

async function readBody(
  { response, size }: HubResponse,
  name: HubFileName,
  watch: SilenceWatch,
): Promise<Uint8Array<ArrayBuffer>> {
  if ((size ?? 0) > MAX_FILE_BYTES) {
    discard(response);
    throw tooLarge(name);
  }
  const reader = response.body?.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const read = await raceAbort(watch.signal, reader?.read() ?? Promise.resolve(undefined));
      if (read?.value === undefined) return concatBytes(parts);
      watch.heard();
      length += read.value.length;
      if (length > MAX_FILE_BYTES) throw tooLarge(name);
      parts.push(read.value);
    }
  } catch (error) {
    reader?.cancel().catch(() => {});
    throw error;
  }
}

function tooLarge({ id, file }: HubFileName): TinkerResponseError {
  return new TinkerResponseError(`${file} of ${id} has more than ${MAX_FILE_BYTES} bytes`, {
    hint: 'No tokenizer is that large: is it the right repository?',
  });
}

/** A body that was cut may look whole. */
function checkContent(
  { response, sha256: expected, size }: HubResponse,
  length: number,
  digest: string,
  { hubUrl }: ResolvedLoadOptions,
  { id, file }: HubFileName,
): void {
  const { headers } = response;
  // Packed for the way, the length is of what was packed; and a page is not told whether it was packed.
  const isUnclear = headers.has('content-encoding') || response.type === 'cors';
  const told = isUnclear ? null : headers.get('content-length');
  const whole = size ?? (told === null ? length : Number(told));
  if (length !== whole) {
    const cut = `${length} of ${whole} bytes came of ${file} of ${id}`;
    throw new TinkerConnectionError(`The answer of ${hubUrl} was cut: ${cut}`, { hint: 'Try again' });
  }
  if (expected === undefined || digest === expected) return;
  throw new TinkerResponseError(`${file} of ${id} is not what ${hubUrl} says it is: its SHA-256 differs`, {
    retryable: true,
    hint: 'Something changed it on the way: try again',
  });
}
