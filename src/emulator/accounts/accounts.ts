import { encodeUtf8, toHex } from '../../kernel/bytes.ts';
import type { Clock } from '../../kernel/clock.ts';
import { sha256 } from '../../kernel/sha256.ts';
import { problem } from '../http/http.ts';
import { signToken, verifyToken } from './json-web-token.ts';

/** Who calls, and so who owns what the call makes: one for each key. */
export interface Account {
  /** `user-` and a digest of the key. */
  readonly id: string;
  readonly email: string;
}

/** Who may call (protocol 1.4). The credential is in `X-API-Key`, or in `Authorization: Bearer`. */
export interface Accounts {
  /** Whoever brings no key, where any key will do, and wherever none is asked for. */
  readonly nobody: Account;
  /** Who holds this key or token. @throws HttpProblem 401 */
  byKey(request: Request): Account;
  /** The same where the emulator gives no tokens, else who holds this token; a key will not do. @throws HttpProblem 401 */
  byToken(request: Request): Account;
  /** A token that names `account`. @throws HttpProblem 404 - where the emulator gives none. */
  issueToken(account: Account): string;
  /** Whose credential this is; `undefined` where it is nobody's. */
  ownerOf(credential: string): Account | undefined;
}

/** Options of {@link createAccounts}. */
export interface AccountOptions {
  readonly clock: Clock;
  /** The only key there is; any will do without it. */
  readonly apiKey: string | undefined;
  /** How long tokens live, in milliseconds; without it there are none. */
  readonly tokenLifetimeMs: number | undefined;
  /** Signs tokens; at most 64 bytes of UTF-8. */
  secret(): string;
}

const ANONYMOUS: Account = { id: 'user-anonymous', email: 'anonymous@emulator.invalid' };

/** Accounts are made of keys, so there is nothing to remember. */
export function createAccounts({ clock, apiKey, tokenLifetimeMs, secret }: AccountOptions): Accounts {
  const givesTokens = tokenLifetimeMs !== undefined;
  const ofToken = (token: string): Account | undefined => {
    const claims = verifyToken(token, secret(), clock.now());
    return claims && { id: claims.sub, email: claims.email };
  };

  function ofKey(key: string): Account | undefined {
    if (apiKey !== undefined && key !== apiKey) return undefined;
    if (key === '') return givesTokens ? undefined : ANONYMOUS;
    const id = `user-${toHex(sha256(encodeUtf8(key)).subarray(0, 6))}`;
    return { id, email: `${id}@emulator.invalid` };
  }

  /** Where there are tokens, what looks like one is one: a forged one is not taken for somebody's key. */
  const ownerOf = (credential: string): Account | undefined =>
    givesTokens && credential.startsWith('eyJ') ? ofToken(credential) : ofKey(credential);

  return {
    nobody: ANONYMOUS,
    ownerOf,
    byKey(request) {
      const account = ownerOf(credentialOf(request));
      if (account === undefined) throw problem(401, 'Invalid API key');
      return account;
    },
    byToken(request) {
      const account = givesTokens ? ofToken(credentialOf(request)) : ofKey(credentialOf(request));
      if (account === undefined)
        throw problem(401, givesTokens ? 'The token is not valid, or has expired' : 'Invalid API key');
      return account;
    },
    issueToken({ id, email }) {
      if (tokenLifetimeMs === undefined)
        throw problem(404, 'Tokens are not given here: keys are used as they are');
      const iat = Math.floor(clock.now() / 1000);
      const exp = Math.floor((clock.now() + tokenLifetimeMs) / 1000);
      return signToken({ sub: id, email, iss: 'passport-emulator', iat, exp }, secret());
    },
  };
}

function credentialOf({ headers }: Request): string {
  const [, bearer] = /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '') ?? [];
  return headers.get('x-api-key') ?? bearer ?? '';
}
