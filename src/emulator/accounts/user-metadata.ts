import type { Fields } from '../http/fields.ts';
import { problem } from '../http/http.ts';

/** What users note about their sessions and runs. */
export type UserMetadata = Readonly<Record<string, string>>;

/** Read `user_metadata`: text by name; names without a value are left out (protocol 2). @throws HttpProblem 422 */
export function readUserMetadata(body: Fields): UserMetadata {
  const given = body.optionalObject('user_metadata') === undefined ? {} : body.raw('user_metadata');
  const entries = Object.entries(given as Record<string, unknown>).filter(([, value]) => value !== null);
  for (const [name, value] of entries) {
    if (typeof value !== 'string') throw problem(422, `body.user_metadata.${name} must be a string`);
  }
  return Object.fromEntries(entries) as Record<string, string>;
}
