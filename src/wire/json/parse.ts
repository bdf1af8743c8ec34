import type * as z from 'zod/mini';
import { TinkerResponseError } from '../../kernel/errors.ts';
import { clipped } from '../../kernel/json-text.ts';

/**
 * A server's JSON as the type its schema says.
 *
 * @throws TinkerResponseError - naming the first field that does not fit and what stands there, never its value.
 */
export function parseWire<T>(schema: () => z.ZodMiniType<T>, value: unknown, what: string): T {
  const result = schema().safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  // The names in it may be the server's own, as long as they like.
  const path = clipped(issue?.path.join('.') ?? '', 100);
  const where = path === '' ? 'the body' : `"${path}"`;
  const found = (issue?.path ?? []).reduce<unknown>(
    (inner, key) => (inner as Readonly<Record<PropertyKey, unknown>> | null | undefined)?.[key],
    value,
  );
  throw new TinkerResponseError(`The ${what} does not follow the protocol: ${where} ${describe(found)}`);
}

function describe(found: unknown): string {
  if (found === undefined) return 'is missing';
  if (found === '') return 'is empty';
  const kind = found === null ? 'null' : Array.isArray(found) ? 'a list' : KINDS[typeof found];
  return `is ${kind}, which was not expected`;
}

const KINDS: Readonly<Record<string, string>> = {
  boolean: 'a flag',
  number: 'a number',
  object: 'an object',
  string: 'text',
};
