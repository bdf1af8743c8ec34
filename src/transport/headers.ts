/** Headers of one request (protocol 1.3), without those that only describe the official client's runtime. */
export function requestHeaders(
  credential: string,
  hasBody: boolean,
  defaults: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>> | undefined,
): Headers {
  const headers = new Headers({ accept: 'application/json', 'x-api-key': credential });
  if (hasBody) headers.set('content-type', 'application/json');
  for (const [name, value] of Object.entries({ ...own, ...defaults })) headers.set(name, value);
  return headers;
}

/** Shorter keys are words ("test"), not secrets, and to take them out would spoil what an answer says. */
const SECRET_LENGTH = { success: 16, failure: 4 } as const;

/**
 * Text from outside with the credential taken out: a server that echoes a key must not put it in an error, nor in a
 * success that an error is made of later.
 */
export function redact(
  text: string,
  credential: string,
  kind: keyof typeof SECRET_LENGTH = 'failure',
): string {
  return credential.length < SECRET_LENGTH[kind] ? text : text.replaceAll(credential, '[redacted]');
}
