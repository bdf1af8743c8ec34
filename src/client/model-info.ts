import { type Runtime, sendResilient } from '../operations/runtime.ts';
import type { CallOptions } from '../operations/scope.ts';
import { readModelInfo } from '../wire/json/training.ts';
import type { ModelInfo } from '../wire/types/training.ts';

/** Ask what the server knows of a model (protocol 2.3). */
export async function getModelInfo(
  runtime: Runtime,
  modelId: string,
  options: CallOptions = {},
): Promise<ModelInfo> {
  return runtime.scopes.run(options, async (scope) => {
    const body = { model_id: modelId, type: 'get_info' };
    const path = '/api/v1/get_info';
    return readModelInfo(await sendResilient(runtime, { method: 'POST', path, lane: 'rest', body, scope }));
  });
}
