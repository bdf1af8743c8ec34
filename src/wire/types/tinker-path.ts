/** What a checkpoint is for: `weights` to train on from, `sampler_weights` to sample from. */
export type CheckpointKind = 'weights' | 'sampler_weights';

/** A path of a checkpoint, e.g. `tinker://run/weights/name`. Some servers name their own scheme. */
export type TinkerPath<K extends CheckpointKind = CheckpointKind> =
  `${'tinker' | 'twinkle'}://${string}/${K}/${string}`;

/**
 * Type of a parameter that takes any path but a literal one of the wrong kind:
 * `load<P extends string>(path: PathOfKind<'weights', P>)`.
 */
export type PathOfKind<K extends CheckpointKind, P extends string> =
  P extends TinkerPath<Exclude<CheckpointKind, K>> ? TinkerPath<K> : P;

/** The parts of a {@link TinkerPath}. */
export interface ParsedTinkerPath {
  /** Id of the training run that made the checkpoint; may hold colons. */
  readonly runId: string;
  /** What the checkpoint is for. */
  readonly kind: CheckpointKind;
  /** Its name within the run. */
  readonly name: string;
  /** Kind and name, e.g. `weights/0001`: the checkpoint's id within the run. */
  readonly checkpointId: `${CheckpointKind}/${string}`;
  /** The whole path, as it was given. */
  readonly path: TinkerPath;
}
