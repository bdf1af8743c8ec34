/** Where a page stands in its list, as the server counts. */
export interface Cursor {
  /** Items before this page. */
  readonly offset: number;
  /** Most items of this page. */
  readonly limit: number;
  /** Items of the whole list. */
  readonly totalCount: number;
}

/** What runs in a session. */
export interface SessionInfo {
  /** Ids of its training runs. */
  readonly trainingRunIds: readonly string[];
  /** Ids of its sampling sessions. */
  readonly samplerIds: readonly string[];
}

/** What a sampling session samples from. */
export interface SamplerInfo {
  /** The server's id of it. */
  readonly samplerId: string;
  /** Name of the model. */
  readonly baseModel: string;
  /** The weights on top of it; `undefined` for the base model itself. */
  readonly modelPath: string | undefined;
}

/** One line of the audit log. */
export interface AuditLogEntry {
  /** When it happened, where the server tells. */
  readonly timestamp: Date | undefined;
  /** What happened, in the server's words. */
  readonly event: string;
  /** The model it happened to. */
  readonly modelId: string | undefined;
  /** The checkpoint it happened to. */
  readonly tinkerPath: string | undefined;
  /** What for, in the server's words. */
  readonly purpose: string | undefined;
}

/** Where the archive of a checkpoint is. */
export interface CheckpointArchive {
  /** Address of a tar archive. Whoever has it can read the weights: keep it as you keep a key. */
  readonly url: string;
  /** When the address stops working. */
  readonly expires: Date;
}
