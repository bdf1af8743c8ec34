import { decodeUtf8 } from './bytes.ts';

/**
 * The claims of a JSON Web Token (RFC 7519), unverified: whoever gets it from a server trusts that server anyway.
 *
 * @returns `undefined` for a text that is none.
 */
export function readClaims(token: string): Readonly<Record<string, unknown>> | undefined {
  const [, payload] = token.split('.');
  if (payload === undefined) return undefined;
  try {
    const binary = atob(payload.replace(/-/g, '+').replace(/_/g, '/'));
    const claims: unknown = JSON.parse(decodeUtf8(Uint8Array.from(binary, (char) => char.charCodeAt(0))));
    return typeof claims === 'object' && claims !== null && !Array.isArray(claims)
      ? (claims as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Times of tokens are in whole seconds. */
const ROUNDING_MS = 1_000;

/**
 * How long a token lives from now, in milliseconds; `undefined` where it does not say. By its own two times where it
 * has both, so that a wrong clock here makes no difference to a token that was made just now; or less, where by this
 * clock it was made before, because servers may give one twice.
 */
export function lifetimeOf(token: string, now: number): number | undefined {
  const { exp, iat } = readClaims(token) ?? {};
  if (typeof exp !== 'number' || !Number.isFinite(exp)) return undefined;
  const leftMs = exp * 1_000 - now;
  if (typeof iat !== 'number' || !Number.isFinite(iat)) return leftMs;
  const wholeMs = exp * 1_000 - iat * 1_000;
  return leftMs > 0 && leftMs < wholeMs - ROUNDING_MS ? leftMs : wholeMs;
}
