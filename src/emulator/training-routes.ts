import { type CheckpointKind, checkpointPath, requireKind } from './checkpoints.ts';
import { type Fields, fieldsOf } from './fields.ts';
import { readForwardInput, runForward } from './forward-pass.ts';
import { type Call, json, type Routes } from './http.ts';
import { type AdamWOptions, adamWStep } from './model/adamw.ts';
import { requireBaseModel } from './session-routes.ts';
import type { EmulatorState } from './state.ts';
import type { TrainingRun } from './training-runs.ts';

/** What a training route makes of a request: the job to run when its turn comes. */
type Prepare = (run: TrainingRun, fields: Fields) => () => object | Promise<object>;

/** Routes of training runs (protocol 2.3 to 2.5). */
export function trainingRoutes(state: EmulatorState): Routes {
  const { model, sessions, runs, futures, checkpoints, samplers } = state;

  /** A route whose operation runs in the order of its model's sequence ids, once per id. */
  const ordered =
    (prepare: Prepare) =>
    ({ body, bytes }: Call): Response => {
      const fields = fieldsOf(body);
      const run = runs.get(fields.text('model_id'));
      sessions.touch(run.sessionId);
      const sequenceId = fields.optionalInteger('seq_id');
      // Prepared before it is numbered: a request that cannot be read takes no number.
      const job = prepare(run, fields);
      const open = (): string => futures.open(run.jobs.run(sequenceId, job));
      const requestId = sequenceId === undefined ? open() : run.requests.once(sequenceId, bytes, open);
      return json({ request_id: requestId, model_id: run.id });
    };

  const forward =
    (key: string, accumulate: boolean): Prepare =>
    (run, fields) => {
      const input = readForwardInput(fields.object(key), `body.${key}`);
      return () => runForward(model, run.adapter, input, accumulate);
    };

  const save = async (run: TrainingRun, kind: CheckpointKind, fields: Fields): Promise<object> => {
    const name = fields.optionalText('path') ?? `seq-${fields.optionalInteger('seq_id') ?? 0}`;
    const path = checkpointPath(run.id, kind, name);
    const ttlSeconds = fields.optionalInteger('ttl_seconds');
    const ttlMs = ttlSeconds === undefined ? undefined : ttlSeconds * 1000;
    const optimizer = kind === 'weights' ? run.optimizer : undefined;
    await checkpoints.save(path, run.adapter, optimizer, {
      overwrite: fields.flag('overwrite', false),
      ttlMs,
    });
    return { path };
  };

  return {
    'POST create_model': createModel(state),
    'POST get_info': ({ body }) => json(infoOf(state, runs.get(fieldsOf(body).text('model_id')))),
    'POST forward': ordered(forward('forward_input', false)),
    'POST forward_backward': ordered(forward('forward_backward_input', true)),
    'POST optim_step': ordered((run, fields) => {
      const options = readAdam(fields.object('adam_params'));
      return () => {
        const { gradientNorm } = adamWStep(run.adapter, run.optimizer, options);
        return { metrics: { 'grad_norm:mean': gradientNorm, 'learning_rate:mean': options.learningRate } };
      };
    }),
    'POST save_weights': ordered((run, fields) => async () => ({
      ...(await save(run, 'weights', fields)),
      type: 'save_weights',
    })),
    'POST load_weights': ordered((run, fields) => {
      const path = fields.text('path');
      const withOptimizer = fields.flag('optimizer', false);
      return async () => {
        requireKind(path, 'weights');
        await checkpoints.restore(path, run.adapter, run.optimizer, withOptimizer);
        return { path, type: 'load_weights' };
      };
    }),
    'POST save_weights_for_sampler': ordered((run, fields) => {
      const number = fields.optionalInteger('sampling_session_seq_id');
      return async () => {
        const type = 'save_weights_for_sampler';
        if (number === undefined) return { ...(await save(run, 'sampler_weights', fields)), type };
        const samplerId = `${run.sessionId}:sample:${number}`;
        samplers.open(samplerId, run.adapter);
        return { sampling_session_id: samplerId, type };
      };
    }),
  };
}

function createModel(state: EmulatorState): Routes[string] {
  const { sessions, runs, futures, device, random } = state;
  return ({ body, bytes }) => {
    const fields = fieldsOf(body);
    const sessionId = fields.text('session_id');
    sessions.touch(sessionId);
    requireBaseModel(state, fields.text('base_model'));
    const number = fields.integer('model_seq_id');
    const id = `${sessionId}:train:${number}`;
    const lora = fields.optionalObject('lora_config');
    const spec = {
      rank: lora?.optionalInteger('rank') ?? 32,
      seed: lora?.optionalInteger('seed') ?? Math.floor(random() * 2 ** 31),
      trainAttn: lora?.flag('train_attn', true) ?? true,
      trainMlp: lora?.flag('train_mlp', true) ?? true,
      trainUnembed: lora?.flag('train_unembed', true) ?? true,
    };
    const create = (): object => {
      runs.create(id, sessionId, spec);
      return { model_id: id, type: 'create_model' };
    };
    const requestId = state
      .modelRequests(sessionId)
      .once(number, bytes, () => futures.open(device.run(create)));
    return json({ request_id: requestId });
  };
}

function infoOf({ model }: EmulatorState, run: TrainingRun): object {
  return {
    model_id: run.id,
    model_data: { arch: 'isotinker-tiny', model_name: model.name, tokenizer_id: 'bytes' },
    is_lora: true,
    lora_rank: run.adapter.spec.rank,
    model_name: model.name,
    type: 'get_info',
  };
}

/** With the defaults of protocol 2.4. */
function readAdam(params: Fields): AdamWOptions {
  return {
    learningRate: params.number('learning_rate', 1e-4),
    beta1: params.number('beta1', 0.9),
    beta2: params.number('beta2', 0.95),
    epsilon: params.number('eps', 1e-12),
    weightDecay: params.number('weight_decay', 0),
    gradientClipNorm: params.number('grad_clip_norm', 0),
  };
}
