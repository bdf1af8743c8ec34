import { checkBoolean, checkText } from '../kernel/checks.ts';
import { isTinkerError, TinkerInputError } from '../kernel/errors.ts';
import { TinkerUnsupportedError } from '../kernel/unsupported-error.ts';
import type { Runtime } from '../operations/runtime.ts';
import type { CallOptions } from '../operations/scope.ts';
import { readWeightsInfo } from '../wire/json/rest-runs.ts';
import { createModelBody } from '../wire/json/training.ts';
import type { WeightsInfo } from '../wire/types/training-run.ts';
import type { ModelCreation } from './model-creation.ts';
import { checkMetadata } from './option-checks.ts';
import { sendRest } from './rest-request.ts';
import type { TrainingClient } from './training-client.ts';
import { loadFields, resolveLora } from './training-options.ts';

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
  readonly models: ModelCreation;
  attach(modelId: string, baseModel: string | undefined): TrainingClient;
}

/**
 * A client for a new model that begins as a checkpoint (protocol 5.11): by one request where the server is set so, else
 * by asking for the checkpoint's shape, making a model of it and loading.
 */
export async function createTrainingFromState(
  { runtime, models, attach }: TrainingFromStateParts,
  path: string,
  options: TrainingFromStateOptions,
  call: CallOptions | undefined,
): Promise<TrainingClient> {
  const { weightsAccessToken } = options;
  const optimizer = checkBoolean('optimizer', options.optimizer ?? false);
  const fields = loadFields(path, { optimizer, weightsAccessToken });
  const metadata = options.userMetadata && checkMetadata(options.userMetadata);
  const baseModel = options.baseModel && checkText('baseModel', options.baseModel);
  const { createModelViaLoad } = await runtime.scopes.run(call ?? {}, ({ signal }) =>
    runtime.settings.ready(signal),
  );

  if (createModelViaLoad) {
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
      call,
    );
    return attach(id, baseModel);
  }
  const info = await weightsInfo(runtime, path, weightsAccessToken, call);
  const name = baseModel ?? info.baseModel;
  const lora = resolveLora({ ...info, rank: loraRank(path, info) });
  const id = await models.create(
    {
      path: '/api/v1/create_model',
      type: 'CreateModel',
      name,
      bodyOf: (sessionId, number) => createModelBody(sessionId, number, name, lora, metadata),
    },
    call,
  );
  const client = attach(id, name);
  await client.loadState(path, { optimizer, weightsAccessToken, ...call });
  return client;
}

function loraRank(path: string, { isLora, loraRank }: WeightsInfo): number {
  if (isLora !== false && loraRank !== undefined) return loraRank;
  const what = isLora === false ? 'a whole model' : 'of an unknown rank';
  throw new TinkerInputError('path', `must be a checkpoint of a LoRA adapter; "${path}" is ${what}`);
}

async function weightsInfo(
  runtime: Runtime,
  tinkerPath: string,
  token: string | undefined,
  call: CallOptions | undefined,
): Promise<WeightsInfo> {
  const path = '/api/v1/weights_info';
  return runtime.scopes.run(call ?? {}, async (scope) => {
    // Somebody else's checkpoint is theirs to describe: asked with their key.
    const headers =
      token === undefined ? {} : { 'x-api-key': await runtime.credentials.exchanged(token, scope.signal) };
    const body = { tinker_path: tinkerPath };
    try {
      return readWeightsInfo(await sendRest(runtime, scope, { method: 'POST', path, body, headers }));
    } catch (cause) {
      if (!isTinkerError(cause, 'unsupported_by_server')) throw cause;
      const hint = 'Create a training client of the same shape and call loadState';
      throw new TinkerUnsupportedError(`POST ${path}`, { cause, hint });
    }
  });
}
