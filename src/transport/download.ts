import { isTinkerError, TinkerApiError } from '../kernel/errors.ts';
import { readRetryAfter } from '../policy/retry-after.ts';
import { checkedResponse } from './checked-response.ts';
import { connectionError } from './classify.ts';
import type { FetchLike } from './transport.ts';

/** One exchange of a download. */
export interface DownloadRequest {
  /** A signed address: whoever has it can read, so it appears in no error. */
  readonly url: string;
  /** First byte wanted. @default all of them are, without asking for a range */
  readonly from?: number | undefined;
  /** Want the range only of what this strong ETag names. */
  readonly ifRange?: string | undefined;
  /** Aborts the exchange, its body included. */
  readonly signal: AbortSignal;
}

/** An answer whose body comes piece by piece. */
export interface DownloadAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The next piece; `undefined` at the end. @throws TinkerConnectionError - where the connection is cut. */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Let go of what is left of the body. */
  cancel(): void;
}

/**
 * Ask for bytes at an address: no API key, no headers of the user's, redirects followed, because the address itself is
 * the permission to read. Any status is an answer; the body is read as slowly as it is asked for.
 *
 * @throws TinkerConnectionError - where no answer arrives; the signal's reason, unchanged, on abort.
 */
export async function openDownload(fetch: FetchLike, request: DownloadRequest): Promise<DownloadAnswer> {
  const { url, from, ifRange, signal } = request;
  // Packed for the way, a body has neither the length nor the ranges of what it is. Pages ignore this, and unpack.
  const headers = new Headers({ 'accept-encoding': 'identity' });
  if (from !== undefined) headers.set('range', `bytes=${from}-`);
  if (from !== undefined && ifRange !== undefined) headers.set('if-range', ifRange);
  let isAnswered = false;
  const failed = (cause: unknown): unknown => {
    if (signal.aborted) return signal.reason;
    if (isTinkerError(cause, 'input_invalid')) return cause;
    const { href, origin, search } = new URL(url);
    // Some platforms put the address into their message.
    return connectionError(origin, cause, [url, href, search], isAnswered);
  };
  try {
    signal.throwIfAborted();
    const response = checkedResponse(await fetch(new Request(url, { headers, signal })));
    isAnswered = true;
    return downloadAnswer(response, signal, failed);
  } catch (cause) {
    throw failed(cause);
  }
}

function downloadAnswer(
  { status, headers, body }: Response,
  signal: AbortSignal,
  failed: (cause: unknown) => unknown,
): DownloadAnswer {
  const reader = body?.getReader();
  const cancel = (): void => {
    signal.removeEventListener('abort', cancel);
    // By hand, because a body that does not come from a network does not follow the request's signal.
    reader?.cancel(signal.reason).catch(() => {});
  };
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
  return {
    status,
    headers,
    cancel,
    async read() {
      try {
        const result = await reader?.read();
        signal.throwIfAborted();
        if (result?.value !== undefined) return result.value;
      } catch (cause) {
        cancel();
        throw failed(cause);
      }
      signal.removeEventListener('abort', cancel);
      return undefined;
    },
  };
}

/** The error that an answer of another status than 2xx is. @param now - Wall time, for `Retry-After` dates. */
export function downloadError(url: string, { status, headers }: DownloadAnswer, now: number): TinkerApiError {
  return new TinkerApiError(status, `The archive at ${new URL(url).origin} answered ${status}`, {
    hint: isLinkRefused(status) ? 'Its address may have expired: download it anew' : undefined,
    // By an address that does not work (any more) it cannot help, by a new one it may.
    retryable: isLinkRefused(status) || [408, 425, 429].includes(status) || status >= 500,
    retryAfterMs: readRetryAfter(headers, now),
  });
}

/** Whether a status says that the address is no good: it has expired, or what it led to is gone. */
export function isLinkRefused(status: number): boolean {
  return [400, 401, 403, 404, 410].includes(status);
}
