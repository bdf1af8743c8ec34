import type { ModelInput, TokenIds } from './model-input.ts';

/** The numbers of a {@link TensorData}: `float32` as a `Float32Array`, `int64` as a `BigInt64Array`. */
export type TensorValues = Float32Array | BigInt64Array;

/** A dense array with a shape, row-major. Its `dtype` tells which kind of array its `data` are. */
export type TensorData<T extends TensorValues = TensorValues> = T extends Float32Array
  ? DenseTensor<Float32Array<ArrayBuffer>, 'float32'>
  : DenseTensor<BigInt64Array<ArrayBuffer>, 'int64'>;

/** Both kinds of {@link TensorData}. */
export interface DenseTensor<T extends TensorValues, D extends 'float32' | 'int64'> {
  /** The numbers, row by row. */
  readonly data: T;
  /** Name of their type on the wire. */
  readonly dtype: D;
  /** Lengths of the axes; their product is `data.length`. */
  readonly shape: readonly number[];
}

/**
 * A matrix of mostly zeros, in compressed sparse rows. JSON has it in full; a server that reads protobuf, and takes none,
 * refuses it.
 */
export interface SparseTensorData<T extends TensorValues = TensorValues> {
  /** The values that are not zero, row by row. */
  readonly data: T extends Float32Array ? FloatInput : Int64Input;
  /** Name of their type on the wire. */
  readonly dtype: T extends Float32Array ? 'float32' : 'int64';
  /** Rows and columns of the full matrix. */
  readonly shape: readonly [number, number];
  /** Where in `data` each row begins, and where the last one ends: one more than there are rows. */
  readonly crowIndices: SparseIndices;
  /** Column of each value; ascending within a row. */
  readonly colIndices: SparseIndices;
}

/** Positions in a sparse tensor. */
export type SparseIndices = Int32Array | BigInt64Array | readonly number[];

/** Real, finite numbers for a loss: one per position. */
export type FloatInput = Float32Array | Float64Array | readonly number[];

/** Whole numbers for a loss: one per position. */
export type Int64Input = TokenIds | BigInt64Array | readonly (number | bigint)[];

/**
 * A tensor of real numbers for a loss: one per position, a row of them per position, or a tensor as results carry them
 * (an `int64` one is converted).
 */
export type FloatTensorInput =
  | FloatInput
  | readonly FloatInput[]
  | DenseTensor<Float32Array, 'float32'>
  | DenseTensor<BigInt64Array, 'int64'>
  | SparseTensorData<Float32Array>;

/** A tensor of token ids for a loss: one per position, a row of them per position, or a tensor of them. */
export type TokenTensorInput =
  | Int64Input
  | readonly Int64Input[]
  | DenseTensor<BigInt64Array, 'int64'>
  | SparseTensorData<BigInt64Array>;

/**
 * The tensors each loss reads, by loss name (protocol 4.4, 4.9). All have the shape of `target_tokens`, whose first
 * axis is as long as the model input.
 */
export interface LossFnInputs {
  /** L = sum(-logprob * weight). */
  readonly cross_entropy: {
    /** Position i's target, usually token i + 1 of the text; or a row of targets for each position. */
    readonly target_tokens: TokenTensorInput;
    /** Weight of each target in the loss sum(-logprob * weight). Needed with rows of targets. @default 1 each */
    readonly weights?: FloatTensorInput | undefined;
  };
  /** Policy gradient with importance ratios. */
  readonly importance_sampling: PolicyLossInputs;
  /** The same with clipped ratios. */
  readonly ppo: ClippedLossInputs;
  /** The same with clipped ratios that carry no gradient. */
  readonly cispo: ClippedLossInputs;
  /** Direct reward optimization. */
  readonly dro: PolicyLossInputs;
}

/** What the policy-gradient losses read. */
export interface PolicyLossInputs {
  /** The tokens that were sampled. */
  readonly target_tokens: TokenTensorInput;
  /** Log-probabilities under the policy that sampled the targets. */
  readonly logprobs: FloatTensorInput;
  /** How much better than expected each of them did. */
  readonly advantages: FloatTensorInput;
}

/** What the losses with clipped ratios read. Thresholds for all positions alike go into `lossFnConfig`. */
export interface ClippedLossInputs extends PolicyLossInputs {
  /** Least ratio of each position. @default `lossFnConfig`'s, else the server's */
  readonly clip_low_threshold?: FloatTensorInput | undefined;
  /** Largest ratio of each position. @default `lossFnConfig`'s, else the server's */
  readonly clip_high_threshold?: FloatTensorInput | undefined;
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
