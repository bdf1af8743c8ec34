import { raceAbort } from '../../kernel/abort.ts';
import { TinkerResponseError } from '../../kernel/errors.ts';
import type { ResolvedLoadOptions } from './load-options.ts';

/** An answer of the hub, redirects followed. */
export interface HubResponse {
  readonly response: Response;
  /** Names the content, as the hub says; equal for equal content. */
  readonly etag: string | undefined;
  /** SHA-256 of the content in hex, where the hub tells it. */
  readonly sha256: string | undefined;
  /** Length of the content in bytes, where the hub tells it. */
  readonly size: number | undefined;
  /** It is the content that is known already. */
  readonly isKnown: boolean;
}

/** What the hub says of a file besides its content, mostly on the redirect to where the content is. */
type Facts = Pick<HubResponse, 'etag' | 'sha256' | 'size'>;

const MAX_REDIRECTS = 8;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/**
 * Ask the hub for an address of its own. Redirects are followed by hand, so that the token goes to the hub's origin and
 * to no other whatever the platform does, and because the redirect tells what the content is. Pages cannot do that:
 * there the platform follows, and by the standard takes the token off when it leaves the origin.
 *
 * @param knownEtag - Of what is kept.
 * @param heard - Called for every sign of life.
 */
export async function askHub(
  { fetch, hubUrl, hubToken }: Pick<ResolvedLoadOptions, 'fetch' | 'hubUrl' | 'hubToken'>,
  address: string,
  knownEtag: string | undefined,
  signal: AbortSignal,
  heard: () => void,
): Promise<HubResponse> {
  const { origin } = new URL(hubUrl);
  const send = async (target: string, redirect: 'manual' | 'follow'): Promise<Response> => {
    const headers = new Headers();
    if (new URL(target).origin === origin) {
      if (hubToken !== undefined) headers.set('authorization', `Bearer ${hubToken}`);
      if (knownEtag !== undefined) headers.set('if-none-match', knownEtag);
    }
    const response = await raceAbort(signal, fetch(new Request(target, { headers, redirect, signal })));
    heard();
    return response;
  };

  let target = address;
  let facts: Facts | undefined;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    let response = await send(target, 'manual');
    const isHidden = response.type === 'opaqueredirect' || response.status === 0;
    if (isHidden) response = await send(target, 'follow');
    facts ??= factsOf(response.headers, new URL(target).origin === origin && !isHidden);
    const isKnown = response.status === 304 || (knownEtag !== undefined && facts?.etag === knownEtag);
    const location = REDIRECTS.includes(response.status) ? response.headers.get('location') : null;
    if (isKnown || location === null) {
      return { response, etag: undefined, sha256: undefined, size: undefined, ...facts, isKnown };
    }
    discard(response);
    target = redirectTarget(location, target);
  }
  throw new TinkerResponseError(`${hubUrl} redirects without end`);
}

/** Let go of a body that is not read. */
export function discard({ body }: Response): void {
  body?.cancel().catch(() => {});
}

/** Only where there is anything: the first redirect may only be about the repository's name. */
function factsOf(headers: Headers, isHub: boolean): Facts | undefined {
  const linked = headers.get('x-linked-etag');
  const etag = linked ?? headers.get('etag') ?? undefined;
  if (etag === undefined) return undefined;
  // What other servers call an ETag may be a hash of something else.
  const named = linked ?? (isHub ? etag : '');
  const [, sha256] = /^"?([0-9a-f]{64})"?$/i.exec(named.replace(/^W\//, '')) ?? [];
  const size = Number(headers.get('x-linked-size') ?? Number.NaN);
  return { etag, sha256: sha256?.toLowerCase(), size: Number.isSafeInteger(size) ? size : undefined };
}

function redirectTarget(location: string, from: string): string {
  const target = URL.canParse(location, from) ? new URL(location, from) : undefined;
  const isSafe = target?.protocol === 'https:' || target?.protocol === new URL(from).protocol;
  if (target !== undefined && isSafe && /^https?:$/.test(target.protocol)) return target.href;
  throw new TinkerResponseError(`${new URL(from).origin} redirects to what is no safe address`);
}
