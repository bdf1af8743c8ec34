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
