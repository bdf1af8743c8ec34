/** A model the server can train or sample. */
export interface SupportedModel {
  readonly modelName: string | undefined;
  readonly maxContextLength: number | undefined;
}

/** What a server offers. */
export interface ServerCapabilities {
  readonly supportedModels: readonly SupportedModel[];
}

/** What the server says about an operation that waits: `active`, `paused_capacity`, `paused_rate_limit`, or its own word. */
export type QueueState = 'active' | 'paused_capacity' | 'paused_rate_limit' | (string & {});
