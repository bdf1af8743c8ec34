import type { AuthScheme } from './transport.ts';

/** What the headers of one request are made of. */
export interface HeaderParts {
  readonly credential: string;
  readonly authScheme: AuthScheme;
  readonly accept: string;
  /** `undefined` where there is no body. */
  readonly content: { readonly type: string; readonly encoding: string | undefined } | undefined;
  /** Win over all others. */
  readonly defaults: Readonly<Record<string, string>>;
  /** Of this request. */
  readonly own: Readonly<Record<string, string>> | undefined;
}

/** Headers of one request (protocol 1.3), without those that only describe the official client's runtime. */
export function requestHeaders(parts: HeaderParts): Headers {
  const { credential, authScheme, accept, content, defaults, own } = parts;
  const headers = new Headers({ accept });
  if (authScheme !== 'bearer') headers.set('x-api-key', credential);
  if (authScheme !== 'x-api-key') headers.set('authorization', `Bearer ${credential}`);
  if (content !== undefined) headers.set('content-type', content.type);
  if (content?.encoding !== undefined) headers.set('content-encoding', content.encoding);
  for (const [name, value] of Object.entries({ ...own, ...defaults })) headers.set(name, value);
  return headers;
}
