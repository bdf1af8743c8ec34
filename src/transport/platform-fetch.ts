import type { FetchLike } from './transport.ts';

/** What is handed to a `fetch` beside the request that ky has built. */
export interface SendParts {
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined;
  readonly signal: AbortSignal;
}

/** Sends a request that has neither body nor signal yet, with these. */
export type Send = (built: Request, parts: SendParts) => Promise<Response>;

/** The platform's `fetch`, looked up per call. */
export const platformFetch: FetchLike = (request) => globalThis.fetch(request);

/**
 * How to send through this `fetch`. One that is not the platform's is given a whole request. The platform's own is given
 * the parts, because it copies a request that it is given, its body through a stream: a third of its time in Node.
 */
export function senderOf(fetch: FetchLike): Send {
  if (fetch !== platformFetch) return (built, parts) => fetch(new Request(built, initOf(parts)));
  return ({ url, method, headers, redirect }, parts) =>
    globalThis.fetch(url, { method, headers, redirect, ...initOf(parts) });
}

/** A body that is `undefined` is one in no platform, but types say otherwise. */
function initOf({ body, signal }: SendParts): RequestInit {
  return body === undefined ? { signal } : { body, signal };
}
