import { beforeEach, describe, expect, it } from 'vitest';
import { type EmulatorCalls, emulatorCalls } from '../../support/emulator-calls.ts';

let owner: EmulatorCalls;
let stranger: EmulatorCalls;
let modelId: string;
let sessionId: string;
let path: string;
let samplerPath: string;

beforeEach(async () => {
  owner = emulatorCalls();
  stranger = owner.as('tml-second');
  ({ modelId, sessionId } = await owner.model());
  ({ path } = await owner.result('save_weights', { model_id: modelId, path: 'w', seq_id: 1 }));
  ({ path: samplerPath } = await owner.result('save_weights_for_sampler', {
    model_id: modelId,
    path: 's',
    seq_id: 2,
  }));
});

const urlOf = (checkpoint: string) => `training_runs/${modelId}/checkpoints/${checkpoint}`;

describe('what is one account’s', () => {
  it('is as good as absent for another', async () => {
    const { modelId: own, sessionId: ownSession } = await stranger.model();
    const sessionless = { status: 404, body: { detail: `Session "${sessionId}" is unknown or has expired` } };
    expect(await stranger.call('session_heartbeat', { session_id: sessionId })).toMatchObject(sessionless);
    expect(
      await stranger.call('create_model', {
        session_id: sessionId,
        model_seq_id: 5,
        base_model: 'emulator/tiny',
      }),
    ).toMatchObject(sessionless);
    expect(
      await stranger.call('create_sampling_session', {
        session_id: sessionId,
        sampling_session_seq_id: 5,
        base_model: 'emulator/tiny',
      }),
    ).toMatchObject(sessionless);
    const modelless = { status: 404, body: { detail: `Model "${modelId}" is unknown` } };
    expect(await stranger.call('get_info', { model_id: modelId })).toMatchObject(modelless);
    expect(await stranger.call('unload_model', { model_id: modelId })).toMatchObject(modelless);
    expect(await stranger.call('save_weights', { model_id: modelId, path: 'x', seq_id: 3 })).toMatchObject(
      modelless,
    );

    expect(await stranger.call('weights_info', { tinker_path: path })).toMatchObject({
      status: 404,
      body: { detail: `There is no checkpoint at "${path}"` },
    });
    expect(
      await stranger.result('load_weights', { model_id: own, path, optimizer: true, seq_id: 1 }),
    ).toEqual({
      error: `There is no checkpoint at "${path}"`,
      category: 'user',
    });
    expect(
      await stranger.call('create_sampling_session', {
        session_id: ownSession,
        sampling_session_seq_id: 0,
        model_path: samplerPath,
      }),
    ).toMatchObject({ status: 400, body: { detail: `There is no checkpoint at "${samplerPath}"` } });
  });

  it('cannot be changed by another, not even where it is public', async () => {
    expect((await owner.call(`${urlOf('weights/w')}/publish`, '', { method: 'POST' })).status).toBe(204);
    const absent = { status: 404, body: { detail: `There is no checkpoint at "${path}"` } };
    expect(await stranger.call(`${urlOf('weights/w')}/publish`, '', { method: 'POST' })).toMatchObject(
      absent,
    );
    expect(
      await stranger.call(`${urlOf('weights/w')}/publish`, undefined, { method: 'DELETE' }),
    ).toMatchObject(absent);
    expect(
      await stranger.call(`${urlOf('weights/w')}/ttl`, { ttl_seconds: 5 }, { method: 'PUT' }),
    ).toMatchObject(absent);
    expect(await stranger.call(urlOf('weights/w'), undefined, { method: 'DELETE' })).toMatchObject(absent);
    expect((await owner.ok(`training_runs/${modelId}/checkpoints`)).checkpoints).toHaveLength(2);
  });
});

describe('a checkpoint of another account', () => {
  const readAll = async (reader: EmulatorCalls, token?: string) => {
    const lent = token === undefined ? {} : { weights_access_token: token };
    const { modelId: own, sessionId: ownSession } = await reader.model();
    const loaded = await reader.result('load_weights', {
      model_id: own,
      path,
      optimizer: true,
      seq_id: 1,
      ...lent,
    });
    const created = await reader.result('load_weights', {
      session_id: ownSession,
      model_seq_id: 1,
      path,
      optimizer: false,
      ...lent,
    });
    const info = await reader.call('weights_info', { tinker_path: path, ...lent });
    const sampler = await reader.call('create_sampling_session', {
      session_id: ownSession,
      sampling_session_seq_id: 0,
      model_path: samplerPath,
      ...lent,
    });
    return [loaded.path, created.model_id, info.status, sampler.status].map((value) =>
      value === `${ownSession}:train:1` ? 'its own model' : value,
    );
  };
  const READ = () => [path, 'its own model', 200, 200];

  it('can be read where it is public', async () => {
    for (const checkpoint of ['weights/w', 'sampler_weights/s'])
      await owner.call(`${urlOf(checkpoint)}/publish`, '', { method: 'POST' });
    expect(await readAll(stranger)).toEqual(READ());
    for (const checkpoint of ['weights/w', 'sampler_weights/s'])
      await owner.call(`${urlOf(checkpoint)}/publish`, undefined, { method: 'DELETE' });
    expect(await readAll(stranger)).toEqual([undefined, undefined, 404, 400]);
  });

  it('can be read with its owner’s key, and with no other', async () => {
    expect(await readAll(stranger, 'tml-first')).toEqual(READ());
    expect(await readAll(stranger, 'tml-third')).toEqual([undefined, undefined, 404, 400]);
  });

  it('can be read with its owner’s token', async () => {
    const base = emulatorCalls({ jwt: true });
    const tokenOf = async (key: string): Promise<string> => (await base.as(key).ok('auth/token', {})).jwt;
    const [first, second] = [await tokenOf('tml-first'), await tokenOf('tml-second')];
    owner = base.as(first);
    ({ modelId, sessionId } = await owner.model());
    ({ path } = await owner.result('save_weights', { model_id: modelId, path: 'w', seq_id: 1 }));
    ({ path: samplerPath } = await owner.result('save_weights_for_sampler', {
      model_id: modelId,
      path: 's',
      seq_id: 2,
    }));
    stranger = base.as(second);
    expect(await readAll(stranger)).toEqual([undefined, undefined, 404, 400]);
    expect(await readAll(stranger, second)).toEqual([undefined, undefined, 404, 400]);
    expect(await readAll(stranger, first)).toEqual(READ());
    expect(await readAll(stranger, 'tml-first')).toEqual(READ());
    await base.clock.advance(3_600_000);
    const renewed = base.as(await tokenOf('tml-second'));
    expect(await readAll(renewed, first)).toEqual([undefined, undefined, 404, 400]);
  });
});

it('counts callers without a key as one account', async () => {
  const [one, same] = [owner.as(undefined), owner.as(undefined)];
  const id = await one.session();
  expect((await same.ok('sessions')).sessions).toEqual([id]);
  expect((await stranger.ok('sessions')).sessions).toEqual([]);
});
