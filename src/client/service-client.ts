import { checkRecord, checkText } from '../kernel/checks.ts';
import type { ApiFuture } from '../operations/api-future.ts';
import type { FutureHandle, ResumableKind } from '../operations/future-handle.ts';
import type { PassRuntime, Runtime } from '../operations/runtime.ts';
import type { CallOptions } from '../operations/scope.ts';
import { createTelemetry, noTelemetry } from '../operations/telemetry/telemetry.ts';
import { createBodyForms } from '../operations/wire-format.ts';
import { createModelBody } from '../wire/json/training.ts';
import type { PathOfKind } from '../wire/types/tinker-path.ts';
import type { LoraConfig } from '../wire/types/training.ts';
import { createModelCreation } from './model-creation.ts';
import { checkMetadata } from './option-checks.ts';
import type { ResolvedServiceOptions, ServiceClientOptions } from './options.ts';
import { createRestClient, type RestClient } from './rest/rest-client.ts';
import { allKinds } from './resumable-kinds.ts';
import { type ResultByKind, resumeFuture } from './resume.ts';
import type { SamplingService } from './sampling-service.ts';
import { createServiceBase } from './service-base.ts';
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
export interface ServiceClient extends SamplingService {
  /** Create an adapter and a client to train it. */
  createLoraTrainingClient(lora: LoraTrainingOptions, options?: CallOptions): Promise<TrainingClient>;
  /** Create an adapter that begins as a saved state, and a client to train it. `path` as `saveState` returned it. */
  createTrainingClientFromState<P extends string>(
    path: PathOfKind<'weights', P>,
    options?: TrainingFromStateOptions,
    call?: CallOptions,
  ): Promise<TrainingClient>;
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
}

/**
 * Connect to a server. Does no I/O: the session is opened by the first call that needs one.
 *
 * @throws TinkerInputError - for an option that cannot be right.
 */
export function createServiceClient(options: ServiceClientOptions): ServiceClient {
  const base = createServiceBase(options, (parts, { telemetry }) =>
    telemetry ? createTelemetry(parts) : noTelemetry,
  );
  const { resolved, session, sampling, methods } = base;
  const runtime = passRuntime(base.runtime, resolved);
  const models = createModelCreation(runtime, session);
  const attach = (modelId: string, baseModel: string | undefined): TrainingClient =>
    createTrainingClient(runtime, { modelId, baseModel }, sampling);

  return {
    ...methods,

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
    createRestClient: () =>
      createRestClient(runtime, {
        baseUrl: resolved.baseUrl,
        fetch: resolved.fetch,
        credential: runtime.credentials.current,
      }),
    resume: (handle, call) => resumeFuture(runtime, allKinds(), handle, call),
  };
}

function passRuntime(
  runtime: Runtime,
  { wireFormat: format, compress }: ResolvedServiceOptions,
): PassRuntime {
  const { settings, emit } = runtime;
  return { ...runtime, forms: createBodyForms({ format, compress, settings, emit }) };
}
