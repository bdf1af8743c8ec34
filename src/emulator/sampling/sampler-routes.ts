import { requireReadable } from '../checkpoints/checkpoint-access.ts';
import { failureOf } from '../futures/operation-failure.ts';
import { type Fields, fieldsOf } from '../http/fields.ts';
import { type Handler, json, problem, type Routes } from '../http/http.ts';
import type { Adapter } from '../model/adapter.ts';
import { requireBaseModel } from '../sessions/session-routes.ts';
import type { EmulatorState } from '../state.ts';
import { releaseAdapter } from '../training/training-runs.ts';
import type { SamplerRecord } from './sampler-records.ts';

/** Routes of sampling sessions (protocol 2.2, 2.6). */
export function samplerRoutes(state: EmulatorState): Routes {
  return {
    'POST create_sampling_session': createSamplingSession(state),
    'GET samplers/:sampler': ({ params, account }) => {
      const record = state.samplerRecords.find(params['sampler'] ?? '');
      if (record?.session.owner !== account.id)
        throw problem(404, `Sampling session "${params['sampler']}" is unknown`);
      return json({ sampler_id: record.id, base_model: record.baseModel, model_path: record.modelPath });
    },
  };
}

function createSamplingSession(state: EmulatorState): Handler {
  const { sessions, samplers, samplerRecords, model, audit, ids } = state;
  return async ({ body, account }) => {
    const fields = fieldsOf(body);
    const session = sessions.touch(fields.text('session_id'), account);
    const id = ids.sampler(session.id, fields.integer('sampling_session_seq_id'));
    const modelPath = fields.optionalText('model_path');
    const baseModel = fields.optionalText('base_model');
    if (modelPath === undefined && baseModel === undefined)
      throw problem(422, 'body needs base_model or model_path');
    if (baseModel !== undefined) requireBaseModel(state, baseModel);
    const record: SamplerRecord = { id, session, baseModel: model.name, modelPath };
    const adapter =
      modelPath === undefined ? undefined : await loadForSampling(state, modelPath, fields, account.id);
    try {
      requireSame(samplerRecords.find(id), record);
      if (!samplers.has(id)) samplers.open(id, adapter);
    } finally {
      if (adapter !== undefined) releaseAdapter(adapter, model.kernels);
    }
    samplerRecords.add(record);
    if (modelPath !== undefined)
      audit.record(account.id, 'load_checkpoint', { path: modelPath, purpose: 'sampling' });
    return json({ sampling_session_id: id, type: 'create_sampling_session' });
  };
}

/** A number names one sampling session, however often it is asked for (protocol 5.12). @throws HttpProblem 409 */
function requireSame(known: SamplerRecord | undefined, wanted: SamplerRecord): void {
  if (known !== undefined && known.modelPath !== wanted.modelPath)
    throw problem(409, `Sampling session "${wanted.id}" samples from something else already`);
}

async function loadForSampling(
  state: EmulatorState,
  path: string,
  fields: Fields,
  accountId: string,
): Promise<Adapter> {
  try {
    const reader = { accountId, token: fields.optionalText('weights_access_token') };
    const record = await requireReadable(state, path, 'sampler_weights', reader);
    return (await state.checkpoints.load(record, false)).adapter;
  } catch (thrown) {
    // Answered at once, not through a future: the session does not exist yet.
    const { error, category } = failureOf(thrown);
    throw problem(category === 'user' ? 400 : 500, error);
  }
}
