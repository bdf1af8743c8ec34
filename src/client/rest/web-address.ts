import { TinkerResponseError } from '../../kernel/errors.ts';

/**
 * An address that a server gave for something to be downloaded, whole.
 *
 * @param path - Of the request, for the error: what was given may be secret.
 * @param base - What a relative one is relative to. @default it must be absolute
 * @throws TinkerResponseError - for what is no http or https address.
 */
export function webAddress(path: string, url: string, base?: string): string {
  const resolved = URL.canParse(url, base) ? new URL(url, base) : undefined;
  if (resolved !== undefined && /^https?:$/.test(resolved.protocol)) return resolved.href;
  throw new TinkerResponseError(`${path} answered with an address that is none`);
}
