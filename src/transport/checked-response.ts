import { show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';

/**
 * What a `fetch` gave, if it is a response: one of the user's own may forget to return it. Known by its members, because
 * there are other classes of responses than the platform's.
 *
 * @throws TinkerInputError
 */
export function checkedResponse(value: unknown): Response {
  const { status, headers } = (value ?? {}) as { status?: unknown; headers?: { get?: unknown } | null };
  if (typeof status === 'number' && typeof headers?.get === 'function') return value as Response;
  throw new TinkerInputError('fetch', `must resolve to a Response, got ${show(value)}`);
}
