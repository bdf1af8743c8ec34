import { describe, expect, it } from 'vitest';
import type { DialectName, EmulatorDialect, EmulatorOptions } from '../../../src/emulator/index.ts';
import { emulatorCalls } from '../../support/emulator-calls.ts';

const start = (dialect: DialectName | Partial<EmulatorDialect>, options: EmulatorOptions = {}) =>
  emulatorCalls({ dialect, ...options });

describe('who may call', () => {
  const KEYS = {
    'no key': {},
    'X-API-Key': { 'x-api-key': 'k' },
    'an empty X-API-Key': { 'x-api-key': '' },
    Bearer: { authorization: 'Bearer k' },
    'a wrong Bearer': { authorization: 'Basic k' },
  } as const;
  it.each([
    ['any', [200, 200, 200, 200, 200]],
    ['none', [200, 200, 200, 200, 200]],
    ['x-api-key', [401, 200, 401, 401, 401]],
    ['bearer', [403, 403, 403, 200, 403]],
  ] as const)('is found in %s', async (auth, statuses) => {
    const calls = start({ auth }).as(undefined);
    const found = Object.values(KEYS).map(async (headers) => {
      return (await calls.call('get_server_capabilities', undefined, { headers })).status;
    });
    expect(await Promise.all(found)).toEqual(statuses);
  });

  it('must have the right key where there is one', async () => {
    const bearer = start({ auth: 'bearer' }, { apiKey: 'right' }).as(undefined);
    const ask = async (authorization: string) =>
      (await bearer.call('get_server_capabilities', undefined, { headers: { authorization } })).status;
    expect([await ask('Bearer right'), await ask('Bearer wrong')]).toEqual([200, 403]);
    // A server that looks at no key does, once it is given one.
    const keyed = start('skyrl', { apiKey: 'right' });
    expect((await keyed.as('wrong').call('get_server_capabilities')).status).toBe(401);
    expect((await keyed.as('right').call('get_server_capabilities')).status).toBe(200);
  });

  it('is the same for all keys where they are not looked at', async () => {
    const calls = start({ auth: 'none' });
    const { modelId } = await calls.as('first').model();
    expect((await calls.as('second').call('get_info', { model_id: modelId })).status).toBe(200);
    const headers = { authorization: 'Bearer third' };
    const bearer = await calls.as(undefined).call('get_info', { model_id: modelId }, { headers });
    expect(bearer.status).toBe(200);
    const looked = start({ auth: 'any' });
    const { modelId: other } = await looked.as('first').model();
    expect((await looked.as('second').call('get_info', { model_id: other })).status).toBe(404);
  });

  it('names the request where that is asked for, but not to see whether the server is well', async () => {
    const calls = start({ needsRequestId: true });
    expect((await calls.call('get_server_capabilities')).body).toEqual({
      detail: 'Missing x-request-id header',
    });
    expect((await calls.call('healthz')).status).toBe(200);
    const headers = { 'x-request-id': 'r' };
    expect((await calls.call('get_server_capabilities', undefined, { headers })).status).toBe(200);
  });
});

describe('client/config', () => {
  it.each<[EmulatorOptions, number, unknown]>([
    [{ dialect: { clientConfig: 404 } }, 404, { detail: 'Not Found' }],
    [{ dialect: { clientConfig: { a: 1 } } }, 200, { a: 1 }],
    [{ dialect: { clientConfig: 404 }, clientConfig: { b: 2 } }, 200, { b: 2 }],
    [{ dialect: { clientConfig: 404 }, jwt: true }, 200, { pjwt_auth_enabled: true }],
    [{ dialect: 'beam' }, 200, expect.objectContaining({ proto_write_fwdbwd: false })],
  ])('with %j is %d', async (options, status, body) => {
    const { call } = emulatorCalls(options);
    const answer = await call('client/config', { sdk_version: '1' });
    expect([answer.status, answer.body]).toEqual([status, body]);
  });

  it('wants a body where it does', async () => {
    const { call } = start({ needsConfigBody: true });
    expect((await call('client/config', '')).status).toBe(422);
    expect((await call('client/config', {})).status).toBe(200);
  });
});

describe('a heartbeat', () => {
  it.each([
    [404, 404],
    [410, 410],
    ['ok', 200],
    ['absent', 404],
  ] as const)('of a session that is gone is answered by %s', async (heartbeat, status) => {
    const { call } = start({ heartbeat });
    expect((await call('session_heartbeat', { session_id: 'gone' })).status).toBe(status);
  });

  it('is not answered where the server is silent, until its sender leaves', async () => {
    const { emulator, clock } = start({ heartbeat: 'silent' });
    const controller = new AbortController();
    const reason = new Error('left');
    const request = { method: 'POST', body: '{}', signal: controller.signal };
    const beat = emulator.fetch(new Request('https://h/api/v1/session_heartbeat', request));
    const left = expect(beat).rejects.toBe(reason);
    await clock.advance(1_000_000);
    controller.abort(reason);
    await left;
  });

  it('keeps a session for as long as the dialect has it', async () => {
    const { clock, call } = start('twinkle');
    const headers = { authorization: 'Bearer k', 'x-request-id': 'r' };
    const created = await call(
      'create_session',
      { tags: [], user_metadata: {}, sdk_version: '1' },
      { headers },
    );
    const session_id = created.body.session_id;
    await clock.advance(86_000_000);
    expect((await call('session_heartbeat', { session_id }, { headers })).status).toBe(200);
    await clock.advance(87_000_000);
    expect((await call('session_heartbeat', { session_id }, { headers })).status).toBe(404);
  });
});

describe('an error', () => {
  const words = 'Model "m" is unknown';
  it.each([
    ['detail', { detail: words }],
    ['detail-list', { detail: words }],
    ['detail-object', { detail: { message: words, status: 404 } }],
    ['error', { error: words }],
    ['error-status', { error: words, status_code: 404, path: '/api/v1/get_info' }],
    ['code', { status: 'error', code: 'not_found', message: words }],
  ] as const)('has the form %s', async (errors, body) => {
    const answer = await start({ errors }).call('get_info', { model_id: 'm' });
    expect([answer.status, answer.body]).toEqual([404, body]);
  });

  it('is plain text', async () => {
    const answer = await start({ errors: 'text' }).call('get_info', { model_id: 'm' });
    expect([answer.headers.get('content-type'), new TextDecoder().decode(answer.bytes)]).toEqual([
      'text/plain',
      words,
    ]);
  });

  it('of a field is one of a list', async () => {
    const answer = await start({ errors: 'detail-list' }).call('get_info', {});
    expect([answer.status, answer.body]).toEqual([
      422,
      { detail: [{ type: 'value_error', loc: ['body'], msg: 'body.model_id must be a string' }] },
    ]);
  });

  it.each([
    [400, 'bad_request'],
    [410, 'gone'],
    [503, 'system_error'],
  ] as const)('of %d has the code %s', async (status, code) => {
    const routes = { archiveNotReady: status === 503 ? ([503] as const) : [] };
    const archiveAnswer = status === 410 ? 'gone' : 'redirect';
    const { call } = start({ errors: 'code', needsRequestId: status === 400, archiveAnswer, ...routes });
    const answer = await call('training_runs/r/checkpoints/weights/w/archive');
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });
});

describe('records', () => {
  const saved = async (dialect: Partial<EmulatorDialect>) => {
    const calls = start(dialect);
    const { modelId } = await calls.model();
    const save = { model_id: modelId, path: 'one', seq_id: 1, type: 'save_weights_for_sampler' };
    await calls.result('save_weights_for_sampler', save);
    const route = `training_runs/${modelId}/checkpoints`;
    return { calls, route, modelId, archive: (id: string) => calls.call(`${route}/${id}/archive`) };
  };

  it('have times with or without a zone', async () => {
    const time = async (timestamps: EmulatorDialect['timestamps']): Promise<string> => {
      const { calls, route } = await saved({ timestamps });
      return (await calls.ok(route)).checkpoints[0].time;
    };
    const naive = await time('naive');
    expect(naive).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}$/);
    expect(await time('utc')).toBe(`${naive}Z`);
  });

  it('leave out what they can do without', async () => {
    const { calls, route } = await saved({ sparseRecords: true });
    expect(Object.keys((await calls.ok(route)).checkpoints[0])).toEqual([
      'checkpoint_id',
      'checkpoint_type',
      'time',
      'tinker_path',
    ]);
    expect((await calls.ok('checkpoints')).cursor).toBeNull();
  });

  it('have more where that is asked for, like every answer in JSON', async () => {
    const { calls, route } = await saved({ extraFields: true });
    expect(await calls.ok(route)).toMatchObject({ server_build: expect.anything() });
    expect(await calls.ok('client/config', {})).toMatchObject({ server_build: expect.anything() });
  });

  it.each([
    ['204', 204, undefined, 0],
    ['204-json', 204, undefined, 0],
    ['200-json', 200, { status: 'ok' }, 15],
  ] as const)('are changed with an answer %s', async (changeAnswer, status, body, length) => {
    const { calls, route } = await saved({ changeAnswer });
    const answer = await calls.call(`${route}/sampler_weights/one/publish`, {});
    expect(answer.status).toBe(status);
    expect(answer.bytes).toHaveLength(length);
    if (body !== undefined) expect(answer.body).toEqual(body);
    const type = answer.headers.get('content-type');
    expect(type).toBe(changeAnswer === '204' ? null : 'application/json');
  });

  it.each([
    ['prefixed', [302, 400]],
    ['bare', [405, 302]],
  ] as const)('have an archive under a %s id', async (archiveId, statuses) => {
    const { archive } = await saved({ archiveId });
    expect([(await archive('sampler_weights/one')).status, (await archive('one')).status]).toEqual(statuses);
  });

  it('tell in JSON where it is, as a moment in ISO 8601', async () => {
    const { archive, calls } = await saved({ archiveAnswer: 'json' });
    const { status, body } = await archive('sampler_weights/one');
    expect([status, body.expires]).toEqual([200, expect.stringMatching(/^\d{4}-.*Z$/)]);
    expect((await calls.as(undefined).call(body.url)).status).toBe(200);
    expect((await archive('one')).status).toBe(400);
  });

  it('have no archive at first, or none any more', async () => {
    const { archive } = await saved({ archiveNotReady: [503, 425] });
    const statuses = [1, 2, 3].map(async () => (await archive('sampler_weights/one')).status);
    expect(await Promise.all(statuses)).toEqual([503, 425, 302]);
    const gone = await saved({ archiveAnswer: 'gone' });
    expect((await gone.archive('sampler_weights/one')).status).toBe(410);
  });
});

describe('names', () => {
  it.each([
    ['tinker', 'tinker://RUN/sampler_weights/one', 'tinker://RUN/sampler_weights/one'],
    ['kindless', 'tinker://RUN/one', 'tinker://RUN/sampler_weights/one'],
    ['twinkle', 'twinkle://RUN/sampler_weights/one', 'twinkle://RUN/sampler_weights/one'],
    ['absolute', '/srv/checkpoints/RUN/sampler_weights/one', '/srv/checkpoints/RUN/sampler_weights/one'],
    ['null', null, 'tinker://RUN/sampler_weights/one'],
  ] as const)('of checkpoints are %s', async (paths, told, listed) => {
    const calls = start({ paths });
    const { modelId } = await calls.model();
    const save = { model_id: modelId, path: 'one', seq_id: 1, type: 'save_weights_for_sampler' };
    const { path } = await calls.result('save_weights_for_sampler', save);
    expect(path).toBe(told?.replace('RUN', modelId) ?? null);
    const { checkpoints } = await calls.ok('checkpoints');
    expect(checkpoints[0].tinker_path).toBe(listed.replace('RUN', modelId));
    expect(await calls.ok('weights_info', { tinker_path: path ?? checkpoints[0].tinker_path })).toMatchObject(
      { lora_rank: 4 },
    );
  });

  it.each([
    ['session', 'session', /^session-\w+:train:0$/, /^session-\w+:sample:0$/],
    ['request-id', 'hex', /^request-1$/, /^sampling_[0-9a-f]{8}$/],
    [
      'stamped',
      'path',
      /^20260722_120000-emulator-tiny-[0-9a-f]{8}$/,
      /^tinker:\/\/session-\w+\/sampler_weights\/sampler-0$/,
    ],
    ['main', 'at', /^main$/, /^ss@0$/],
  ] as const)(
    'of models are %s, and of sampling sessions %s',
    async (modelIdForm, samplerIdForm, model, sampler) => {
      const calls = start({ modelIdForm, samplerIdForm });
      const session_id = await calls.session();
      const body = { session_id, model_seq_id: 0, base_model: 'emulator/tiny', lora_config: { rank: 4 } };
      const { model_id } = await calls.result('create_model', body);
      expect(model_id).toMatch(model);
      const save = { model_id, sampling_session_seq_id: 0, seq_id: 1, type: 'save_weights_for_sampler' };
      expect((await calls.result('save_weights_for_sampler', save)).sampling_session_id).toMatch(sampler);
      const session = { session_id, sampling_session_seq_id: 1, base_model: 'emulator/tiny' };
      const { sampling_session_id } = await calls.ok('create_sampling_session', session);
      expect((await calls.ok(`samplers/${encodeURIComponent(sampling_session_id)}`)).sampler_id).toBe(
        sampling_session_id,
      );
    },
  );
});
