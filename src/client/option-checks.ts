import { checkRecord, checkText, isVisibleAscii, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import type { WireFormat } from '../operations/wire-format.ts';
import type { ApiKey } from '../transport/credential.ts';
import type { AuthScheme } from '../transport/transport.ts';

/** A key that can be sent. @throws TinkerInputError - that does not show it. */
export function checkApiKey(apiKey: unknown, isHosted: boolean): ApiKey {
  if (typeof apiKey === 'function') return apiKey as ApiKey;
  // The key itself is never shown, not even a wrong one.
  if (typeof apiKey !== 'string' || apiKey === '') {
    const got = typeof apiKey === 'string' ? 'an empty one' : show(apiKey);
    throw new TinkerInputError('apiKey', `must be a non-empty string or a function, got ${got}`, {
      hint: 'The environment is not read by itself: optionsFromEnv in isotinker/env does that',
    });
  }
  if (!isVisibleAscii(apiKey)) {
    throw new TinkerInputError(
      'apiKey',
      'must consist of visible ASCII characters; it has a space, a line end or others',
      { hint: 'Trim it: what is read from a file mostly ends with a line end' },
    );
  }
  if (isHosted && !/^(tml-|eyJ)/.test(apiKey)) {
    throw new TinkerInputError('apiKey', 'must start with "tml-" for the hosted service', {
      hint: 'For another server give its address as baseUrl',
    });
  }
  return apiKey;
}

/** One of the ways to send a key. @throws TinkerInputError */
export function checkAuthScheme(value: unknown): AuthScheme {
  if (value === 'x-api-key' || value === 'bearer' || value === 'both') return value;
  throw new TinkerInputError('authScheme', `must be "x-api-key", "bearer" or "both", got ${show(value)}`);
}

/** One of the ways to send a pass. @throws TinkerInputError */
export function checkWireFormat(value: unknown): WireFormat {
  if (value === 'auto' || value === 'json' || value === 'proto') return value;
  throw new TinkerInputError('wireFormat', `must be "auto", "json" or "proto", got ${show(value)}`);
}

/** Origin and path, without `/api/v1`, in lower case where case means nothing, without a default port. */
export function normalizeBaseUrl(baseUrl: unknown): string {
  const url = typeof baseUrl === 'string' && URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    const whole = `http://${baseUrl}`;
    const isHost = typeof baseUrl === 'string' && /^[\w[]/.test(baseUrl) && URL.canParse(whole);
    throw new TinkerInputError('baseUrl', `must be an absolute http or https URL, got ${show(baseUrl)}`, {
      hint: isHost && !/^\w+:\/\//.test(baseUrl) ? `Did you mean ${show(whole)}?` : undefined,
    });
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new TinkerInputError('baseUrl', 'must have no credentials, query or fragment', {
      hint: 'Give a credential as apiKey, or in defaultHeaders',
    });
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/+api\/v1$/, '')}`;
}

/** A function, or nothing. @throws TinkerInputError */
export function checkFunction<F>(field: string, value: F): F {
  if (value === undefined || typeof value === 'function') return value;
  throw new TinkerInputError(field, `must be a function, got ${show(value)}`);
}

/** Non-empty strings. @throws TinkerInputError */
export function checkTexts(field: string, values: readonly string[]): readonly string[] {
  if (!Array.isArray(values))
    throw new TinkerInputError(field, `must be an array of strings, got ${show(values)}`);
  return values.map((value, index) => checkText(`${field}[${index}]`, value));
}

/** Maps and `Headers` have no members that can be read by name. */
const FROM_ENTRIES = { hint: 'Object.fromEntries makes one of a Map, or of Headers' };

/** An object with these functions, or nothing. @throws TinkerInputError */
export function checkFunctions<T extends object>(
  field: string,
  value: T | undefined,
  names: readonly (keyof T & string)[],
): T | undefined {
  if (value === undefined) return undefined;
  const isComplete =
    typeof value === 'object' && value !== null && names.every((name) => typeof value[name] === 'function');
  if (isComplete) return value;
  throw new TinkerInputError(field, `must have the functions ${names.join(', ')}, got ${show(value)}`);
}

/** A copy of a map of strings. @throws TinkerInputError */
export function checkMetadata(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  checkRecord('userMetadata', metadata, 'an object of strings', FROM_ENTRIES);
  for (const [name, value] of Object.entries(metadata)) {
    if (typeof value === 'string') continue;
    throw new TinkerInputError(`userMetadata.${name}`, `must be a string, got ${show(value)}`);
  }
  return { ...metadata };
}

/** A copy of headers that can be sent. @throws TinkerInputError - the platform's own would show the value, which may be a secret. */
export function checkHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  checkRecord('defaultHeaders', headers, 'an object of strings', FROM_ENTRIES);
  for (const [name, value] of Object.entries(headers)) {
    try {
      new Headers([[name, value]]);
    } catch {
      throw new TinkerInputError(
        `defaultHeaders.${name}`,
        'is not a header that can be sent: its name or its value has a character that none may have',
      );
    }
  }
  return { ...headers };
}

/** A source of ids whose ids can be sent in a header. */
export function checkedIds(createId: (() => string) | undefined): (() => string) | undefined {
  return (
    createId &&
    (() => {
      const id: unknown = createId();
      if (typeof id === 'string' && isVisibleAscii(id)) return id;
      throw new TinkerInputError('createId', `must give letters, digits and signs of ASCII, got ${show(id)}`);
    })
  );
}
