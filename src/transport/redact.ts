/** Shorter keys are words ("test"), not secrets, and to take them out would spoil what an answer says. */
const SECRET_LENGTH = { success: 16, failure: 4 } as const;

/** Headers whose values are secrets, whoever sets them. */
const SECRET_HEADER = /auth|cookie|credential|key|password|secret|token/i;

/** Named like a secret, and none: a server may make the request's id of it. */
const IDEMPOTENCY_KEY = /^x-idempotency-key$/i;

/** Fields of bodies whose values are secrets. */
const SECRET_FIELDS = ['weights_access_token'];

/** Values of a body that must not show anywhere: servers repeat what they cannot read. */
export function secretsIn(body: object): string[] {
  const fields = body as Readonly<Record<string, unknown>>;
  return SECRET_FIELDS.map((name) => fields[name]).filter((value) => typeof value === 'string');
}

/** Values of headers that must not show anywhere. */
export function secretsOf(headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    if (!SECRET_HEADER.test(name) || IDEMPOTENCY_KEY.test(name)) return [];
    // "Bearer KEY": the key alone is as secret as the whole.
    const [, bare = ''] = /^\S+\s+(\S+)$/.exec(value) ?? [];
    return bare === '' ? [value] : [value, bare];
  });
}

/**
 * Text from outside with the secrets taken out: a server that echoes a key must not put it in an error, nor in a
 * success that an error is made of later.
 */
export function redact(
  text: string,
  secrets: readonly string[],
  kind: keyof typeof SECRET_LENGTH = 'failure',
): string {
  return secrets
    .filter((secret) => secret.length >= SECRET_LENGTH[kind])
    .reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text);
}

/** What tokens are made of, in a run that no word is as long as. */
const TOKEN_LIKE = /[\w.-]{24,}/g;

/** Text of an answer that was to hold a token, and went wrong: whatever may be the token, or a part of it, taken out. */
export function redactTokens(text: string): string {
  return text.replace(TOKEN_LIKE, '[redacted]');
}

/** Headers of an answer with the secrets taken out: a redirect's target may have been made of them. */
export function redactHeaders(headers: Headers, secrets: readonly string[]): Headers {
  const entries = [...headers];
  const clean = entries.map(([name, value]): [string, string] => [name, redact(value, secrets)]);
  return clean.some(([, value], i) => value !== entries[i]?.[1]) ? new Headers(clean) : headers;
}

/**
 * What a failed exchange threw, as a copy that can be logged: name, message, code, stack and causes without the
 * secrets. A copy, because what is thrown often has the whole request attached, its headers included.
 */
export function redactError(thrown: unknown, secrets: readonly string[], depth = 0): unknown {
  if (typeof thrown === 'string') return redact(thrown, secrets);
  if (!(thrown instanceof Error)) return typeof thrown === 'object' ? undefined : thrown;
  const { name, message, stack, cause } = thrown;
  const { code } = thrown as { code?: unknown };
  // Four deep at most: causes can form a ring.
  const because = cause === undefined || depth >= 3 ? undefined : redactError(cause, secrets, depth + 1);
  const copy = new Error(redact(message, secrets), because === undefined ? undefined : { cause: because });
  Object.defineProperties(copy, {
    name: { value: name, configurable: true },
    stack: { value: redact(stack ?? '', secrets), configurable: true },
  });
  return typeof code === 'string' ? Object.assign(copy, { code: redact(code, secrets) }) : copy;
}
