import { beforeEach, describe, expect, it } from 'vitest';
import { type EmulatorCalls, emulatorCalls } from '../../support/emulator-calls.ts';

let calls: EmulatorCalls;
let modelId: string;
let path: string;
beforeEach(async () => {
  calls = emulatorCalls();
  ({ modelId } = await calls.model());
  ({ path } = await calls.result('save_weights', { model_id: modelId, path: 'w', seq_id: 1 }));
});

const url = (checkpoint: string, rest = '') => `training_runs/${modelId}/checkpoints/${checkpoint}${rest}`;
const publish = (checkpoint = 'weights/w') =>
  calls.call(url(checkpoint, '/publish'), undefined, { method: 'POST' });
const unpublish = (checkpoint = 'weights/w') =>
  calls.call(url(checkpoint, '/publish'), undefined, { method: 'DELETE' });
const setTtl = (body: object, checkpoint = 'weights/w') =>
  calls.call(url(checkpoint, '/ttl'), body, { method: 'PUT' });
const remove = (checkpoint = 'weights/w') => calls.call(url(checkpoint), undefined, { method: 'DELETE' });
const told = async () => (await calls.ok('checkpoints')).checkpoints[0];

const DONE = { status: 204, body: undefined };

it('is published once and unpublished once', async () => {
  expect(await unpublish()).toMatchObject({ status: 409, body: { detail: `"${path}" is private already` } });
  expect(await publish()).toMatchObject(DONE);
  expect((await told()).public).toBe(true);
  expect(await publish()).toMatchObject({ status: 409, body: { detail: `"${path}" is public already` } });
  expect(await unpublish()).toMatchObject(DONE);
  expect((await told()).public).toBe(false);
});

it('is given a lifetime, another, and none', async () => {
  expect(await setTtl({ ttl_seconds: 60 })).toMatchObject(DONE);
  expect((await told()).expires_at).toBe('2023-11-14T22:14:20.000Z');
  await calls.clock.advance(30_000);
  await setTtl({ ttl_seconds: 60 });
  await calls.clock.advance(59_999);
  expect((await told()).expires_at).toBe('2023-11-14T22:14:50.000Z');
  expect(await setTtl({ ttl_seconds: null })).toMatchObject(DONE);
  expect(await told()).not.toHaveProperty('expires_at');
  await calls.clock.advance(1_000_000);
  expect((await told()).tinker_path).toBe(path);
  await setTtl({ ttl_seconds: 1 });
  await calls.clock.advance(1000);
  expect(await told()).toBeUndefined();
  expect((await setTtl({ ttl_seconds: null })).status).toBe(404);
});

it.each([
  [{ ttl_seconds: 0 }, 400, 'body.ttl_seconds must be from 1 to 2147483647, got 0'],
  [{ ttl_seconds: -5 }, 400, 'body.ttl_seconds must be from 1 to 2147483647, got -5'],
  [{ ttl_seconds: 2 ** 31 }, 400, 'body.ttl_seconds must be from 1 to 2147483647, got 2147483648'],
  [{ ttl_seconds: '5' }, 422, 'body.ttl_seconds must be an integer'],
  [{}, 422, 'body.ttl_seconds must be an integer'],
])('is not given the lifetime %j', async (body, status, detail) => {
  expect(await setTtl(body)).toMatchObject({ status, body: { detail } });
});

it('is deleted once', async () => {
  expect(await remove()).toMatchObject(DONE);
  expect(await remove()).toMatchObject({
    status: 404,
    body: { detail: `There is no checkpoint at "${path}"` },
  });
  expect((await calls.ok('checkpoints')).cursor.total_count).toBe(0);
  const load = { model_id: modelId, path, optimizer: false, seq_id: 2 };
  expect((await calls.result('load_weights', load)).error).toContain('There is no checkpoint');
});

describe('an id', () => {
  it.each(['w', 'other/w', 'weights/w/x'])('%s is none', async (id) => {
    const bad = {
      status: 400,
      body: { detail: `"${id}" is not a checkpoint id: weights/NAME or sampler_weights/NAME` },
    };
    expect(await publish(id)).toMatchObject(bad);
    expect(await unpublish(id)).toMatchObject(bad);
    expect(await setTtl({ ttl_seconds: 1 }, id)).toMatchObject(bad);
    expect(await calls.call(url(id, '/archive'))).toMatchObject(bad);
    expect(await remove(id)).toMatchObject(bad);
  });

  it('may have its slash encoded', async () => {
    expect((await publish('weights%2Fw')).status).toBe(204);
    expect((await setTtl({ ttl_seconds: 9 }, 'weights%2Fw')).status).toBe(204);
    expect((await calls.call(url('weights%2Fw', '/archive'))).status).toBe(302);
    expect((await unpublish('weights%2Fw')).status).toBe(204);
    expect((await remove('weights%2Fw')).status).toBe(204);
  });

  it('is one of a kind: a checkpoint to sample from is another', async () => {
    const missing = { status: 404 };
    expect(await remove('sampler_weights/w')).toMatchObject(missing);
    expect(await publish('sampler_weights/w')).toMatchObject(missing);
    expect((await told()).tinker_path).toBe(path);
  });

  it.each(['publish', 'ttl', 'archive', 'download'])('may be named %s', async (name) => {
    await calls.result('save_weights', { model_id: modelId, path: name, seq_id: 2 });
    expect((await publish(`weights/${name}`)).status).toBe(204);
    expect((await unpublish(`weights/${name}`)).status).toBe(204);
    expect((await calls.call(url(`weights/${name}`, '/archive'))).status).toBe(302);
    expect((await remove(`weights/${name}`)).status).toBe(204);
  });

  it('that is not percent-encoding is a 400', async () => {
    expect(await calls.call(url('weights/%E0%A4'), undefined, { method: 'DELETE' })).toMatchObject({
      status: 400,
      body: { detail: 'The path is not valid percent-encoding' },
    });
  });
});
