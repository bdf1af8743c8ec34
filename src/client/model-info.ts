import type { Runtime } from '../operations/runtime.ts';
import type { CallOptions } from '../operations/scope.ts';
import { readModelInfo } from '../wire/json/training.ts';
import type { ModelInfo } from '../wire/types/training.ts';
import { askRest } from './rest/rest-request.ts';

/** Ask what the server knows of a model (protocol 2.3). */
export async function getModelInfo(
  runtime: Runtime,
  modelId: string,
  options?: CallOptions,
): Promise<ModelInfo> {
  const body = { model_id: modelId, type: 'get_info' };
  const request = { method: 'POST', path: '/api/v1/get_info', body } as const;
  return askRest(runtime, request, readModelInfo, options);
}
