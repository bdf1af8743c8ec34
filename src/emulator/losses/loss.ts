/** A loss of `forward_backward`: a sum over the targets of a datum, of a function of each target's log-prob. */
export interface Loss {
  /** The name it is asked for by. */
  readonly name: string;
  /** Tensors a datum must bring beside `target_tokens`; each has the shape of that. */
  readonly required: readonly string[];
  /** Tensors it may bring, of the same shape. */
  readonly optional: readonly string[];
  /** The keys of `loss_fn_config`, with the values that hold where a key is not there. */
  readonly settings: Readonly<Record<string, number>>;
  /** Whether a position may have several targets: `target_tokens` of the shape [N, K]. */
  readonly manyTargets: boolean;
  /** What it reports beside `loss:sum`. */
  readonly diagnostics: readonly Diagnostic[];
  /** The loss of one datum, target by target. */
  bind(data: LossData): LossFunction;
}

/**
 * `tokens:sum` is the number of targets that count: all but those left out for want of an advantage. `clipped:sum` is
 * the number of those whose probability ratio was beyond a threshold. Both add up over chunks, so that a share can be
 * had from them.
 */
export type Diagnostic = 'tokens:sum' | 'clipped:sum';

/** What a loss reads of a datum and of the configuration. */
export interface LossData {
  /** A tensor's numbers, one a target, rounded to 32 bits; for an optional one that is not there, `missing` throughout. */
  numbers(name: string, missing?: number): ArrayLike<number>;
  /** A number of `loss_fn_config`. */
  setting(name: string): number;
}

/** The loss at the target with this index, and its derivative with respect to the target's log-prob. */
export type LossFunction = (logprob: number, index: number) => LossTerm;

/** One term of the sum. */
export interface LossTerm {
  readonly loss: number;
  /** d loss / d log-prob. */
  readonly gradient: number;
  /** Whether the target counts for {@link Diagnostic}. */
  readonly counts: boolean;
  readonly isClipped: boolean;
}

/** The term of a target that is left out. */
export const NOTHING: LossTerm = { loss: 0, gradient: 0, counts: false, isClipped: false };
