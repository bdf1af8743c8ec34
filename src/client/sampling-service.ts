import type { ApiFuture } from '../operations/api-future.ts';
import type { FutureHandle } from '../operations/future-handle.ts';
import type { TokenUsage } from '../operations/metering.ts';
import type { CallOptions } from '../operations/scope.ts';
import type { ServerCapabilities } from '../wire/types/server.ts';
import type { ServiceClientOptions } from './options.ts';
import type { ResultByKind, SamplingKind } from './resume.ts';
import type { SamplingClient } from './sampling-client.ts';
import type { SamplingSource } from './sampling-sessions.ts';
import type { ServiceSnapshot } from './snapshot.ts';

/**
 * Options of a sampling service: those of a service client, without those that only concern training. It sends no
 * telemetry. An object with all of them will do.
 */
export type SamplingServiceOptions = Omit<
  ServiceClientOptions,
  'compress' | 'serverDeduplicates' | 'telemetry'
>;

/** A way in for those who only sample: one account on one server. Clients made from it share its session. */
export interface SamplingService extends AsyncDisposable {
  /**
   * What the server offers. Opens no session. From then on inputs that are longer than a model's context are refused
   * before they are sent.
   */
  getServerCapabilities(options?: CallOptions): Promise<ServerCapabilities>;
  /** Open a sampling session on a base model or on saved weights. */
  createSamplingClient(source: SamplingSource, options?: CallOptions): Promise<SamplingClient>;
  /**
   * Wait for an operation that was submitted elsewhere: by another process, tab, worker or runtime, or before a restart.
   *
   * @param handle - What that future's `toJSON()` gave, also after a way through JSON.
   */
  resume<K extends SamplingKind>(
    handle: FutureHandle & { readonly kind: K },
    options?: CallOptions,
  ): ApiFuture<ResultByKind[K]>;
  /** Tokens that finished calls of all clients have spent, by kind. */
  usage(): TokenUsage;
  /** What goes on at this moment: operations, connections, limits, pauses, circuits. Plain data. */
  snapshot(): ServiceSnapshot;
  /**
   * End everything: running operations reject with a `client_closed` error, heartbeats stop, later calls are refused.
   * Resolves when nothing of it runs any more. Calling it again is harmless.
   */
  close(): Promise<void>;
}
