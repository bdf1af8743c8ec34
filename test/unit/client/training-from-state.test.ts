import { describe, expect, it } from 'vitest';
import type { ServiceClientOptions, TrainingFromStateOptions } from '../../../src/index.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { scriptedService } from '../../support/service.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';
import { tokenFor } from '../../support/tokens.ts';

const PATH = 'tinker://other:train:0/weights/x';
const INFO = { base_model: 'base', is_lora: true, lora_rank: 8, train_mlp: false, train_attn: null };
const SESSION = 'sess-1';

function setUp(
  script: Record<string, readonly Answer[]> = {},
  options: Partial<ServiceClientOptions> = {},
  config: object | undefined = undefined,
) {
  const base = scriptedService(
    {
      weights_info: [{ status: 200, body: INFO }],
      ...(config && { 'client/config': [{ status: 200, body: config }] }),
      ...script,
    },
    options,
  );
  const create = (state?: TrainingFromStateOptions, call = {}, path: string = PATH) =>
    base.service.createTrainingClientFromState(path, state, call);
  return {
    ...base,
    create,
    paths: () => base.requests.map(({ path }) => path).filter((path) => path !== 'client/dynamic_config'),
    keys: (path: string) =>
      base.requests.filter((request) => request.path === path).map(({ headers }) => headers.get('x-api-key')),
  };
}

describe('a training client from a state', () => {
  it('is a model of its shape into which it is loaded: the session first, then its shape (protocol 5.11)', async () => {
    const { create, clock, paths, bodies, finish } = setUp();
    const training = await clock.drive(create());
    expect(paths()).toEqual([
      'client/config',
      'create_session',
      'weights_info',
      'create_model',
      'retrieve_future',
      'load_weights',
      'retrieve_future',
    ]);
    expect(bodies('weights_info')).toEqual([{ tinker_path: PATH }]);
    expect(bodies('create_model')).toEqual([
      {
        session_id: SESSION,
        model_seq_id: 0,
        base_model: 'base',
        lora_config: { rank: 8, train_unembed: true, train_mlp: false, train_attn: true },
        type: 'create_model',
      },
    ]);
    expect(bodies('load_weights')).toEqual([
      { model_id: training.modelId, path: PATH, optimizer: false, seq_id: 1, type: 'load_weights' },
    ]);
    // What follows goes on behind the load.
    await clock.drive(training.optimStep());
    expect(bodies('optim_step')).toMatchObject([{ seq_id: 2 }]);
    await finish();
  });

  it('takes the optimizer along, another base, metadata and somebody’s key, where it is told to', async () => {
    const { create, clock, bodies, keys, finish } = setUp();
    const state = {
      optimizer: true,
      baseModel: 'mine',
      userMetadata: { a: 'b' },
      weightsAccessToken: 'tml-theirs',
    };
    const training = await clock.drive(create(state));
    expect(bodies('create_model')).toMatchObject([{ base_model: 'mine', user_metadata: { a: 'b' } }]);
    expect(bodies('load_weights')).toEqual([
      {
        model_id: training.modelId,
        path: PATH,
        optimizer: true,
        weights_access_token: 'tml-theirs',
        seq_id: 1,
        type: 'load_weights',
      },
    ]);
    // Only the question about the checkpoint is asked in their name.
    expect([keys('weights_info'), keys('create_model'), keys('load_weights')]).toEqual([
      ['tml-theirs'],
      ['tml-test'],
      ['tml-test'],
    ]);
    await finish();
  });

  it.each<readonly [ServiceClientOptions['authScheme'], string | null, string | null]>([
    ['x-api-key', 'tml-theirs', null],
    ['bearer', null, 'Bearer tml-theirs'],
    ['both', 'tml-theirs', 'Bearer tml-theirs'],
  ])('shows their key as it shows its own: %s', async (authScheme, key, bearer) => {
    const { create, clock, requests, finish } = setUp({}, { authScheme });
    await clock.drive(create({ weightsAccessToken: 'tml-theirs' }));
    const asked = requests.find(({ path }) => path === 'weights_info')?.headers;
    expect([asked?.get('x-api-key'), asked?.get('authorization')]).toEqual([key, bearer]);
    await finish();
  });

  it('exchanges their key where the server wants tokens, and sends it as it is in the body', async () => {
    const base = setUp(
      {
        'auth/token': [
          (request) => {
            const name = `for ${request.headers.get('x-api-key')}`;
            return Response.json({ jwt: tokenFor(base.clock, 3_600, name) });
          },
        ],
        weights_info: [{ status: 503 }, { status: 200, body: INFO }],
      },
      {},
      { pjwt_auth_enabled: true },
    );
    const { create, clock, bodies, keys, finish } = base;
    await clock.drive(create({ weightsAccessToken: 'tml-theirs' }));
    const theirs = tokenFor({ now: () => 1_700_000_000_000 } as never, 3_600, 'for tml-theirs');
    const ours = tokenFor({ now: () => 1_700_000_000_000 } as never, 3_600, 'for tml-test');
    expect(keys('weights_info')[0]).toBe(theirs);
    expect(keys('weights_info')).toHaveLength(2);
    expect(new Set([...keys('create_session'), ...keys('create_model'), ...keys('load_weights')])).toEqual(
      new Set([ours]),
    );
    expect(bodies('load_weights')).toMatchObject([{ weights_access_token: 'tml-theirs' }]);
    await finish();
  });

  it('asks again where the exchange of their key fails for a while', async () => {
    const { create, clock, keys, finish } = setUp(
      {
        'auth/token': [
          { status: 200, body: { jwt: 'ours' } },
          { status: 503 },
          'refused',
          { status: 200, body: { jwt: 'theirs' } },
        ],
      },
      {},
      { pjwt_auth_enabled: true },
    );
    await clock.drive(create({ weightsAccessToken: 'tml-theirs' }));
    expect(keys('weights_info')).toEqual(['theirs']);
    await finish();
  });

  it('shows their key in no error, whatever the server repeats', async () => {
    const detail = [
      {
        type: 'extra_forbidden',
        loc: ['body', 'weights_access_token'],
        msg: 'tml-theirs?',
        input: 'tml-theirs',
      },
    ];
    for (const path of ['weights_info', 'load_weights']) {
      const { create, clock, events, finish } = setUp({ [path]: [{ status: 422, body: { detail } }] });
      const error = await driveToRejection(clock, create({ weightsAccessToken: 'tml-theirs' }));
      expect(error).toMatchObject({ status: 422 });
      expect(`${(error as Error).stack}${JSON.stringify([error, events])}`).not.toContain('tml-theirs');
      await finish();
    }
  });

  it.each<readonly [string, object, RegExp]>([
    ['is a whole model', { ...INFO, is_lora: false }, /"tinker:.*x" is a whole model/],
    ['has no rank', { ...INFO, lora_rank: null }, /is of an unknown rank/],
    ['is not said to have one', { base_model: 'base' }, /is of an unknown rank/],
  ])('cannot be where the checkpoint %s: no model is made of it', async (_, info, words) => {
    const { create, clock, paths, finish } = setUp({ weights_info: [{ status: 200, body: info }] });
    const error = await driveToRejection(clock, create());
    expect(error).toMatchObject({ code: 'input_invalid', field: 'path' });
    expect((error as Error).message).toMatch(words);
    expect(paths()).not.toContain('create_model');
    await finish();
  });

  it('is one where the server does not say whether it is LoRA, but gives a rank', async () => {
    const { create, clock, bodies, finish } = setUp({
      weights_info: [{ status: 200, body: { base_model: 'base', lora_rank: 4 } }],
    });
    await clock.drive(create());
    expect(bodies('create_model')).toMatchObject([{ lora_config: { rank: 4, train_mlp: true } }]);
    await finish();
  });

  it('cannot be where the server does not tell shapes, which says what to do instead', async () => {
    const { create, clock, finish } = setUp({
      weights_info: [{ status: 404, body: { detail: 'Not Found' } }],
    });
    const error = await driveToRejection(clock, create());
    expect(error).toMatchObject({
      code: 'unsupported_by_server',
      route: 'POST /api/v1/weights_info',
      hint: expect.stringContaining('call loadState'),
    });
    await finish();
  });

  it('fails with the server’s words where there is no such checkpoint', async () => {
    const { create, clock, finish } = setUp({
      weights_info: [{ status: 404, body: { detail: 'No checkpoint x' } }],
    });
    expect(await driveToRejection(clock, create())).toMatchObject({ code: 'http_status', status: 404 });
    await finish();
  });

  it.each<readonly [string, unknown, string]>([
    ['', {}, 'path'],
    ['tinker://r/sampler_weights/x', {}, 'path'],
    [PATH, { optimizer: 'yes' }, 'optimizer'],
    [PATH, { baseModel: '' }, 'baseModel'],
    [PATH, { userMetadata: { a: 1 } }, 'userMetadata.a'],
    [PATH, { weightsAccessToken: '' }, 'weightsAccessToken'],
    [PATH, { weightsAccessToken: 'tml-кey' }, 'weightsAccessToken'],
  ])('is refused before anything is sent for "%s" and %j', async (path, state, field) => {
    const { create, requests, finish } = setUp();
    expect(await rejection(create(state as never, {}, path))).toMatchObject({ code: 'input_invalid', field });
    expect(requests).toHaveLength(0);
    await finish();
  });

  it('shows no key that cannot be sent', async () => {
    const { create, requests, finish } = setUp();
    const error = await rejection(create({ weightsAccessToken: 'tml-canary\nsecret' }));
    expect(error).toMatchObject({ code: 'input_invalid', field: 'weightsAccessToken' });
    expect(`${error}${JSON.stringify(error)}`).not.toMatch(/canary|secret/);
    expect(requests).toHaveLength(0);
    await finish();
  });

  it.each([
    'client/config',
    'create_session',
    'weights_info',
    'create_model',
    'retrieve_future',
    'load_weights',
  ])(
    'is given up as a whole, also while %s is waited for: by a limit, an abort, the service’s end',
    async (path) => {
      const late = setUp({ [path]: ['nothing'] });
      // One limit for all steps together.
      const slow = { weights_info: [{ status: 200, body: INFO, afterMs: 900 }] };
      const timed = setUp({ ...(path === 'weights_info' ? {} : slow), [path]: ['nothing'] });
      const error = await driveToRejection(timed.clock, timed.create({}, { timeoutMs: 1_000 }));
      expect(error).toMatchObject({ code: 'timed_out', scope: 'operation', limitMs: 1_000 });
      expect(timed.clock.monotonic()).toBe(1_000);
      await timed.finish();
      const controller = new AbortController();
      const aborted = rejection(late.create({}, { signal: controller.signal }));
      await late.clock.advance(10);
      controller.abort('enough');
      expect(await aborted).toBe('enough');
      const closed = rejection(late.create());
      await late.clock.advance(10);
      await late.finish();
      expect(await closed).toMatchObject({ code: 'client_closed' });
    },
  );
});

describe('where the server makes models by loading', () => {
  const config = { create_model_via_load_weights: true };

  it('is one request of the session, whose model the client names', async () => {
    const { create, clock, paths, bodies, requests, finish } = setUp({}, {}, config);
    const training = await clock.drive(create());
    expect(training.modelId).toBe('sess-1:train:0');
    expect(paths()).toEqual(['client/config', 'create_session', 'load_weights', 'retrieve_future']);
    expect(bodies('load_weights')).toEqual([
      { session_id: SESSION, model_seq_id: 0, path: PATH, optimizer: false, type: 'load_weights' },
    ]);
    const poll = requests.find(({ path }) => path === 'retrieve_future');
    expect(poll?.headers.get('x-tinker-request-type')).toBe('LoadWeights');
    // The load was the model’s number 0.
    await clock.drive(training.optimStep());
    expect(bodies('optim_step')).toMatchObject([{ model_id: 'sess-1:train:0', seq_id: 1 }]);
    await finish();
  });

  it('takes along what it is told to, and somebody’s key as it is', async () => {
    const { create, clock, bodies, finish } = setUp({}, {}, config);
    const state = {
      optimizer: true,
      baseModel: 'mine',
      userMetadata: { a: 'b' },
      weightsAccessToken: 'tml-theirs',
    };
    await clock.drive(create(state));
    expect(bodies('load_weights')).toEqual([
      {
        session_id: SESSION,
        model_seq_id: 0,
        base_model: 'mine',
        user_metadata: { a: 'b' },
        path: PATH,
        optimizer: true,
        weights_access_token: 'tml-theirs',
        type: 'load_weights',
      },
    ]);
    await finish();
  });

  it('has the model’s name from the server where that gives one', async () => {
    const { create, clock, script, finish } = setUp({}, {}, config);
    script['retrieve_future'] = [{ status: 200, body: { path: PATH, model_id: 'theirs:7' } }];
    expect((await clock.drive(create())).modelId).toBe('theirs:7');
    await finish();
  });

  it('shares its numbers with models that are made the other way', async () => {
    const { create, service, clock, bodies, finish } = setUp({}, {}, config);
    await clock.drive(service.createLoraTrainingClient({ baseModel: 'm' }));
    expect((await clock.drive(create())).modelId).toBe('sess-1:train:1');
    expect(bodies('load_weights')).toMatchObject([{ model_seq_id: 1 }]);
    await finish();
  });

  it('keeps its number over what is sent again', async () => {
    const { create, clock, bodies, finish } = setUp(
      { load_weights: [{ status: 503 }, { status: 200, body: { request_id: 'load_weights' } }] },
      {},
      config,
    );
    await clock.drive(create());
    const [first, second] = bodies('load_weights');
    expect(second).toEqual(first);
    await finish();
  });

  it('may be what the user says of the server', async () => {
    const { create, clock, paths, finish } = setUp({}, { clientConfig: { createModelViaLoad: true } });
    await clock.drive(create());
    expect(paths()).not.toContain('create_model');
    await finish();
  });

  it('is known also where the settings are told late', async () => {
    const { create, clock, paths, finish } = setUp({
      'client/config': [{ status: 503 }, { status: 503 }, { status: 200, body: config }],
    });
    await clock.drive(create());
    expect(paths()).not.toContain('create_model');
    await finish();
  });
});

describe('the id of a model', () => {
  it.each<readonly [string, object, object, string]>([
    ['the result', { request_id: 'create_model', model_id: 'reply' }, { model_id: 'result' }, 'result'],
    ['the reply', { request_id: 'create_model', model_id: 'reply' }, {}, 'reply'],
    [
      'the reply, where the result names none',
      { request_id: 'create_model', model_id: 'reply' },
      { model_id: null },
      'reply',
    ],
    ['the request', { request_id: 'create_model', model_id: null }, {}, 'create_model'],
  ])('is that of %s (item 15)', async (_, reply, result, expected) => {
    const { service, clock, finish } = setUp({
      create_model: [{ status: 200, body: reply }],
      retrieve_future: [{ status: 200, body: result }],
    });
    const { modelId } = await clock.drive(service.createLoraTrainingClient({ baseModel: 'm' }));
    expect(modelId).toBe(expected);
    await finish();
  });
});
