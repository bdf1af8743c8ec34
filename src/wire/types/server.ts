/** A model the server can train or sample. */
export interface SupportedModel {
  /** The name to ask for it by. */
  readonly modelName: string | undefined;
  /** Longest input and output together, in tokens. */
  readonly maxContextLength: number | undefined;
}

/** What a server offers. */
export interface ServerCapabilities {
  /** Every model on offer. */
  readonly supportedModels: readonly SupportedModel[];
}

/** What the server says about an operation that waits: `active`, `paused_capacity`, `paused_rate_limit`, or its own word. */
export type QueueState = 'active' | 'paused_capacity' | 'paused_rate_limit' | (string & {});
