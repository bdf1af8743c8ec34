import { TinkerInputError } from '../../kernel/errors.ts';
import { readClaims } from '../../kernel/json-web-token.ts';

/** Whom the server takes the caller for. */
export interface Identity {
  /** The user, as the token names them. */
  readonly userUrn: string;
  /** Their address; `undefined` where the token has none. */
  readonly email: string | undefined;
}

/**
 * Who a credential belongs to, by the claims of the token that it is (protocol 7). The signature is not looked at: who
 * sends the token learns nothing new from it.
 *
 * @param isExchanged - The server gave it for a key. A key that is a token itself tells whose it is only where it comes
 *   from the service's passports.
 * @throws TinkerInputError - for a credential that does not say it. It is not shown.
 */
export function readIdentity(credential: string, isExchanged: boolean): Identity {
  const { iss, sub, email } = (credential.startsWith('eyJ') ? readClaims(credential) : undefined) ?? {};
  const isPassport = typeof iss === 'string' && iss.startsWith('passport-');
  if (typeof sub !== 'string' || sub === '' || !(isExchanged || isPassport)) {
    throw new TinkerInputError(
      'apiKey',
      'must be a token of a user, or a key that the server exchanges for one',
      {
        hint: 'A plain API key does not say whose it is',
      },
    );
  }
  return { userUrn: sub, email: typeof email === 'string' && email !== '' ? email : undefined };
}
