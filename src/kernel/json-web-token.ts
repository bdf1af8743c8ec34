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

/**
 * How long a token lives from now, in milliseconds; `undefined` where it does not say. By its own two times where it
 * has both, so that a wrong clock here makes no difference to a token that was made just now.
 */
export function lifetimeOf(token: string, now: number): number | undefined {
  const { exp, iat } = readClaims(token) ?? {};
  if (typeof exp !== 'number' || !Number.isFinite(exp)) return undefined;
  const madeAt = typeof iat === 'number' && Number.isFinite(iat) ? iat * 1_000 : now;
  return exp * 1_000 - madeAt;
}
