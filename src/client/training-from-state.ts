import { checkBoolean, checkText } from '../kernel/checks.ts';
import { isTinkerError, TinkerInputError } from '../kernel/errors.ts';
import { TinkerUnsupportedError } from '../kernel/unsupported-error.ts';
import type { Runtime } from '../operations/runtime.ts';
import type { CallOptions, Scope } from '../operations/scope.ts';
import type { Credential } from '../transport/credential.ts';
import { readWeightsInfo } from '../wire/json/rest-runs.ts';
import { createModelBody } from '../wire/json/training.ts';
import type { WeightsInfo } from '../wire/types/training-run.ts';
import type { ModelCreation } from './model-creation.ts';
import { checkMetadata } from './option-checks.ts';
import { sendRest } from './rest/rest-request.ts';
import type { OpenSession } from './session-opening.ts';
import type { TrainingClient } from './training-client.ts';
import { type LoadStateOptions, loadFields, resolveLora } from './training-options.ts';

/** Which checkpoint to continue from, and how. */
export interface TrainingFromStateOptions {
  /** Load the optimizer's moments and step count too. @default false */
  readonly optimizer?: boolean | undefined;
  /** Name of the model to adapt. @default the checkpoint's */
  readonly baseModel?: string | undefined;
  /** Metadata of the training run. @default none */
  readonly userMetadata?: Readonly<Record<string, string>> | undefined;
  /** Key of whoever owns the checkpoint, where that is not you and it is not public. @default none */
  readonly weightsAccessToken?: string | undefined;
}

/** What making a training client from a checkpoint needs. */
export interface TrainingFromStateParts {
  readonly runtime: Runtime;
  readonly session: OpenSession;
  readonly models: ModelCreation;
  attach(modelId: string, baseModel: string | undefined): TrainingClient;
}

/**
 * A client for a new model that begins as a checkpoint (protocol 5.11): by one request where the server is set so, else
 * by asking for the checkpoint's shape, making a model of it and loading.
 */
export async function createTrainingFromState(
  parts: TrainingFromStateParts,
  path: string,
  options: TrainingFromStateOptions,
  call: CallOptions = {},
): Promise<TrainingClient> {
  const { weightsAccessToken } = options;
  const optimizer = checkBoolean('optimizer', options.optimizer ?? false);
  const state: LoadedState = {
    path,
    fields: loadFields(path, { optimizer, weightsAccessToken }),
    load: { optimizer, weightsAccessToken },
    metadata: options.userMetadata && checkMetadata(options.userMetadata),
    baseModel: options.baseModel === undefined ? undefined : checkText('baseModel', options.baseModel),
  };
  // One scope around all its steps: the limit is that of the whole call.
  return parts.runtime.scopes.run(call, async (scope) => {
    // The session comes first in either way, and with it what the server sets.
    await parts.session(scope.signal);
    const { createModelViaLoad } = parts.runtime.settings.current;
    return createModelViaLoad ? createByLoad(parts, state, scope) : createAndLoad(parts, state, scope);
  });
}

/** What was asked for, checked. */
interface LoadedState {
  readonly path: string;
  /** For the wire. */
  readonly fields: object;
  readonly load: LoadStateOptions;
  readonly metadata: Readonly<Record<string, string>> | undefined;
  readonly baseModel: string | undefined;
}

async function createByLoad(
  { models, attach }: TrainingFromStateParts,
  { path, fields, metadata, baseModel }: LoadedState,
  { signal, onLimit }: Scope,
): Promise<TrainingClient> {
  const named = {
    ...(baseModel === undefined ? {} : { base_model: baseModel }),
    ...(metadata === undefined ? {} : { user_metadata: metadata }),
  };
  const id = await models.create(
    {
      path: '/api/v1/load_weights',
      type: 'LoadWeights',
      name: path,
      bodyOf: (sessionId, number) => ({
        session_id: sessionId,
        model_seq_id: number,
        ...named,
        ...fields,
        type: 'load_weights',
      }),
      idOf: (sessionId, number) => `${sessionId}:train:${number}`,
    },
    { signal, onLimit },
  );
  return attach(id, baseModel);
}

async function createAndLoad(
  { runtime, models, attach }: TrainingFromStateParts,
  { path, load, metadata, baseModel }: LoadedState,
  scope: Scope,
): Promise<TrainingClient> {
  const { signal, onLimit } = scope;
  const info = await weightsInfo(runtime, path, load.weightsAccessToken, scope);
  const name = baseModel ?? info.baseModel;
  const lora = resolveLora({ ...info, rank: loraRank(path, info) });
  const id = await models.create(
    {
      path: '/api/v1/create_model',
      type: 'CreateModel',
      name,
      bodyOf: (sessionId, number) => createModelBody(sessionId, number, name, lora, metadata),
    },
    { signal, onLimit },
  );
  const client = attach(id, name);
  await client.loadState(path, { ...load, signal, onLimit });
  return client;
}

function loraRank(path: string, { isLora, loraRank }: WeightsInfo): number {
  const isKnown = loraRank !== undefined && Number.isSafeInteger(loraRank) && loraRank >= 1;
  if (isLora !== false && isKnown) return loraRank;
  const what = isLora === false ? 'a whole model' : 'of an unknown rank';
  throw new TinkerInputError('path', `must be a checkpoint of a LoRA adapter; "${path}" is ${what}`);
}

async function weightsInfo(
  runtime: Runtime,
  tinkerPath: string,
  token: string | undefined,
  scope: Scope,
): Promise<WeightsInfo> {
  const path = '/api/v1/weights_info';
  const body = { tinker_path: tinkerPath };
  // Somebody else's checkpoint is theirs to describe: asked with their key.
  const credential: Credential | undefined =
    token === undefined ? undefined : (signal) => runtime.credentials.exchanged(token, signal);
  try {
    return readWeightsInfo(await sendRest(runtime, scope, { method: 'POST', path, body, credential }));
  } catch (cause) {
    if (!isTinkerError(cause, 'unsupported_by_server') || !cause.route.endsWith(path)) throw cause;
    const hint = 'Create a training client of the same shape and call loadState';
    throw new TinkerUnsupportedError(cause.route, { cause, hint });
  }
}
