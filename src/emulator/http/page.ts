import { problem } from './http.ts';

/** A part of a list, as `limit` and `offset` ask for it (protocol 7). */
export interface Page {
  readonly limit: number;
  readonly offset: number;
}

/** `owned`: what is the caller's own. `accessible`: also what others have published. */
export type AccessScope = 'owned' | 'accessible';

const MAX_LIMIT = 1000;

/** Read `limit`, 1 to 1000, and `offset`. @throws HttpProblem 422 */
export function readPage(query: URLSearchParams, defaultLimit: number): Page {
  const limit = readInteger(query, 'limit', defaultLimit);
  const offset = readInteger(query, 'offset', 0);
  if (limit < 1 || limit > MAX_LIMIT)
    throw problem(422, `query.limit must be from 1 to ${MAX_LIMIT}, got ${limit}`);
  return { limit, offset };
}

/** Read `access_scope`. @throws HttpProblem 422 */
export function readScope(query: URLSearchParams): AccessScope {
  const scope = query.get('access_scope') ?? 'owned';
  if (scope === 'owned' || scope === 'accessible') return scope;
  throw problem(422, `query.access_scope must be "owned" or "accessible", got "${scope}"`);
}

/** Text of the query that must not be empty where it is given. @throws HttpProblem 422 */
export function readOptionalText(query: URLSearchParams, name: string): string | undefined {
  const text = query.get(name);
  if (text === '') throw problem(422, `query.${name} must not be empty`);
  return text ?? undefined;
}

/** The part of a list, and where it lies in the whole. */
export function pageOf<T>(
  all: readonly T[],
  { limit, offset }: Page,
): { readonly items: T[]; readonly cursor: object } {
  return { items: all.slice(offset, offset + limit), cursor: { offset, limit, total_count: all.length } };
}

function readInteger(query: URLSearchParams, name: string, missing: number): number {
  const text = query.get(name);
  if (text === null) return missing;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw problem(422, `query.${name} must be a whole number, got "${text}"`);
}
