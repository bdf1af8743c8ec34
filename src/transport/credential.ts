import { isVisibleAscii, show } from '../kernel/checks.ts';
import { TinkerConnectionError, TinkerInputError } from '../kernel/errors.ts';

/** An API key, or a function asked for one before every attempt. */
export type ApiKey = string | (() => string | Promise<string>);

/** Gives what proves who is asking. Asked before every attempt. */
export type Credential = (signal: AbortSignal) => Promise<string>;

/**
 * The key as it is, or what the function gives now.
 *
 * @throws TinkerConnectionError - where the function throws; TinkerInputError where it gives no key. Neither shows it.
 */
export async function resolveKey(apiKey: ApiKey): Promise<string> {
  if (typeof apiKey === 'string') return apiKey;
  let key: unknown;
  try {
    key = await apiKey();
  } catch (cause) {
    // Its words stay with the cause: who knows what is in them.
    throw new TinkerConnectionError('The apiKey function failed', {
      cause,
      isLocal: true,
      hint: 'What it threw is the cause of this error',
    });
  }
  // A header takes visible ASCII only; the platform's own error would show the key.
  if (typeof key === 'string' && isVisibleAscii(key)) return key;
  throw new TinkerInputError(
    'apiKey',
    `must give a key of visible ASCII characters, gave ${typeof key === 'string' ? 'another string' : show(key)}`,
  );
}
