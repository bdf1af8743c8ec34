import { checkText, show } from '../../kernel/checks.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import type { CheckpointPlace } from './checkpoint-ref.ts';

const ROOT = '/api/v1';

/** Whose training runs and sessions: one's own, or all that one may read. */
export type AccessScope = 'owned' | 'accessible';

/** Which ones a call is about. */
export interface AccessOptions {
  /** One's own, or all that one may read. @default 'owned' */
  readonly accessScope?: AccessScope | undefined;
}

/** Path of a collection, or of what belongs to one. */
export function routeTo(
  path: string,
  query: Readonly<Record<string, string | number | undefined>> = {},
): string {
  const entries = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return `${ROOT}/${path}${entries.length === 0 ? '' : `?${new URLSearchParams(entries)}`}`;
}

/** Path of a training run. @throws TinkerInputError */
export function routeToRun(runId: string): string {
  return `training_runs/${routeSegment('runId', runId)}`;
}

/** Path of a checkpoint, or of a part of it. @throws TinkerInputError */
export function routeToCheckpoint({ runId, kind, name }: CheckpointPlace, part?: string): string {
  const id = [...(kind === undefined ? [] : [kind]), routeSegment('checkpointId', name)].join('/');
  return routeTo(`${routeToRun(runId)}/checkpoints/${id}${part === undefined ? '' : `/${part}`}`);
}

/** Path of a session, or of a part of it. @throws TinkerInputError */
export function routeToSession(sessionId: string, part?: string): string {
  return `sessions/${routeSegment('sessionId', sessionId)}${part === undefined ? '' : `/${part}`}`;
}

/**
 * An id as one segment of a path (servers.md 2.1 item 41). Ids have colons, which a path may have as they are.
 *
 * @throws TinkerInputError - also for what every URL parser would take out of the path: "." and "..".
 */
export function routeSegment(field: string, id: string): string {
  const text = checkText(field, id);
  if (text === '.' || text === '..' || !isWellFormed(text)) {
    throw new TinkerInputError(field, `must be an id, got ${show(text)}`);
  }
  return encodeURIComponent(text).replaceAll('%3A', ':');
}

/** Whose they are. @throws TinkerInputError */
export function checkAccessScope(value: unknown = 'owned'): AccessScope {
  if (value === 'owned' || value === 'accessible') return value;
  throw new TinkerInputError('accessScope', `must be "owned" or "accessible", got ${show(value)}`);
}

/** Half of a surrogate pair has no bytes. */
function isWellFormed(text: string): boolean {
  try {
    return encodeURIComponent(text) !== '';
  } catch {
    return false;
  }
}
