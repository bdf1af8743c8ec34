import { decodeUtf8, encodeUtf8 } from '../../kernel/bytes.ts';
import { hmacSha256 } from '../hmac.ts';

/** What a token says of whom it was given to. */
export interface TokenClaims {
  /** Whom it names. */
  readonly sub: string;
  readonly email: string;
  readonly iss: string;
  /** When it was given and when it ends, in seconds since the Unix epoch. */
  readonly iat: number;
  readonly exp: number;
}

const HEADER = { alg: 'HS256', typ: 'JWT' };

/** A JSON Web Token (RFC 7519) signed with HMAC-SHA256. @param secret - At most 64 bytes of UTF-8. */
export function signToken(claims: TokenClaims, secret: string): string {
  const content = [HEADER, claims].map((part) => base64Url(encodeUtf8(JSON.stringify(part)))).join('.');
  return `${content}.${base64Url(hmacSha256(secret, content))}`;
}

/** The claims of a token with this signature that has not expired; else `undefined`. @param now - Wall time, ms. */
export function verifyToken(token: string, secret: string, now: number): TokenClaims | undefined {
  const [header, payload = '', signature, ...rest] = token.split('.');
  if (rest.length > 0 || signature !== base64Url(hmacSha256(secret, `${header}.${payload}`)))
    return undefined;
  // Signed here, so it is what was signed.
  const claims = JSON.parse(decodeUtf8(fromBase64Url(payload))) as TokenClaims;
  return claims.exp * 1000 > now ? claims : undefined;
}

function base64Url(bytes: Uint8Array): string {
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function fromBase64Url(text: string): Uint8Array {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
