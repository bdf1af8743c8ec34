import { type PartialFailure, TinkerPartialError } from '../../kernel/partial-error.ts';
import type { Runtime } from '../../operations/runtime.ts';
import type { Scope } from '../../operations/scope.ts';
import { createLimiter } from '../../policy/limiter.ts';
import type { CheckpointPlace } from './checkpoint-ref.ts';
import { changeRest } from './rest-request.ts';
import { routeToCheckpoint } from './rest-routes.ts';

/** Deletions under way at once, of those of one call (protocol 8). */
const DELETIONS = 32;

/** Delete one. */
export async function deleteCheckpoint(
  runtime: Runtime,
  scope: Scope,
  place: CheckpointPlace,
): Promise<void> {
  // A repetition finds nothing where it was a lost answer that the first one succeeded.
  await changeRest(runtime, scope, { method: 'DELETE', path: routeToCheckpoint(place) }, 404);
}

/** Make one readable for everyone, or take that back. */
export async function setPublished(
  runtime: Runtime,
  scope: Scope,
  place: CheckpointPlace,
  isPublic: boolean,
): Promise<void> {
  const path = routeToCheckpoint(place, 'publish');
  // 409: it is so already.
  await changeRest(runtime, scope, { method: isPublic ? 'POST' : 'DELETE', path }, 409);
}

/** Say when one is deleted, in seconds from now, or that it never is. */
export async function setTtl(
  runtime: Runtime,
  scope: Scope,
  place: CheckpointPlace,
  seconds: number | null,
): Promise<void> {
  const path = routeToCheckpoint(place, 'ttl');
  await changeRest(runtime, scope, { method: 'PUT', path, body: { ttl_seconds: seconds } });
}

/**
 * Delete many, some at once. Those that fail do not stop the others.
 *
 * @throws TinkerPartialError - naming those that failed.
 */
export async function deleteCheckpoints(
  runtime: Runtime,
  scope: Scope,
  places: readonly CheckpointPlace[],
): Promise<void> {
  const limiter = createLimiter(DELETIONS);
  const attempt = async (place: CheckpointPlace): Promise<PartialFailure | undefined> => {
    // A signal of its own: the call's would get several listeners for each.
    const own = new AbortController();
    const unsubscribe = runtime.fanout.subscribe(scope.signal, (reason) => own.abort(reason));
    try {
      const { signal } = own;
      await limiter.run(signal, () => deleteCheckpoint(runtime, { ...scope, signal }, place));
      return undefined;
    } catch (error) {
      return { item: place.label, error };
    } finally {
      unsubscribe();
    }
  };
  const outcomes = await Promise.all(places.map(attempt));
  scope.signal.throwIfAborted();
  const failures = outcomes.filter((outcome) => outcome !== undefined);
  if (failures.length === 0) return;
  const done = places.filter((_, index) => outcomes[index] === undefined).map(({ label }) => label);
  throw new TinkerPartialError('deleted', failures, done);
}
