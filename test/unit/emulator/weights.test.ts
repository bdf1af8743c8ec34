import { beforeEach, describe, expect, it } from 'vitest';
import { memoryStorage } from '../../../src/storage/memory.ts';
import type { Storage } from '../../../src/storage/storage.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { type EmulatorCalls, emulatorCalls } from '../../support/emulator-calls.ts';

let calls: EmulatorCalls;
let modelId: string;
let sessionId: string;
beforeEach(async () => {
  calls = emulatorCalls();
  ({ modelId, sessionId } = await calls.model());
});

const save = (body: object) =>
  calls.result('save_weights', { model_id: modelId, type: 'save_weights', ...body });
const listed = async () =>
  (await calls.ok(`training_runs/${modelId}/checkpoints`)).checkpoints.map(
    ({ checkpoint_id }: { checkpoint_id: string }) => checkpoint_id,
  );

describe('saving', () => {
  it('names the checkpoint, or takes the number of the request for it', async () => {
    expect(await save({ path: 'a.b-c_1', seq_id: 1 })).toEqual({
      path: `tinker://${modelId}/weights/a.b-c_1`,
      type: 'save_weights',
    });
    expect((await save({ seq_id: 2 })).path).toBe(`tinker://${modelId}/weights/seq-2`);
  });

  it('does not overwrite unless it is told to, and says so through the future', async () => {
    await save({ path: 'w', seq_id: 1 });
    const path = `tinker://${modelId}/weights/w`;
    expect(await save({ path: 'w', seq_id: 2 })).toEqual({
      error: `There already is a checkpoint at "${path}"; save with overwrite, or under another name`,
      category: 'user',
    });
    await save({ path: 'v', seq_id: 3 });
    await calls.call(`training_runs/${modelId}/checkpoints/weights/w/publish`, '', { method: 'POST' });
    await calls.clock.advance(1000);
    expect((await save({ path: 'w', seq_id: 4, overwrite: true })).path).toBe(path);
    const { checkpoints } = await calls.ok(`training_runs/${modelId}/checkpoints`);
    // It is the latest now, and private again.
    expect(checkpoints).toMatchObject([
      { checkpoint_id: 'weights/w', public: false, time: '2023-11-14T22:13:21.000Z' },
      { checkpoint_id: 'weights/v', time: '2023-11-14T22:13:20.000Z' },
    ]);
  });

  it('keeps a checkpoint as long as it is told to, and not a moment longer', async () => {
    await save({ path: 'short', seq_id: 1, ttl_seconds: 60 });
    await save({ path: 'long', seq_id: 2 });
    const { checkpoints } = await calls.ok(`training_runs/${modelId}/checkpoints`);
    expect(checkpoints.map(({ expires_at }: { expires_at?: string }) => expires_at)).toEqual([
      undefined,
      '2023-11-14T22:14:20.000Z',
    ]);
    const load = (seq_id: number) =>
      calls.result('load_weights', {
        model_id: modelId,
        path: `tinker://${modelId}/weights/short`,
        optimizer: true,
        seq_id,
      });
    await calls.clock.advance(59_999);
    expect((await load(3)).type).toBe('load_weights');
    await calls.clock.advance(1);
    expect(await listed()).toEqual(['weights/long']);
    expect((await load(4)).error).toContain('There is no checkpoint');
    // Its name is free again.
    expect((await save({ path: 'short', seq_id: 5 })).path).toContain('/short');
  });

  it.each([0, -1, 2 ** 31, 1.5, '60'])('refuses a lifetime of %j', async (ttl_seconds) => {
    const answer = await calls.call('save_weights', { model_id: modelId, path: 'w', seq_id: 1, ttl_seconds });
    expect(answer).toMatchObject({
      status: 422,
      body: { detail: expect.stringContaining('body.ttl_seconds') },
    });
  });

  it('is the same request when the number of the sampling session was drawn anew', async () => {
    const body = { model_id: modelId, seq_id: 1, type: 'save_weights_for_sampler' };
    const first = await calls.ok('save_weights_for_sampler', { ...body, sampling_session_seq_id: 3 });
    expect(await calls.ok('save_weights_for_sampler', { ...body, sampling_session_seq_id: 4 })).toEqual(
      first,
    );
    expect((await calls.call('save_weights_for_sampler', { ...body, path: 'named' })).status).toBe(409);
    expect((await calls.call('retrieve_future', first)).body.sampling_session_id).toBe(
      `${sessionId}:sample:3`,
    );
    expect((await calls.ok(`sessions/${sessionId}`)).sampler_ids).toEqual([`${sessionId}:sample:3`]);
  });
});

describe('what is told of weights', () => {
  it('is their base model and how they were made', async () => {
    const other = await calls.model(
      { model_seq_id: 1, lora_config: { rank: 2, train_attn: false } },
      sessionId,
    );
    const { path } = await calls.result('save_weights_for_sampler', {
      model_id: other.modelId,
      path: 's',
      seq_id: 1,
    });
    expect(await calls.ok('weights_info', { tinker_path: path })).toEqual({
      base_model: 'emulator/tiny',
      is_lora: true,
      lora_rank: 2,
      train_unembed: true,
      train_mlp: true,
      train_attn: false,
    });
  });

  it.each([
    [{ tinker_path: 'somewhere' }, 400, '"somewhere" is not a checkpoint path'],
    [{ tinker_path: 'tinker://r/w/x' }, 400, '"tinker://r/w/x" is not a checkpoint path'],
    [{ tinker_path: 'tinker://r/weights/x' }, 404, 'There is no checkpoint at "tinker://r/weights/x"'],
    [{}, 422, 'body.tinker_path must be a string'],
  ])('is refused for %j', async (body, status, detail) => {
    expect(await calls.call('weights_info', body)).toMatchObject({ status, body: { detail } });
  });
});

describe('a sampling session', () => {
  const open = (body: object) =>
    calls.call('create_sampling_session', {
      session_id: sessionId,
      sampling_session_seq_id: 0,
      type: 'create_sampling_session',
      ...body,
    });

  it('is told by its id', async () => {
    const { path } = await calls.result('save_weights_for_sampler', {
      model_id: modelId,
      path: 's',
      seq_id: 1,
    });
    await open({ model_path: path });
    await open({ sampling_session_seq_id: 1, base_model: 'emulator/tiny' });
    expect(await calls.ok(`samplers/${sessionId}:sample:0`)).toEqual({
      sampler_id: `${sessionId}:sample:0`,
      base_model: 'emulator/tiny',
      model_path: path,
    });
    expect(await calls.ok(`samplers/${encodeURIComponent(`${sessionId}:sample:1`)}`)).toEqual({
      sampler_id: `${sessionId}:sample:1`,
      base_model: 'emulator/tiny',
    });
    const unknown = { status: 404, body: { detail: expect.stringContaining('is unknown') } };
    expect(await calls.call(`samplers/${sessionId}:sample:2`)).toMatchObject(unknown);
    expect(await calls.as('tml-other').call(`samplers/${sessionId}:sample:0`)).toMatchObject(unknown);
  });

  it('is one for each number, however often it is asked for', async () => {
    const { path } = await calls.result('save_weights_for_sampler', {
      model_id: modelId,
      path: 's',
      seq_id: 1,
    });
    const sample = (seed: number) => {
      const body = {
        sampling_session_id: `${sessionId}:sample:0`,
        seq_id: 0,
        prompt: { chunks: [{ tokens: [1] }] },
        sampling_params: { max_tokens: 1, seed },
      };
      return calls.call('asample', body);
    };
    expect((await open({ model_path: path })).status).toBe(200);
    const first = await sample(1);
    expect((await open({ model_path: path })).status).toBe(200);
    // It still knows the requests it had.
    expect((await sample(1)).body).toEqual(first.body);
    expect((await sample(2)).status).toBe(409);
    expect(await open({ base_model: 'emulator/tiny' })).toMatchObject({
      status: 409,
      body: { detail: `Sampling session "${sessionId}:sample:0" samples from something else already` },
    });
  });

  it.each([
    [{}, 422, 'body needs base_model or model_path'],
    [{ base_model: 'other' }, 404, 'Base model "other" is not served here; "emulator/tiny" is'],
    [
      { model_path: 'tinker://r/weights/x' },
      400,
      '"tinker://r/weights/x" is of kind weights; this needs one of kind sampler_weights',
    ],
    [{ model_path: 'x' }, 400, '"x" is not a checkpoint path: tinker://RUN/sampler_weights/NAME'],
  ])('is refused for %j', async (body, status, detail) => {
    expect(await open(body)).toMatchObject({ status, body: { detail } });
    expect((await calls.ok(`sessions/${sessionId}`)).sampler_ids).toEqual([]);
  });
});

describe('the store', () => {
  const plain = (storage: Storage): Storage => ({
    get: storage.get,
    set: storage.set,
    delete: storage.delete,
  });

  it.each([
    ['with atomic changes', (storage: Storage) => storage],
    ['without', plain],
  ])('is one for two emulators, %s', async (_, wrap) => {
    const clock = createVirtualClock();
    const storage = wrap(memoryStorage(clock));
    const [first, second] = [emulatorCalls({ clock, storage }), emulatorCalls({ clock, storage })];
    const { modelId: id } = await first.model();
    const { path } = await first.result('save_weights', { model_id: id, path: 'w', seq_id: 1 });
    const { modelId: other } = await second.model();
    await second.result('save_weights', { model_id: other, path: 'v', seq_id: 1 });
    expect((await second.ok('checkpoints')).checkpoints).toHaveLength(2);
    expect((await second.ok(`training_runs/${id}/checkpoints`)).checkpoints).toHaveLength(1);
    expect(
      (await second.result('load_weights', { model_id: other, path, optimizer: true, seq_id: 2 })).path,
    ).toBe(path);
    const url = `training_runs/${id}/checkpoints/weights/w`;
    expect((await second.call(url, undefined, { method: 'DELETE' })).status).toBe(204);
    expect((await first.ok('checkpoints')).checkpoints).toHaveLength(1);
  });

  it('loses no checkpoint of several that are saved at once', async () => {
    const clock = createVirtualClock();
    // Saves of one model follow each other; here, two models and a publication come together.
    const base = emulatorCalls({ clock, storage: plain(memoryStorage(clock)) });
    const models = await Promise.all([base.model(), base.model()]);
    await Promise.all(
      models.flatMap(({ modelId: model_id }) => [
        base.result('save_weights', { model_id, path: 'a', seq_id: 1 }),
        base.result('save_weights', { model_id, path: 'b', seq_id: 2 }),
      ]),
    );
    await Promise.all(
      models.flatMap(({ modelId: id }) =>
        ['a', 'b'].map((name) =>
          base.call(`training_runs/${id}/checkpoints/weights/${name}/publish`, '', { method: 'POST' }),
        ),
      ),
    );
    const { checkpoints } = await base.ok('checkpoints');
    expect(checkpoints.map((checkpoint: { public: boolean }) => checkpoint.public)).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  it('forgets the files of what is deleted, overwritten or has expired', async () => {
    const clock = createVirtualClock();
    const memory = memoryStorage(clock);
    const keys = new Set<string>();
    const storage: Storage = {
      get: memory.get,
      set: async (key, value) => {
        keys.add(key);
        await memory.set(key, value);
      },
      delete: async (key) => {
        keys.delete(key);
        await memory.delete(key);
      },
    };
    const base = emulatorCalls({ clock, storage });
    const { modelId: model_id } = await base.model();
    await base.result('save_weights', { model_id, path: 'a', seq_id: 1, ttl_seconds: 5 });
    await base.result('save_weights', { model_id, path: 'b', seq_id: 2 });
    await base.call(`training_runs/${model_id}/checkpoints/weights/b`, undefined, { method: 'DELETE' });
    await clock.advance(5000);
    await base.result('save_weights', { model_id, path: 'c', seq_id: 3 });
    expect([...keys].sort()).toEqual([
      'isotinker:v1:emulator:checkpoints',
      `isotinker:v1:emulator:tinker://${model_id}/weights/c`,
    ]);
  });

  it('holds checkpoints of models of another shape, which are told but not loaded', async () => {
    const clock = createVirtualClock();
    const storage = memoryStorage(clock);
    const [small, other] = [
      emulatorCalls({ clock, storage }),
      emulatorCalls({ clock, storage, model: { layers: 1 } }),
    ];
    const { modelId: id } = await small.model();
    const { path } = await small.result('save_weights', { model_id: id, path: 'w', seq_id: 1 });
    const { modelId: model_id } = await other.model();
    expect(await other.result('load_weights', { model_id, path, optimizer: false, seq_id: 1 })).toEqual({
      error: `"${path}" belongs to a model of another shape`,
      category: 'user',
    });
    expect((await other.ok('weights_info', { tinker_path: path })).lora_rank).toBe(4);
  });
});
