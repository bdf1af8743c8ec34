import { userFailure } from '../futures/operation-failure.ts';
import { problem } from '../http/http.ts';

/** What a checkpoint is for: `weights` continues training, `sampler_weights` is sampled from. */
export type CheckpointKind = 'weights' | 'sampler_weights';

/** What a path `tinker://{run}/{kind}/{name}` names (protocol 0.3). */
export interface CheckpointName {
  readonly runId: string;
  readonly kind: CheckpointKind;
  readonly name: string;
}

/** Names that are safe in a path and a storage key. */
const NAME = /^[A-Za-z0-9_.-]{1,128}$/;
const PATH = /^tinker:\/\/([^/]+)\/(weights|sampler_weights)\/([^/]+)$/;
const ID = /^(weights|sampler_weights)\/([^/]+)$/;

/** The path of a checkpoint. @throws OperationFailure - for a name that cannot be part of one. */
export function checkpointPath({ runId, kind, name }: CheckpointName): string {
  if (!NAME.test(name)) throw userFailure(`Checkpoint name "${name}" must match ${NAME.source}`);
  return `tinker://${runId}/${kind}/${name}`;
}

/** What a path names; `undefined` where it is none. */
export function parseCheckpointPath(path: string): CheckpointName | undefined {
  const [, runId, kind, name] = PATH.exec(path) ?? [];
  if (runId === undefined || name === undefined) return undefined;
  return { runId, kind: kind as CheckpointKind, name };
}

/** @throws OperationFailure - for a path that is none, or of the other kind. */
export function requireKind(path: string, kind: CheckpointKind): void {
  const found = parseCheckpointPath(path);
  if (found === undefined) throw userFailure(`"${path}" is not a checkpoint path: tinker://RUN/${kind}/NAME`);
  if (found.kind !== kind)
    throw userFailure(`"${path}" is of kind ${found.kind}; this needs one of kind ${kind}`);
}

/** The path of a run's checkpoint by its id, `{kind}/{name}`. @throws HttpProblem 400 - for an id that is none. */
export function pathOfId(runId: string, checkpointId: string): string {
  if (ID.test(checkpointId)) return `tinker://${runId}/${checkpointId}`;
  throw problem(400, `"${checkpointId}" is not a checkpoint id: weights/NAME or sampler_weights/NAME`);
}
