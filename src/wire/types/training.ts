import type { TensorData } from './datum.ts';

/** Which adapter to train. */
export interface LoraConfig {
  /** Rank of the adapter. @default 32 */
  readonly rank?: number | undefined;
  /** Seed of its initialisation. @default chosen by the server */
  readonly seed?: number | undefined;
  /** Adapt the attention projections. @default true */
  readonly trainAttn?: boolean | undefined;
  /** Adapt the MLP. @default true */
  readonly trainMlp?: boolean | undefined;
  /** Adapt the unembedding. @default true */
  readonly trainUnembed?: boolean | undefined;
}

/** AdamW with decoupled weight decay. Defaults are the protocol's (2.4). */
export interface AdamParams {
  /** @default 1e-4 */
  readonly learningRate?: number | undefined;
  /** In [0, 1). @default 0.9 */
  readonly beta1?: number | undefined;
  /** In [0, 1). @default 0.95 */
  readonly beta2?: number | undefined;
  /** @default 1e-12 */
  readonly eps?: number | undefined;
  /** @default 0 */
  readonly weightDecay?: number | undefined;
  /** Largest global norm of the gradient; 0 leaves it alone. @default 0 */
  readonly gradClipNorm?: number | undefined;
}

/** Result of a forward pass, with or without a backward one. */
export interface ForwardBackwardOutput {
  /** The server's name for the shape of the outputs; free text. */
  readonly lossFnOutputType: string;
  /**
   * Per datum, the tensors the loss returns, by name; `logprobs` has the shape of `target_tokens`. `NaN` for what the
   * server did not compute.
   */
  readonly lossFnOutputs: readonly Readonly<Record<string, TensorData>>[];
  /** Named as the server names them, usually `name:reduction`, e.g. `loss:sum`; `NaN` where it gives no number. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Result of an optimizer step. */
export interface OptimStepResponse {
  /** What the server reports of the step, e.g. the gradient's norm, `NaN` where it gives no number; may be empty. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Result of saving weights. */
export interface SaveWeightsResponse {
  /** Where they are, e.g. `tinker://run/weights/name`. Opaque: hand it back verbatim. */
  readonly path: string;
}

/** Result of loading weights. */
export interface LoadWeightsResponse {
  /** What was loaded, where the server repeats it. */
  readonly path: string | undefined;
}

/** Result of unloading a model. */
export interface UnloadModelResponse {
  /** The model that was unloaded, where the server repeats it. */
  readonly modelId: string | undefined;
}

/** What a server knows of a training client's model. */
export interface ModelInfo {
  /** The server's id, as `TrainingClient.modelId`. */
  readonly modelId: string;
  /** Name of the base model, where the server tells. */
  readonly modelName: string | undefined;
  /** Its architecture, in the server's words. */
  readonly arch: string | undefined;
  /** Id of its tokenizer, without a revision suffix. */
  readonly tokenizerId: string | undefined;
  /** Whether an adapter is trained, not the whole model. */
  readonly isLora: boolean | undefined;
  /** Rank of the adapter. */
  readonly loraRank: number | undefined;
}
