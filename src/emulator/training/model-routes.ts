import { readUserMetadata } from '../accounts/user-metadata.ts';
import { type Fields, fieldsOf } from '../http/fields.ts';
import { type Call, type Handler, json, problem, type Routes } from '../http/http.ts';
import { createAdamWState } from '../model/adamw.ts';
import { createAdapter, type LoraSpec } from '../model/adapter.ts';
import { requireBaseModel } from '../sessions/session-routes.ts';
import type { Session } from '../sessions/sessions.ts';
import type { EmulatorState } from '../state.ts';

/** Routes of models (protocol 2.3). */
export function modelRoutes(state: EmulatorState): Routes {
  return {
    'POST create_model': createModel(state),
    'POST get_info': getInfo(state),
    'POST unload_model': unloadModel(state),
  };
}

/**
 * Create a model by its number in its session, once: a repetition gets the future of the first (protocol 5.12).
 *
 * @param create - The job; given the model's id, it puts the run in place.
 */
export function createModelOnce(
  { futures, device, ids, modelRequests }: EmulatorState,
  { body, bytes }: Call,
  session: Session,
  create: (modelId: string) => object | Promise<object>,
): Response {
  const number = fieldsOf(body).integer('model_seq_id');
  if (number < 0) throw problem(422, 'body.model_seq_id must be at least 0');
  const idOf = (requestId: string): string => ids.model(session.id, number, requestId);
  const open = (): string => {
    // A job starts later than this returns, so it knows its id.
    const opened: string = futures.open(device.run(() => create(idOf(opened))));
    return opened;
  };
  const requestId = modelRequests(session.id).once(number, bytes, open);
  return json({ request_id: requestId, model_id: idOf(requestId) });
}

function createModel(state: EmulatorState): Handler {
  const { sessions, runs, random, model, audit } = state;
  return (call) => {
    const fields = fieldsOf(call.body);
    const session = sessions.touch(fields.text('session_id'), call.account);
    requireBaseModel(state, fields.text('base_model'));
    const seed = Math.floor(random() * 2 ** 31);
    const spec = readLora(fields.optionalObject('lora_config'), seed);
    const userMetadata = readUserMetadata(fields);
    return createModelOnce(state, call, session, (id) => {
      const adapter = createAdapter(model.config, spec, model.kernels);
      runs.create({ id, session, userMetadata, adapter, optimizer: createAdamWState(adapter) });
      audit.record(session.owner, 'create_model', { modelId: id });
      return { model_id: id, type: 'create_model' };
    });
  };
}

/** With the defaults of protocol 2.3. @param seed - For a configuration that brings none. */
function readLora(lora: Fields | undefined, seed: number): LoraSpec {
  const spec = {
    rank: lora?.optionalInteger('rank') ?? 32,
    seed: lora?.optionalInteger('seed') ?? seed,
    trainAttn: lora?.flag('train_attn', true) ?? true,
    trainMlp: lora?.flag('train_mlp', true) ?? true,
    trainUnembed: lora?.flag('train_unembed', true) ?? true,
  };
  if (spec.trainAttn || spec.trainMlp || spec.trainUnembed) return spec;
  throw problem(422, 'body.lora_config must train at least one of train_attn, train_mlp, train_unembed');
}

function getInfo({ model, runs }: EmulatorState): Handler {
  return ({ body, account }) => {
    const { id, adapter, isUnloaded } = runs.touch(fieldsOf(body).text('model_id'), account);
    if (isUnloaded) throw problem(404, `Model "${id}" was unloaded`);
    return json({
      model_id: id,
      model_data: { arch: 'isotinker-tiny', model_name: model.name, tokenizer_id: 'bytes' },
      is_lora: true,
      lora_rank: adapter.spec.rank,
      model_name: model.name,
      type: 'get_info',
    });
  };
}

/** Unloading has no number: it follows what the processor has to do already. Doing it twice is no mistake. */
function unloadModel({ runs, futures, device }: EmulatorState): Handler {
  return ({ body, account }) => {
    const run = runs.touch(fieldsOf(body).text('model_id'), account);
    const unload = (): object => {
      runs.unload(run);
      return { model_id: run.id, type: 'unload_model' };
    };
    return json({ request_id: futures.open(device.run(unload)), model_id: run.id });
  };
}
