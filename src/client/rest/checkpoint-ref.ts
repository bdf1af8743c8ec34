import { bareMessage } from '../../kernel/bare-message.ts';
import { checkText, show } from '../../kernel/checks.ts';
import { isTinkerError, TinkerInputError } from '../../kernel/errors.ts';
import { parseTinkerPath } from '../../wire/tinker-path.ts';
import type { CheckpointKind } from '../../wire/types/tinker-path.ts';
import { routeToCheckpoint } from './rest-routes.ts';

/**
 * Which checkpoint: its path, e.g. `tinker://run/sampler_weights/name`, or its run and its id there, for servers with
 * other paths.
 */
export type CheckpointRef =
  | string
  | {
      /** Id of the training run. */
      readonly runId: string;
      /** Kind and name, e.g. `weights/0001`, or on some servers the name alone. */
      readonly checkpointId: string;
    };

/** A checkpoint as routes need it. */
export interface CheckpointPlace {
  readonly runId: string;
  /** `undefined` where it goes by its bare name. */
  readonly kind: CheckpointKind | undefined;
  readonly name: string;
  /** As it was given, for errors. */
  readonly label: string;
}

/** A path that does not say its kind: some servers give such ones for weights to sample from. */
const KINDLESS = /^(?:tinker|twinkle):\/\/([^/]+)\/(?!(?:sampler_)?weights$)([^/]+)$/;

/** Where a checkpoint is that is only to be read: its path need not say its kind. @throws TinkerInputError */
export function placeToRead(ref: CheckpointRef): CheckpointPlace {
  const [, runId, name] = (typeof ref === 'string' && KINDLESS.exec(ref)) || [];
  if (runId === undefined || name === undefined) return placeOf(ref);
  return checkedPlace({ runId, kind: undefined, name, label: String(ref) });
}

/** Where a checkpoint is. @throws TinkerInputError */
export function placeOf(ref: CheckpointRef): CheckpointPlace {
  if (typeof ref === 'string') {
    const { runId, kind, name, path } = parseTinkerPath(ref);
    return checkedPlace({ runId, kind, name, label: path });
  }
  if (typeof ref !== 'object' || ref === null) {
    throw new TinkerInputError(
      'path',
      `must be a checkpoint's path, or its runId and checkpointId, got ${show(ref)}`,
    );
  }
  const runId = checkText('runId', ref.runId);
  const id = checkText('checkpointId', ref.checkpointId);
  const [, kind, name] = /^(?:(weights|sampler_weights)\/)?([^/]+)$/.exec(id) ?? [];
  if (name === undefined) {
    throw new TinkerInputError(
      'checkpointId',
      `must be a name, or "weights/" or "sampler_weights/" and a name, got ${show(id)}`,
    );
  }
  return checkedPlace({ runId, kind: kind as CheckpointKind | undefined, name, label: `${runId}/${id}` });
}

/** A place that has a route. @throws TinkerInputError */
function checkedPlace(place: CheckpointPlace): CheckpointPlace {
  routeToCheckpoint(place);
  return place;
}

/** Where many are, each once. @throws TinkerInputError - naming the first that is none. */
export function placesOf(refs: readonly CheckpointRef[]): CheckpointPlace[] {
  if (!Array.isArray(refs))
    throw new TinkerInputError('paths', `must be an array of checkpoints, got ${show(refs)}`, {
      hint: 'deleteCheckpoint takes a single one',
    });
  const places = refs.map((ref, index) => {
    try {
      return placeOf(ref);
    } catch (error) {
      if (!isTinkerError(error, 'input_invalid')) throw error;
      const words = `is no checkpoint: ${bareMessage(error)}`;
      throw new TinkerInputError(`paths[${index}]`, words, { cause: error, hint: error.hint });
    }
  });
  const distinct = new Map(
    places.map((place) => [`${place.runId}/${place.kind ?? ''}/${place.name}`, place]),
  );
  return [...distinct.values()];
}
