/** A saved state of a training run. */
export interface Checkpoint {
  /** Kind and name, e.g. `weights/0001`; on some servers only the name. */
  readonly checkpointId: string;
  /** `training` (continues a training) or `sampler` (is sampled from), or the server's own word, where it has one. */
  readonly checkpointType: 'training' | 'sampler' | (string & {}) | undefined;
  /** When it was saved, where the server tells. */
  readonly time: Date | undefined;
  /** Its address, for every call that takes a checkpoint. */
  readonly tinkerPath: string;
  /** Its size, where the server tells. */
  readonly sizeBytes: number | undefined;
  /** Whether everyone may read it. */
  readonly isPublic: boolean;
  /** When the server will delete it; `undefined` for never, and where the server does not tell. */
  readonly expiresAt: Date | undefined;
}

/** A training client's life, as the server keeps it. */
export interface TrainingRun {
  /** The server's id of it; that of its model. */
  readonly trainingRunId: string;
  /** Name of the model it adapts. */
  readonly baseModel: string;
  /** Whose it is, in the server's words. */
  readonly modelOwner: string | undefined;
  /** Whether an adapter is trained, not the whole model. */
  readonly isLora: boolean | undefined;
  /** Rank of the adapter. */
  readonly loraRank: number | undefined;
  /** The server could not keep it whole: train no further from it. */
  readonly isCorrupted: boolean;
  /** When it was last used, where the server tells. */
  readonly lastRequestTime: Date | undefined;
  /** The newest checkpoint to train from. */
  readonly lastCheckpoint: Checkpoint | undefined;
  /** The newest checkpoint to sample from. */
  readonly lastSamplerCheckpoint: Checkpoint | undefined;
  /** As it was created with; `undefined` where the server does not tell. */
  readonly userMetadata: Readonly<Record<string, string>> | undefined;
}

/** What saved weights are weights of. */
export interface WeightsInfo {
  /** Name of the model they adapt. */
  readonly baseModel: string;
  /** Whether they are an adapter, not a whole model. */
  readonly isLora: boolean | undefined;
  /** Rank of the adapter. */
  readonly loraRank: number | undefined;
  /** Whether the attention projections are adapted, where the server tells. */
  readonly trainAttn: boolean | undefined;
  /** Whether the MLP is adapted, where the server tells. */
  readonly trainMlp: boolean | undefined;
  /** Whether the unembedding is adapted, where the server tells. */
  readonly trainUnembed: boolean | undefined;
}
