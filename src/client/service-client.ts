import { checkRecord, checkText } from '../kernel/checks.ts';
import { TinkerClosedError } from '../kernel/errors.ts';
import type { ApiFuture } from '../operations/api-future.ts';
import type { FutureHandle, ResumableKind } from '../operations/future-handle.ts';
import type { TokenUsage } from '../operations/metering.ts';
import type { CallOptions } from '../operations/scope.ts';
import { leaseAccount } from '../operations/shared-limits.ts';
import { readCapabilities } from '../wire/json/sessions.ts';
import { createModelBody } from '../wire/json/training.ts';
import type { ServerCapabilities } from '../wire/types/server.ts';
import type { PathOfKind } from '../wire/types/tinker-path.ts';
import type { LoraConfig } from '../wire/types/training.ts';
import { createRuntime } from './create-runtime.ts';
import { createModelCreation } from './model-creation.ts';
import { checkMetadata } from './option-checks.ts';
import { resolveServiceOptions, type ServiceClientOptions } from './options.ts';
import { createRestClient, type RestClient } from './rest/rest-client.ts';
import { askRest } from './rest/rest-request.ts';
import { type ResultByKind, resumeFuture } from './resume.ts';
import type { SamplingClient } from './sampling-client.ts';
import { createSamplingSessions, type SamplingSource } from './sampling-sessions.ts';
import { sharedSession } from './session-opening.ts';
import { type ServiceSnapshot, takeSnapshot } from './snapshot.ts';
import { createTrainingClient, type TrainingClient } from './training-client.ts';
import { createTrainingFromState, type TrainingFromStateOptions } from './training-from-state.ts';
import { resolveLora } from './training-options.ts';

const MODELS = { hint: 'getServerCapabilities() lists the models there are' };

/** Which adapter to create, on which model. */
export interface LoraTrainingOptions extends LoraConfig {
  /** Name of the model to adapt, as `getServerCapabilities` lists it. */
  readonly baseModel: string;
  /** Metadata of the training run. @default none */
  readonly userMetadata?: Readonly<Record<string, string>> | undefined;
}

/** The way in: one account on one server. Clients made from it share its session. */
export interface ServiceClient extends AsyncDisposable {
  /**
   * What the server offers. Opens no session. From then on inputs that are longer than a model's context are refused
   * before they are sent.
   */
  getServerCapabilities(options?: CallOptions): Promise<ServerCapabilities>;
  /** Create an adapter and a client to train it. */
  createLoraTrainingClient(lora: LoraTrainingOptions, options?: CallOptions): Promise<TrainingClient>;
  /** Create an adapter that begins as a saved state, and a client to train it. `path` as `saveState` returned it. */
  createTrainingClientFromState<P extends string>(
    path: PathOfKind<'weights', P>,
    options?: TrainingFromStateOptions,
    call?: CallOptions,
  ): Promise<TrainingClient>;
  /** Open a sampling session on a base model or on saved weights. */
  createSamplingClient(source: SamplingSource, options?: CallOptions): Promise<SamplingClient>;
  /** A client for runs, checkpoints, sessions and bills. Does no I/O, and opens no session. */
  createRestClient(): RestClient;
  /**
   * Wait for an operation that was submitted elsewhere: by another process, tab, worker or runtime, or before a restart.
   *
   * @param handle - What that future's `toJSON()` gave, also after a way through JSON.
   */
  resume<K extends ResumableKind>(
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

/**
 * Connect to a server. Does no I/O: the session is opened by the first call that needs one.
 *
 * @throws TinkerInputError - for an option that cannot be right.
 */
export function createServiceClient(options: ServiceClientOptions): ServiceClient {
  const resolved = resolveServiceOptions(options);
  const lease = leaseAccount(resolved.limits, resolved);
  const runtime = createRuntime(resolved, lease.account);
  const { scopes, contextLengths } = runtime;
  const session = sharedSession(runtime, resolved);
  const models = createModelCreation(runtime, session);
  const sampling = createSamplingSessions(runtime, session);
  const attach = (modelId: string, baseModel: string | undefined): TrainingClient =>
    createTrainingClient(runtime, { modelId, baseModel }, sampling);

  const close = async (): Promise<void> => {
    // Side by side: what runs ends at once, however long the last telemetry takes.
    await Promise.all([scopes.close(new TinkerClosedError()), runtime.telemetry.close()]);
    lease.release();
  };

  return {
    async getServerCapabilities(call) {
      const request = { method: 'GET', path: '/api/v1/get_server_capabilities' } as const;
      const capabilities = await askRest(runtime, request, readCapabilities, call);
      for (const { modelName, maxContextLength } of capabilities.supportedModels) {
        // A context of nothing is a server's slip, and would refuse every input.
        if (modelName !== undefined && maxContextLength !== undefined && maxContextLength >= 1)
          contextLengths.set(modelName, maxContextLength);
      }
      return capabilities;
    },

    async createLoraTrainingClient(lora, call) {
      checkRecord('lora', lora, 'an object with a baseModel');
      const baseModel = checkText('baseModel', lora.baseModel, MODELS);
      const config = resolveLora(lora);
      const metadata = lora.userMetadata && checkMetadata(lora.userMetadata);
      const modelId = await models.create(
        {
          path: '/api/v1/create_model',
          type: 'CreateModel',
          name: baseModel,
          bodyOf: (sessionId, number) => createModelBody(sessionId, number, baseModel, config, metadata),
        },
        call,
      );
      return attach(modelId, baseModel);
    },

    createTrainingClientFromState: async (path, state = {}, call = undefined) =>
      createTrainingFromState({ runtime, session, models, attach }, path, state, call),
    createSamplingClient: sampling.create,
    createRestClient: () =>
      createRestClient(runtime, {
        baseUrl: resolved.baseUrl,
        fetch: resolved.fetch,
        credential: runtime.credentials.current,
      }),
    resume: (handle, call) => resumeFuture(runtime, handle, call),
    usage: () => runtime.meter.snapshot(),
    snapshot: () => takeSnapshot(runtime),
    close,
    [Symbol.asyncDispose]: close,
  };
}
