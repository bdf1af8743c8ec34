import { checkText, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import type { CheckpointKind, ParsedTinkerPath, TinkerPath } from './types/tinker-path.ts';

const SCHEME = /^(tinker|twinkle):\/\//;

/** What takes a path of each kind. */
const TAKERS: Readonly<Record<CheckpointKind, string>> = {
  weights: 'loadState and createTrainingClientFromState take',
  sampler_weights: 'createSamplingClient({ modelPath }) takes',
};

/**
 * The parts of a checkpoint's path: `tinker://` (or `twinkle://`), a run, `weights` or `sampler_weights`, and a name
 * (protocol 7). Servers have other paths too, which they alone can read: hand those back verbatim.
 *
 * @throws TinkerInputError - saying what is wrong, and how a path looks.
 */
export function parseTinkerPath(path: string): ParsedTinkerPath {
  const text = checkText('path', path);
  const refuse = (problem: string): never => {
    throw new TinkerInputError('path', `${problem}, got ${show(text)}`, {
      hint: 'A path looks like tinker://run/weights/name or tinker://run/sampler_weights/name',
    });
  };
  const scheme = SCHEME.exec(text)?.[0];
  if (scheme === undefined) return refuse('must start with "tinker://"');
  const parts = text.slice(scheme.length).split('/');
  if (parts.length !== 3) return refuse(`must have 3 parts, run, kind and name, and has ${parts.length}`);
  const [runId = '', kind = '', name = ''] = parts;
  if (runId === '') return refuse('must name a run, and that part is empty');
  if (kind !== 'weights' && kind !== 'sampler_weights') {
    return refuse(`must have the kind "weights" or "sampler_weights", and has ${show(kind)}`);
  }
  if (name === '') return refuse('must name a checkpoint, and that part is empty');
  return { runId, kind, name, checkpointId: `${kind}/${name}`, path: text as TinkerPath };
}

/**
 * A path that may be of this kind, as it was given. Only one that can be read as the other kind is refused.
 *
 * @throws TinkerInputError - naming the path, the kind that is needed, and what takes the path.
 */
export function checkCheckpointKind(field: string, path: unknown, kind: CheckpointKind): string {
  const text = checkText(field, path);
  const found = kindOf(text);
  if (found === undefined || found === kind) return text;
  throw new TinkerInputError(field, `must be a path of ${kind}, got "${text}", which is of ${found}`, {
    hint: `${TAKERS[found]} such a path`,
  });
}

/** The kind that a path says; `undefined` for one that only its server can read. */
function kindOf(path: string): CheckpointKind | undefined {
  const kind = /^(?:tinker|twinkle):\/\/[^/]+\/(weights|sampler_weights)\/[^/]+$/.exec(path)?.[1];
  return kind as CheckpointKind | undefined;
}
