import { type ApiFuture, startOperation } from '../operations/api-future.ts';
import type { Runtime } from '../operations/runtime.ts';
import type { CallOptions } from '../operations/scope.ts';
import type { Turns } from '../operations/turns.ts';
import { readSubmitted } from '../wire/json/futures.ts';
import { readModelId } from '../wire/json/training.ts';
import type { UnloadModelResponse } from '../wire/types/training.ts';
import { onePart } from './operation-results.ts';
import { sendRest } from './rest/rest-request.ts';

/** Give a model's place free, behind what was submitted before (protocol 2.3). It takes no number. */
export function unloadModel(
  runtime: Runtime,
  turns: Turns,
  modelId: string,
  options: CallOptions | undefined,
): ApiFuture<UnloadModelResponse> {
  const path = '/api/v1/unload_model';
  const body = { model_id: modelId, type: 'unload_model' };
  return startOperation(
    runtime,
    {
      path,
      type: 'UnloadModel',
      submit: (scope, { onSend, onFailure }) =>
        turns.hold(scope, async () => {
          const request = { method: 'POST', path, body, onSend, onFailure } as const;
          return [readSubmitted(await sendRest(runtime, scope, request))];
        }),
      decode: onePart((result) => ({ modelId: readModelId(result) })),
      handle: () => ({ kind: 'unload_model' }),
    },
    options,
  );
}
