import type { ModelInput, TokenIds } from './model-input.ts';

/** The numbers of a {@link TensorData}: `float32` as a `Float32Array`, `int64` as a `BigInt64Array`. */
export type TensorValues = Float32Array | BigInt64Array;

/** A dense array with a shape, row-major. */
export interface TensorData<T extends TensorValues = TensorValues> {
  /** The numbers, row by row. */
  readonly data: T;
  /** Name of their type on the wire. */
  readonly dtype: T extends Float32Array ? 'float32' : 'int64';
  /** Lengths of the axes; their product is `data.length`. */
  readonly shape: readonly number[];
}

/** Real, finite numbers for a loss: one per position. */
export type FloatInput = Float32Array | Float64Array | readonly number[];

/** The tensors each loss reads, by loss name (protocol 4.4, 4.9). All have the length of `target_tokens`. */
export interface LossFnInputs {
  /** L = sum(-logprob * weight). */
  readonly cross_entropy: {
    /** Position i's target, usually token i + 1 of the text. */
    readonly target_tokens: TokenIds;
    /** Weight of each position in the loss sum(-logprob * weight). @default 1 each */
    readonly weights?: FloatInput | undefined;
  };
  /** Policy gradient with importance ratios. */
  readonly importance_sampling: PolicyLossInputs;
  /** The same with clipped ratios. */
  readonly ppo: PolicyLossInputs;
  /** The same with clipped ratios that carry no gradient. */
  readonly cispo: PolicyLossInputs;
  /** Direct reward optimization. */
  readonly dro: PolicyLossInputs;
}

/** What the policy-gradient losses read. */
export interface PolicyLossInputs {
  /** The tokens that were sampled. */
  readonly target_tokens: TokenIds;
  /** Log-probabilities under the policy that sampled the targets. */
  readonly logprobs: FloatInput;
  /** How much better than expected each of them did. */
  readonly advantages: FloatInput;
}

/** Name of a loss function of the protocol. */
export type LossFn = keyof LossFnInputs;

/**
 * One training example. The loss named `L` decides which tensors it must carry.
 *
 * @typeParam L - Name of the loss, e.g. `'cross_entropy'`.
 */
export interface Datum<L extends LossFn = LossFn> {
  /** What the model reads; as many positions as `target_tokens`. Plain token ids mean one text chunk. */
  readonly modelInput: ModelInput | TokenIds;
  /** What the loss reads, by tensor name. */
  readonly lossFnInputs: LossFnInputs[L];
}
