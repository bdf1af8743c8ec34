import type { Clock } from '../../src/kernel/clock.ts';

const encode = (value: unknown): string =>
  btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value))))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replace(/=+$/, '');

/** A JSON Web Token with these claims, signed by nobody. */
export function tokenWith(claims: unknown, signature = 'signature'): string {
  return `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.${signature}`;
}

/** A token that lives so many seconds from now on a server's clock. */
export function tokenFor(clock: Clock, seconds: number, name = 'token'): string {
  const iat = Math.floor(clock.now() / 1_000);
  return tokenWith({ iat, exp: iat + seconds, name });
}
