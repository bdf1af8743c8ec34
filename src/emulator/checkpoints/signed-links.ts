import { toHex } from '../../kernel/bytes.ts';
import type { Clock } from '../../kernel/clock.ts';
import { hmacSha256 } from '../hmac.ts';
import { problem } from '../http/http.ts';

/** Links that open one thing for a while, to whoever holds them: no key is asked for (protocol 2.9). */
export interface SignedLinks {
  /** A link's token for `subject`, and its end, in milliseconds since the Unix epoch: a full second. */
  sign(subject: string, lifetimeMs: number): { readonly token: string; readonly expiresAt: number };
  /** @throws HttpProblem 403 - for a token that is not `subject`'s; 410 for one that has expired. */
  verify(subject: string, token: string | null): void;
}

/** @param secret - At most 64 bytes of UTF-8. */
export function createSignedLinks(clock: Clock, secret: () => string): SignedLinks {
  const tokenOf = (subject: string, expiresAt: number): string =>
    `${expiresAt}.${toHex(hmacSha256(secret(), `${expiresAt} ${subject}`))}`;
  return {
    sign(subject, lifetimeMs) {
      const expiresAt = Math.floor((clock.now() + lifetimeMs) / 1000) * 1000;
      return { token: tokenOf(subject, expiresAt), expiresAt };
    },
    verify(subject, token) {
      const expiresAt = Number(token?.split('.')[0]);
      if (token !== tokenOf(subject, expiresAt)) throw problem(403, 'The link is not valid');
      if (clock.now() >= expiresAt) throw problem(410, 'The link has expired');
    },
  };
}
