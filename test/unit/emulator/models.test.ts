import { beforeEach, describe, expect, it } from 'vitest';
import { type EmulatorCalls, emulatorCalls } from '../../support/emulator-calls.ts';

let calls: EmulatorCalls;
beforeEach(() => {
  calls = emulatorCalls();
});

const DATUM = {
  loss_fn_inputs: { target_tokens: { data: [2, 3, 4], dtype: 'int64', shape: [3] } },
  model_input: { chunks: [{ tokens: [1, 2, 3], type: 'encoded_text' }] },
};
const PASS = { forward_backward_input: { data: [DATUM], loss_fn: 'cross_entropy' } };
const STEP = { adam_params: { learning_rate: 0.01 }, type: 'optim_step' };

/** The loss of the model as it is now. */
async function loss(model_id: string, seq_id: number): Promise<number> {
  const body = { model_id, seq_id, forward_input: PASS.forward_backward_input };
  return (await calls.result('forward', body)).metrics['loss:sum'];
}

describe('creating', () => {
  it('happens once for each number of a session', async () => {
    const session_id = await calls.session();
    const body = {
      session_id,
      model_seq_id: 3,
      base_model: 'emulator/tiny',
      lora_config: { rank: 4, train_mlp: false },
      user_metadata: { name: 'first', none: null },
      type: 'create_model',
    };
    const first = await calls.ok('create_model', body);
    expect(await calls.ok('create_model', body)).toEqual(first);
    expect(await calls.call('create_model', { ...body, lora_config: { rank: 8 } })).toMatchObject({
      status: 409,
      body: { detail: 'Sequence id 3 was used for another request' },
    });
    const { model_id } = await calls.result('create_model', body);
    expect(await calls.ok('get_info', { model_id, type: 'get_info' })).toEqual({
      model_id,
      model_data: { arch: 'isotinker-tiny', model_name: 'emulator/tiny', tokenizer_id: 'bytes' },
      is_lora: true,
      lora_rank: 4,
      model_name: 'emulator/tiny',
      type: 'get_info',
    });
    const run = await calls.ok(`training_runs/${model_id}`);
    expect(run.user_metadata).toEqual({ name: 'first' });
    expect((await calls.ok('training_runs')).cursor.total_count).toBe(1);
  });

  it.each([
    [{ base_model: 'other/model' }, 404, 'Base model "other/model" is not served here; "emulator/tiny" is'],
    [{ model_seq_id: -1 }, 422, 'body.model_seq_id must be at least 0'],
    [{ model_seq_id: 0.5 }, 422, 'body.model_seq_id must be an integer'],
    [{ lora_config: 'big' }, 422, 'body.lora_config must be an object'],
    [{ lora_config: { rank: '4' } }, 422, 'body.lora_config.rank must be an integer'],
    [
      { lora_config: { train_mlp: false, train_attn: false, train_unembed: false } },
      422,
      'body.lora_config must train at least one of train_attn, train_mlp, train_unembed',
    ],
    [{ user_metadata: { a: 1 } }, 422, 'body.user_metadata.a must be a string'],
    [{ user_metadata: [] }, 422, 'body.user_metadata must be an object'],
  ])('refuses %j', async (change, status, detail) => {
    const body = {
      session_id: await calls.session(),
      model_seq_id: 0,
      base_model: 'emulator/tiny',
      ...change,
    };
    expect(await calls.call('create_model', body)).toMatchObject({ status, body: { detail } });
  });

  it('fails through its future where the rank cannot be', async () => {
    const session_id = await calls.session();
    const failed = await calls.result('create_model', {
      session_id,
      model_seq_id: 0,
      base_model: 'emulator/tiny',
      lora_config: { rank: 0 },
    });
    expect(failed).toEqual({ error: 'rank is 0; it must be an integer of at least 1', category: 'user' });
  });
});

describe('creating from a checkpoint', () => {
  it('is the model’s request number 0, and takes everything from the checkpoint', async () => {
    const { modelId, sessionId } = await calls.model({ lora_config: { rank: 2, seed: 5, train_mlp: false } });
    await calls.ok('forward_backward', { ...PASS, model_id: modelId, seq_id: 1 });
    await calls.ok('optim_step', { ...STEP, model_id: modelId, seq_id: 2 });
    const { path } = await calls.result('save_weights', { model_id: modelId, path: 'w', seq_id: 3 });

    const body = { session_id: sessionId, model_seq_id: 7, path, user_metadata: { from: 'w' } };
    const load = { ...body, optimizer: true, base_model: 'emulator/tiny', type: 'load_weights' };
    const first = await calls.ok('load_weights', load);
    expect(await calls.ok('load_weights', load)).toEqual(first);
    const model_id = `${sessionId}:train:7`;
    expect(await calls.result('load_weights', load)).toEqual({ path, model_id, type: 'load_weights' });
    expect(await calls.ok(`training_runs/${model_id}`)).toMatchObject({
      lora_rank: 2,
      user_metadata: { from: 'w' },
    });

    // The same weights and the same optimizer: another step leads to the same place.
    for (const [id, first] of [
      [modelId, 4],
      [model_id, 1],
    ] as const) {
      await calls.ok('forward_backward', { ...PASS, model_id: id, seq_id: first });
      await calls.ok('optim_step', { ...STEP, model_id: id, seq_id: first + 1 });
    }
    const after = await loss(modelId, 6);
    expect(await loss(model_id, 3)).toBe(after);

    // Without the optimizer, to another.
    const fresh = { ...body, model_seq_id: 8, optimizer: false };
    const { model_id: third } = await calls.result('load_weights', fresh);
    await calls.ok('forward_backward', { ...PASS, model_id: third, seq_id: 1 });
    await calls.ok('optim_step', { ...STEP, model_id: third, seq_id: 2 });
    expect(await loss(third, 3)).not.toBe(after);
  });

  it('fails through its future where there is no such checkpoint, and creates nothing', async () => {
    const session_id = await calls.session();
    const load = { session_id, model_seq_id: 0, optimizer: false };
    const path = 'tinker://r/weights/none';
    expect(await calls.result('load_weights', { ...load, path })).toEqual({
      error: `There is no checkpoint at "${path}"`,
      category: 'user',
    });
    expect((await calls.ok('training_runs')).training_runs).toEqual([]);
    const sampler = { ...load, model_seq_id: 1, path: 'tinker://r/sampler_weights/s' };
    expect((await calls.result('load_weights', sampler)).error).toContain('needs one of kind weights');
  });

  it.each([
    [{ model_id: 'm' }, 422, 'body must name a model_id or a session_id, not both'],
    [{ path: 1 }, 422, 'body.path must be a string'],
    [{ optimizer: 'yes' }, 422, 'body.optimizer must be a boolean'],
    [{ base_model: 'other' }, 404, 'Base model "other" is not served here; "emulator/tiny" is'],
    [{ session_id: 'nobody' }, 404, 'Session "nobody" is unknown or has expired'],
  ])('refuses %j', async (change, status, detail) => {
    const session_id = await calls.session();
    const body = { session_id, model_seq_id: 0, path: 'tinker://r/weights/w', optimizer: false, ...change };
    expect(await calls.call('load_weights', body)).toMatchObject({ status, body: { detail } });
  });
});

describe('unloading', () => {
  it('ends what the model can do, and tells so', async () => {
    const { modelId, sessionId } = await calls.model();
    expect(await calls.result('unload_model', { model_id: modelId, type: 'unload_model' })).toEqual({
      model_id: modelId,
      type: 'unload_model',
    });
    const failed = {
      error: `Model "${modelId}" was unloaded; create another, or load a checkpoint of it`,
      category: 'user',
    };
    expect(await calls.result('forward_backward', { ...PASS, model_id: modelId, seq_id: 1 })).toEqual(failed);
    expect(await calls.result('optim_step', { ...STEP, model_id: modelId, seq_id: 2 })).toEqual(failed);
    expect(await calls.result('save_weights', { model_id: modelId, path: 'w', seq_id: 3 })).toEqual(failed);
    expect(await calls.call('get_info', { model_id: modelId })).toMatchObject({
      status: 404,
      body: { detail: `Model "${modelId}" was unloaded` },
    });
    // Twice is no mistake, and the next model is not touched by it.
    await calls.result('unload_model', { model_id: modelId });
    const other = await calls.model({ model_seq_id: 1 }, sessionId);
    expect(await loss(other.modelId, 1)).toBeGreaterThan(0);
    // What it was is still told.
    expect((await calls.ok(`training_runs/${modelId}`)).lora_rank).toBe(4);
  });

  it('fails what was accepted before but has not begun', async () => {
    const { modelId } = await calls.model();
    const early = await calls.ok('optim_step', { ...STEP, model_id: modelId, seq_id: 2 });
    await calls.result('unload_model', { model_id: modelId });
    expect((await calls.result('optim_step', { ...STEP, model_id: modelId, seq_id: 1 })).category).toBe(
      'user',
    );
    const { body } = await calls.call('retrieve_future', early);
    expect(body).toMatchObject({ category: 'user', error: expect.stringContaining('was unloaded') });
  });
});
