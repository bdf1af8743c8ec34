import { requireKind } from './checkpoints.ts';
import { fieldsOf } from './fields.ts';
import { generate, readGeneration } from './generation.ts';
import { json, problem, type Routes } from './http.ts';
import { failureOf } from './operation-failure.ts';
import { requireBaseModel } from './session-routes.ts';
import type { EmulatorState } from './state.ts';

/** Routes of sampling (protocol 2.2, 2.6) and of futures (3). */
export function samplingRoutes(state: EmulatorState): Routes {
  const { model, device, random, sessions, samplers, futures, checkpoints } = state;
  return {
    'POST create_sampling_session': async ({ body }) => {
      const fields = fieldsOf(body);
      const sessionId = fields.text('session_id');
      sessions.touch(sessionId);
      const samplerId = `${sessionId}:sample:${fields.integer('sampling_session_seq_id')}`;
      const path = fields.optionalText('model_path');
      const baseModel = fields.optionalText('base_model');
      if (path === undefined && baseModel === undefined)
        throw problem(422, 'body needs base_model or model_path');
      if (baseModel !== undefined) requireBaseModel(state, baseModel);
      samplers.open(samplerId, path === undefined ? undefined : await loadForSampling(path));
      return json({ sampling_session_id: samplerId, type: 'create_sampling_session' });
    },
    'POST asample': ({ body, bytes }) => {
      const fields = fieldsOf(body);
      const { weights, requests } = samplers.get(fields.text('sampling_session_id'));
      const request = readGeneration(fields);
      const open = (): string =>
        futures.open(device.run(() => generate({ model, weights, device, random }, request)));
      const sequenceId = fields.optionalInteger('seq_id');
      return json({ request_id: sequenceId === undefined ? open() : requests.once(sequenceId, bytes, open) });
    },
    'POST retrieve_future': ({ body, request }) => {
      const id = fieldsOf(body).text('request_id');
      return futures.retrieve(id, request.signal);
    },
  };

  async function loadForSampling(path: string) {
    try {
      requireKind(path, 'sampler_weights');
      return await checkpoints.loadAdapter(path);
    } catch (thrown) {
      // Answered at once, not through a future: the session does not exist yet.
      const { error, category } = failureOf(thrown);
      throw problem(category === 'user' ? 400 : 500, error);
    }
  }
}
