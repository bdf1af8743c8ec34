import { createAbortFanout, raceAbort } from '../kernel/abort.ts';
import { checkText } from '../kernel/checks.ts';
import { TinkerClosedError, TinkerInputError } from '../kernel/errors.ts';
import type { Account } from '../operations/account.ts';
import { startOperation } from '../operations/api-future.ts';
import { createOperations } from '../operations/operations.ts';
import { createQueueObserver } from '../operations/queue-observer.ts';
import { type Runtime, sendResilient } from '../operations/runtime.ts';
import { type CallOptions, createScopes } from '../operations/scope.ts';
import { openSession } from '../operations/session.ts';
import { leaseAccount } from '../operations/shared-limits.ts';
import { createPipeline } from '../transport/pipeline.ts';
import { createTransport } from '../transport/transport.ts';
import { VERSION } from '../version.ts';
import { readSubmitted } from '../wire/json/futures.ts';
import { readCapabilities, readSamplingSession } from '../wire/json/sessions.ts';
import { createModelBody, readModelId } from '../wire/json/training.ts';
import type { ServerCapabilities } from '../wire/types/server.ts';
import type { LoraConfig } from '../wire/types/training.ts';
import { type ResolvedServiceOptions, resolveServiceOptions, type ServiceClientOptions } from './options.ts';
import { createSamplingClient, type SamplingClient } from './sampling-client.ts';
import { type ServiceSnapshot, takeSnapshot } from './snapshot.ts';
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
  const { scopes } = runtime;
  const session = sharedSession(runtime, resolved);
  let nextModel = 0;
  let nextSamplingSession = 0;

  const close = async (): Promise<void> => {
    await scopes.close(new TinkerClosedError());
    lease.release();
  };

  return {
    getServerCapabilities: async (call = {}) =>
      scopes.run(call, async (scope) => {
        const path = '/api/v1/get_server_capabilities';
        return readCapabilities(await sendResilient(runtime, { method: 'GET', path, lane: 'rest', scope }));
      }),

    async createLoraTrainingClient(lora, call) {
      const baseModel = checkText('baseModel', lora.baseModel);
      const config = resolveLora(lora);
      const path = '/api/v1/create_model';
      const subject = { name: `Model creation for ${baseModel}`, kind: 'training' } as const;
      const modelId = await startOperation(
        runtime,
        {
          path,
          observer: createQueueObserver(runtime.clock, runtime.emit, subject),
          submit: async (scope, { onSend, onFailure }) => {
            const sessionId = await session(scope.signal);
            const body = createModelBody(sessionId, nextModel++, baseModel, config, lora.userMetadata);
            return readSubmitted(
              await sendResilient(runtime, {
                method: 'POST',
                path,
                lane: 'train',
                body,
                scope,
                onSend,
                onFailure,
              }),
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
      return scopes.run(call, async (scope) => {
        const sessionId = await session(scope.signal);
        const sequence = { session_id: sessionId, sampling_session_seq_id: nextSamplingSession++ };
        const body = { ...sequence, ...fields, type: 'create_sampling_session' };
        const path = '/api/v1/create_sampling_session';
        const answer = await sendResilient(runtime, { method: 'POST', path, lane: 'rest', body, scope });
        return createSamplingClient(runtime, readSamplingSession(answer));
      });
    },

    snapshot: () => takeSnapshot(runtime),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function createRuntime(options: ResolvedServiceOptions, account: Account): Runtime {
  const { clock, random, createId, emit, wake, attemptTimeoutMs, retryBudgetMs } = options;
  const { pollPolicy, onLimit, serverDeduplicates } = options;
  const fanout = createAbortFanout();
  return {
    clock,
    random,
    createId,
    emit,
    wake,
    account,
    pipeline: createPipeline({ ...account, clock }, createTransport(options)),
    scopes: createScopes(clock, fanout),
    operations: createOperations(),
    fanout,
    attemptTimeoutMs,
    retryBudgetMs,
    pollPolicy,
    onLimit,
    serverDeduplicates,
  };
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
