import { encodeUtf8 } from '../../kernel/bytes.ts';
import { readUserMetadata } from '../accounts/user-metadata.ts';
import { orderedOperation, type Prepare } from '../futures/ordered-operation.ts';
import { type Fields, fieldsOf } from '../http/fields.ts';
import { type Call, type Handler, json, problem, type Routes } from '../http/http.ts';
import { requireBaseModel } from '../sessions/session-routes.ts';
import type { EmulatorState } from '../state.ts';
import { createModelOnce } from '../training/model-routes.ts';
import type { TrainingRun } from '../training/training-runs.ts';
import { findReadable, requireReadable } from './checkpoint-access.ts';
import { type CheckpointKind, parseCheckpointPath } from './checkpoint-path.ts';
import { ttlMsOf } from './checkpoint-ttl.ts';

/** Routes that save and load weights (protocol 2.5). */
export function weightsRoutes(state: EmulatorState): Routes {
  const intoModel = orderedOperation(state, loadIntoModel(state));
  const asNewModel = loadAsNewModel(state);
  return {
    'POST save_weights': orderedOperation(state, (run, fields) => {
      const save = prepareSave(state, run, 'weights', fields);
      return async () => ({ ...(await save()), type: 'save_weights' });
    }),
    'POST save_weights_for_sampler': orderedOperation(state, saveForSampler(state), identifySave),
    'POST load_weights': (call) => {
      const isNew = call.body['session_id'] !== undefined;
      if (isNew && call.body['model_id'] !== undefined)
        throw problem(422, 'body must name a model_id or a session_id, not both');
      return (isNew ? asNewModel : intoModel)(call);
    },
    'POST weights_info': weightsInfo(state),
  };
}

function prepareSave(
  { checkpoints, usage, audit }: EmulatorState,
  run: TrainingRun,
  kind: CheckpointKind,
  fields: Fields,
): () => Promise<{ readonly path: string }> {
  const { session } = run;
  const name = fields.optionalText('path') ?? `seq-${fields.optionalInteger('seq_id') ?? 0}`;
  const overwrite = fields.flag('overwrite', false);
  const ttlSeconds = fields.optionalInteger('ttl_seconds');
  const ttlMs = ttlSeconds === undefined ? undefined : ttlMsOf(ttlSeconds, 422);
  return async () => {
    const target = { runId: run.id, kind, name, owner: session.owner, overwrite, ttlMs };
    const optimizer = kind === 'weights' ? run.optimizer : undefined;
    const { path, sizeBytes, expiresAt } = await checkpoints.save(target, run.adapter, optimizer);
    usage.count(session, 'checkpoint', 1);
    usage.store(session, path, sizeBytes);
    usage.keepUntil(path, expiresAt);
    audit.record(session.owner, 'save_checkpoint', { modelId: run.id, path });
    return { path };
  };
}

/** Under a name, or for this session only: then nothing is kept but the weights to sample from. */
function saveForSampler(state: EmulatorState): Prepare {
  const { model, samplers, samplerRecords, ids } = state;
  return (run, fields) => {
    const type = 'save_weights_for_sampler';
    const number = fields.optionalInteger('sampling_session_seq_id');
    if (number === undefined) {
      const save = prepareSave(state, run, 'sampler_weights', fields);
      return async () => ({ ...(await save()), type });
    }
    const id = ids.sampler(run.session.id, number);
    return () => {
      samplers.open(id, run.adapter);
      samplerRecords.add({ id, session: run.session, baseModel: model.name, modelPath: undefined });
      return { sampling_session_id: id, type };
    };
  };
}

function loadIntoModel(state: EmulatorState): Prepare {
  const { checkpoints, audit } = state;
  return (run, fields) => {
    const { owner } = run.session;
    const path = fields.text('path');
    const reader = readerOf(owner, fields);
    const withOptimizer = fields.flag('optimizer', false);
    return async () => {
      const record = await requireReadable(state, path, 'weights', reader);
      await checkpoints.restore(record, run.adapter, run.optimizer, withOptimizer);
      audit.record(owner, 'load_checkpoint', { modelId: run.id, path, purpose: 'training' });
      return { path, type: 'load_weights' };
    };
  };
}

/** The model is made of the checkpoint, as its request number 0 (protocol 5.11). */
function loadAsNewModel(state: EmulatorState): Handler {
  const { sessions, checkpoints, runs, audit } = state;
  return (call) => {
    const fields = fieldsOf(call.body);
    const session = sessions.touch(fields.text('session_id'), call.account);
    const path = fields.text('path');
    const reader = readerOf(session.owner, fields);
    const withOptimizer = fields.flag('optimizer', false);
    const baseModel = fields.optionalText('base_model');
    if (baseModel !== undefined) requireBaseModel(state, baseModel);
    const userMetadata = readUserMetadata(fields);
    return createModelOnce(state, call, session, async (id) => {
      const record = await requireReadable(state, path, 'weights', reader);
      runs.create({ id, session, userMetadata, ...(await checkpoints.load(record, withOptimizer)) });
      audit.record(session.owner, 'create_model', { modelId: id });
      audit.record(session.owner, 'load_checkpoint', { modelId: id, path, purpose: 'training' });
      return { path, model_id: id, type: 'load_weights' };
    });
  };
}

function weightsInfo(state: EmulatorState): Handler {
  return async ({ body, account }) => {
    const fields = fieldsOf(body);
    const path = fields.text('tinker_path');
    if (parseCheckpointPath(path) === undefined) throw problem(400, `"${path}" is not a checkpoint path`);
    const record = await findReadable(state, path, readerOf(account.id, fields));
    if (record === undefined) throw problem(404, `There is no checkpoint at "${path}"`);
    const { rank, trainUnembed, trainMlp, trainAttn } = record.lora;
    return json({
      base_model: record.baseModel,
      is_lora: true,
      lora_rank: rank,
      train_unembed: trainUnembed,
      train_mlp: trainMlp,
      train_attn: trainAttn,
    });
  };
}

function readerOf(accountId: string, fields: Fields) {
  return { accountId, token: fields.optionalText('weights_access_token') };
}

/**
 * Some clients draw a new number for the sampling session when they repeat a save (protocol 5.6): it is the same
 * request nevertheless.
 */
function identifySave({ body }: Call): Uint8Array {
  const { sampling_session_seq_id: number, ...rest } = body;
  const isNamed = number === undefined || number === null;
  const toText = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
  return encodeUtf8(JSON.stringify({ ...rest, isNamed }, toText));
}
