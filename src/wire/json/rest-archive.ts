import * as z from 'zod/mini';
import { text, time } from './field.ts';
import { lazy } from './lazy.ts';
import { parseWire } from './parse.ts';

const archiveSchema = /* @__PURE__ */ lazy(() => z.looseObject({ url: text(), expires: z.nullish(time()) }));

/** Answer of `…/archive` where it is JSON (protocol 2.9): the address, and when it expires, as the server put it. */
export function readArchive(body: unknown): {
  readonly url: string;
  readonly expires: string | number | undefined;
} {
  const { url, expires } = parseWire(archiveSchema, body, 'archive answer');
  return { url, expires: expires ?? undefined };
}
