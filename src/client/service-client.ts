import { createAbortFanout, raceAbort } from '../kernel/abort.ts';
import { checkText } from '../kernel/checks.ts';
import { TinkerClosedError, TinkerInputError } from '../kernel/errors.ts';
import { startOperation } from '../operations/api-future.ts';
import { type Runtime, sendResilient } from '../operations/runtime.ts';
import { type CallOptions, createScopes } from '../operations/scope.ts';
import { openSession } from '../operations/session.ts';
import { createTransport } from '../transport/transport.ts';
import { VERSION } from '../version.ts';
import { readSubmitted } from '../wire/json/futures.ts';
import { readCapabilities, readSamplingSession } from '../wire/json/sessions.ts';
import { createModelBody, readModelId } from '../wire/json/training.ts';
import type { ServerCapabilities } from '../wire/types/server.ts';
import type { LoraConfig } from '../wire/types/training.ts';
import { type ResolvedServiceOptions, resolveServiceOptions, type ServiceClientOptions } from './options.ts';
import { createSamplingClient, type SamplingClient } from './sampling-client.ts';
import { createTrainingClient, type TrainingClient } from './training-client.ts';
import { resolveLora } from './training-options.ts';

/** Which adapter to create, on which model. */
export interface LoraTrainingOptions extends LoraConfig {
  /** Name of the model to adapt, as `getServerCapabilities` lists it. */
  readonly baseModel: string;
  /** Metadata of the training run. @default none */
  readonly userMetadata?: Readonly<Record<string, string>> | undefined;
}

/** What to sample from: a base model, or saved sampler weights. */
export type SamplingSource =
  | { readonly baseModel: string; readonly modelPath?: undefined }
  | {
      readonly baseModel?: string | undefined;
      /** Path as `saveWeightsForSampler` returned it. */
      readonly modelPath: string;
    };

/** The way in: one account on one server. Clients made from it share its session. */
export interface ServiceClient extends AsyncDisposable {
  /** What the server offers. Opens no session. */
  getServerCapabilities(options?: CallOptions): Promise<ServerCapabilities>;
  /** Create an adapter and a client to train it. */
  createLoraTrainingClient(lora: LoraTrainingOptions, options?: CallOptions): Promise<TrainingClient>;
  /** Open a sampling session on a base model or on saved weights. */
  createSamplingClient(source: SamplingSource, options?: CallOptions): Promise<SamplingClient>;
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
  const runtime = createRuntime(resolved);
  const { scopes } = runtime;
  const session = sharedSession(runtime, resolved);
  let nextModel = 0;
  let nextSamplingSession = 0;

  const close = (): Promise<void> => scopes.close(new TinkerClosedError());

  return {
    getServerCapabilities: async (call = {}) =>
      scopes.run(call, async ({ signal }) =>
        readCapabilities(
          await sendResilient(runtime, { method: 'GET', path: '/api/v1/get_server_capabilities', signal }),
        ),
      ),

    async createLoraTrainingClient(lora, call) {
      const baseModel = checkText('baseModel', lora.baseModel);
      const config = resolveLora(lora);
      const modelId = await startOperation(
        runtime,
        {
          submit: async ({ signal }) => {
            const sessionId = await session(signal);
            const body = createModelBody(sessionId, nextModel++, baseModel, config, lora.userMetadata);
            return readSubmitted(
              await sendResilient(runtime, { method: 'POST', path: '/api/v1/create_model', body, signal }),
            );
          },
          decode: readModelId,
        },
        call,
      );
      return createTrainingClient(runtime, modelId, () => nextSamplingSession++);
    },

    async createSamplingClient(source, call = {}) {
      const { baseModel, modelPath } = source;
      if (baseModel === undefined && modelPath === undefined) {
        throw new TinkerInputError('baseModel', 'or "modelPath" must say what to sample from');
      }
      const fields = {
        ...(baseModel === undefined ? {} : { base_model: checkText('baseModel', baseModel) }),
        ...(modelPath === undefined ? {} : { model_path: checkText('modelPath', modelPath) }),
      };
      return scopes.run(call, async ({ signal }) => {
        const sessionId = await session(signal);
        const sequence = { session_id: sessionId, sampling_session_seq_id: nextSamplingSession++ };
        const body = { ...sequence, ...fields, type: 'create_sampling_session' };
        const path = '/api/v1/create_sampling_session';
        const answer = await sendResilient(runtime, { method: 'POST', path, body, signal });
        return createSamplingClient(runtime, readSamplingSession(answer));
      });
    },

    close,
    [Symbol.asyncDispose]: close,
  };
}

function createRuntime(options: ResolvedServiceOptions): Runtime {
  const { clock, random, createId, emit, attemptTimeoutMs, retryBudgetMs } = options;
  const fanout = createAbortFanout();
  const transport = createTransport(options);
  const scopes = createScopes(clock, fanout);
  return { clock, random, createId, emit, transport, scopes, fanout, attemptTimeoutMs, retryBudgetMs };
}

/**
 * The service's one session, opened on first use. It belongs to the service, not to the call that came first: that
 * call's abort leaves the opening to the others. A failure is not kept, so the next call tries afresh.
 */
function sharedSession(
  runtime: Runtime,
  options: ResolvedServiceOptions,
): (signal: AbortSignal) => Promise<string> {
  const { tags, userMetadata, projectId } = options;
  let opening: Promise<string> | undefined;

  const open = async (): Promise<string> => {
    try {
      return await runtime.scopes.run({}, ({ signal }) =>
        openSession(runtime, { tags, userMetadata, projectId, sdkVersion: VERSION }, signal),
      );
    } catch (error) {
      opening = undefined;
      throw error;
    }
  };
  return (signal) => {
    opening ??= open();
    return raceAbort(signal, opening);
  };
}
