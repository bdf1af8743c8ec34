import { describe, expect, it } from 'vitest';
import type { EmulatorDialect, FaultPlan } from '../../../src/emulator/index.ts';
import { CLIENT_OPTIONS } from '../../support/dialects.ts';
import { batch } from '../../support/offline.ts';
import { driveToRejection } from '../../support/settled.ts';
import { edited, type Watched, watched } from '../../support/watched.ts';

// Above each test: changes of the client that make it fail.

const only = (path: string, fault: (attempt: number) => ReturnType<FaultPlan>): FaultPlan => {
  return (call) => (call.path === path ? fault(call.attempt) : undefined);
};

// Breaks it: status-rules.ts, `retry` for a 409; lost-save.ts that finds nothing; classify.ts without `x-should-retry`.
describe('servers.md 2.1 item 34', () => {
  it('does not repeat what was refused with a 409, unless it is told to', async () => {
    const conflict = { status: 409, body: { detail: 'Training request sequence number was reused' } };
    const setup = watched({ faults: only('optim_step', () => conflict) });
    const step = (await setup.training()).optimStep();
    expect(await driveToRejection(setup.clock, step)).toMatchObject({ code: 'http_status', status: 409 });
    expect(setup.to('optim_step')).toHaveLength(1);
    await setup.finish();
    const passing = { ...conflict, headers: { 'x-should-retry': 'true' } };
    const told = watched({ faults: only('optim_step', (attempt) => (attempt === 1 ? passing : undefined)) });
    expect(await told.step(await told.training())).toBeGreaterThan(0);
    await told.finish();
  });

  it.each(['save_weights', 'save_weights_for_sampler'] as const)(
    'finds what %s saved whose answer was lost, where the repetition says that it is there',
    async (route) => {
      const faults = only(route, (attempt) => (attempt === 1 ? 'lost' : undefined));
      const setup = watched({ dialect: 'skyrl', faults });
      const training = await setup.training();
      const save =
        route === 'save_weights' ? training.saveState('one') : training.saveWeightsForSampler('one');
      const { path } = await setup.clock.drive(save);
      const kind = route === 'save_weights' ? 'weights' : 'sampler_weights';
      expect(path).toBe(`tinker://${training.modelId}/${kind}/one`);
      expect(setup.to(route).map(({ status }) => status)).toEqual([0, 409]);
      await setup.step(training);
      await setup.finish();
    },
  );
});

// Breaks it: futures.ts (JSON), any place left out of `describeProblem`, or a text of any length.
describe('servers.md 2.1 item 35', () => {
  it.each(['detail', 'detail-list', 'detail-object', 'error', 'error-status', 'code', 'text'] as const)(
    'finds the server’s words in the form %s',
    async (errors) => {
      const setup = watched({ dialect: { errors } });
      const create = setup.service.createLoraTrainingClient({ baseModel: 'no/such' });
      expect(await driveToRejection(setup.clock, create)).toMatchObject({
        status: 404,
        message: expect.stringContaining('Base model "no/such" is not served here'),
      });
      await setup.finish();
    },
  );

  it('finds what is wrong with each field, and cuts a traceback short', async () => {
    const detail = [
      { type: 'missing', loc: ['body', 'a'], msg: 'Field required' },
      { type: 'int', loc: ['body', 'b', 0], msg: 'No integer' },
    ];
    const setup = watched({
      faults: only('get_info', (attempt) =>
        attempt === 1
          ? { status: 422, body: { detail } }
          : { status: 403, text: `Traceback (most recent call last): ${'File "x.py" '.repeat(2_000)}` },
      ),
    });
    const training = await setup.training();
    expect(await driveToRejection(setup.clock, training.getInfo())).toMatchObject({
      message: expect.stringContaining('body.a: Field required; body.b.0: No integer'),
    });
    const traceback = (await driveToRejection(setup.clock, training.getInfo())) as Error;
    expect(traceback.message).toContain('Traceback');
    expect(traceback.message.length).toBeLessThan(700);
    await setup.finish();
  });
});

// Breaks it: settings.ts, a request without a body; `saysNothing` that rejects; another end of `keepDynamicConfig`.
describe('servers.md 2.1 item 36', () => {
  it('asks with a body, and does without settings', async () => {
    const strict = watched({ dialect: 'openrl-legacy' }, CLIENT_OPTIONS['openrl-legacy']);
    await strict.training();
    expect(strict.to('client/config').map(({ status, body }) => [status, body])).toEqual([
      [200, { sdk_version: expect.any(String) }],
    ]);
    await strict.finish();
    for (const status of [404, 405, 501]) {
      const setup = watched({
        faults: only('client/config', () => ({ status, body: { detail: 'Not Found' } })),
      });
      expect(await setup.step(await setup.training())).toBeGreaterThan(0);
      expect(setup.to('client/config')).toHaveLength(1);
      await setup.finish();
    }
  });

  it('takes what it knows of settings, and passes over the rest', async () => {
    const clientConfig = {
      fwdbwd_max_chunk_len: 1,
      use_jwt: 'yes',
      parallel_fwdbwd_chunks: 'no',
      features: [1],
    };
    const setup = watched({ clientConfig });
    await setup.step(await setup.training(), batch(2, 8));
    expect(setup.to('forward_backward')).toHaveLength(2);
    await setup.finish();
  });

  it('stops asking for settings that change where there are none', async () => {
    const setup = watched({ dialect: { absentRoutes: { 'POST client/dynamic_config': 404 } } });
    await setup.training();
    await setup.clock.advance(3_600_000);
    expect(setup.to('client/dynamic_config').length).toBeLessThanOrEqual(1);
    await setup.finish();
  });
});

// Breaks it: session.ts, another interval, an error that is thrown, no end after 404, 410 or a missing route, no waking.
describe('servers.md 2.1 item 37', () => {
  const beats = (setup: Watched) => setup.to('session_heartbeat').map(({ sentAt }) => sentAt);
  const told = (setup: Watched) =>
    setup.events.map(({ type }) => type).filter((type) => /^(session|heartbeat)_/.test(type));

  it('beats every ten seconds', async () => {
    const setup = watched({ dialect: { heartbeat: 'ok' } });
    await setup.training();
    await setup.clock.advance(35_000);
    expect(beats(setup)).toEqual([10_000, 20_000, 30_000].map((at) => at + (beats(setup)[0] ?? 0) - 10_000));
    expect(told(setup)).toEqual([]);
    await setup.finish();
  });

  it.each([404, 410] as const)(
    'says once that the session is gone after a %d, and ends',
    async (heartbeat) => {
      const setup = watched({ dialect: { heartbeat }, sessionTimeoutMs: 5_000 });
      await setup.training();
      await setup.clock.advance(60_000);
      expect(told(setup)).toEqual(['session_lost']);
      expect(beats(setup)).toHaveLength(1);
      await setup.finish();
    },
  );

  it('ends where there are no heartbeats', async () => {
    const setup = watched({ dialect: { heartbeat: 'absent' } });
    await setup.training();
    await setup.clock.advance(60_000);
    expect(told(setup)).toEqual(['heartbeat_unsupported']);
    expect(beats(setup)).toHaveLength(1);
    await setup.finish();
  });

  it('goes on where nobody answers, and at once when the page wakes', async () => {
    let wake = (): void => {};
    const setup = watched(
      { dialect: { heartbeat: 'silent' } },
      {
        wake(callback) {
          wake = callback;
          return () => {};
        },
      },
    );
    const training = await setup.training();
    await setup.clock.advance(65_000);
    expect(beats(setup)).toHaveLength(3);
    expect(new Set(told(setup))).toEqual(new Set(['heartbeat_failed']));
    expect(await setup.step(training)).toBeGreaterThan(0);
    await setup.finish();
    const healthy = watched(
      {},
      {
        wake(callback) {
          wake = callback;
          return () => {};
        },
      },
    );
    await healthy.training();
    await healthy.clock.advance(12_000);
    const before = beats(healthy).length;
    wake();
    await healthy.clock.advance(1);
    expect(beats(healthy)).toHaveLength(before + 1);
    await healthy.finish();
  });
});

// Breaks it: classify.ts, `isRouteMissing` for every 404, or for none; telemetry that throws.
describe('servers.md 2.1 item 38', () => {
  it.each([
    [404, 'detail'],
    [404, 'error'],
    [404, 'code'],
    [404, 'text'],
    [405, 'detail'],
    [501, 'detail'],
  ] as const)('says of a %d in the form %s that the server lacks the route', async (status, errors) => {
    const routes = [
      'GET samplers*',
      'POST get_info',
      'POST weights_info',
      'GET *archive',
      'POST *publish',
      'PUT *ttl',
      'GET sessions*',
    ];
    const absent = status === 501 ? {} : Object.fromEntries(routes.map((route) => [route, status]));
    const faults: FaultPlan = ({ path }) =>
      status === 501 && /samplers|_info|archive|publish|ttl|sessions/.test(path)
        ? { status, body: {} }
        : undefined;
    const setup = watched({ dialect: { absentRoutes: absent, errors }, faults });
    const training = await setup.training();
    const { path } = await setup.clock.drive(training.saveState('one'));
    const sampler = await setup.clock.drive(training.saveWeightsAndGetSamplingClient());
    const rest = setup.service.createRestClient();
    const calls = [
      () => rest.getSampler(sampler.samplingSessionId),
      () => training.getInfo(),
      () => rest.getWeightsInfo(path),
      () => rest.getCheckpointArchiveUrl(path),
      () => rest.publishCheckpoint(path),
      () => rest.setCheckpointTtl(path, 60),
      () => rest.listSessions().page(),
    ];
    for (const call of calls)
      expect(await driveToRejection(setup.clock, call())).toMatchObject({ code: 'unsupported_by_server' });
    await setup.finish();
  });

  it('says of a thing that is not there that it is not there', async () => {
    const setup = watched({});
    const run = setup.service.createRestClient().getTrainingRun('nobody');
    expect(await driveToRejection(setup.clock, run)).toMatchObject({ code: 'http_status', status: 404 });
    await setup.finish();
  });

  it('trains where there is no telemetry', async () => {
    const dialect = { absentRoutes: { 'POST telemetry': 404 } } as const;
    const setup = watched({ dialect }, { telemetry: true });
    expect(await setup.step(await setup.training())).toBeGreaterThan(0);
    await setup.finish();
  });
});

// Breaks it: checkpoint-archive.ts without the other name, without one of 503 and 425, without `resolve`.
describe('servers.md 2.1 item 39', () => {
  async function archive(dialect: Partial<EmulatorDialect>, edit?: Parameters<typeof watched>[2]) {
    const setup = watched({ dialect }, {}, edit);
    const training = await setup.training();
    const { path } = await setup.clock.drive(training.saveWeightsForSampler('one'));
    return { setup, path, rest: setup.service.createRestClient(), runId: training.modelId };
  }

  it.each([
    ['prefixed', 'redirect', [302]],
    ['prefixed', 'json', [200]],
    ['bare', 'redirect', [405, 302]],
    ['bare', 'json', [405, 200]],
  ] as const)('finds an archive by its %s id, said in a %s', async (archiveId, archiveAnswer, statuses) => {
    const { setup, path, rest } = await archive({ archiveId, archiveAnswer });
    const { url, expires } = await setup.clock.drive(rest.getCheckpointArchiveUrl(path));
    expect(url).toMatch(/^https:\/\/.+\/download\?token=/);
    const inMinutes = (expires.getTime() - setup.clock.now()) / 60_000;
    expect(Math.round(inMinutes)).toBe(15);
    const asked = setup.calls.filter(({ path: its }) => its.endsWith('/archive'));
    expect(asked.map(({ status }) => status)).toEqual(statuses);
    await setup.finish();
  });

  it('asks with the kind where the bare name is not enough', async () => {
    const { setup, rest, runId } = await archive({ archiveId: 'prefixed', archiveAnswer: 'json' });
    const found = rest.getCheckpointArchiveUrl({ runId, checkpointId: 'one' });
    expect((await setup.clock.drive(found)).url).toContain('/download?token=');
    await setup.finish();
  });

  it.each([[[503]], [[425]], [[503, 425, 503]]] as const)(
    'asks again after %j, half a minute apart',
    async (archiveNotReady) => {
      const { setup, path, rest } = await archive({ archiveNotReady });
      const before = setup.clock.monotonic();
      await setup.clock.drive(rest.getCheckpointArchiveUrl(path));
      expect(setup.clock.monotonic() - before).toBe(archiveNotReady.length * 30_000);
      await setup.finish();
    },
  );

  it('says that a checkpoint has expired', async () => {
    const { setup, path, rest } = await archive({ archiveAnswer: 'gone' });
    expect(await driveToRejection(setup.clock, rest.getCheckpointArchiveUrl(path))).toMatchObject({
      code: 'result_expired',
    });
    await setup.finish();
  });

  it('reads an address that is relative, and downloads from it without a key', async () => {
    const { setup, path, rest } = await archive({}, (route, response) => {
      const location = response.headers.get('location');
      if (location === null || !route.endsWith('/archive')) return response;
      const headers = new Headers(response.headers);
      headers.set('location', location.replace(/^https:\/\/[^/]+/, ''));
      return new Response(null, { status: 302, headers });
    });
    const download = await setup.clock.drive(rest.downloadCheckpoint(path));
    const whole = (async () => {
      let size = 0;
      for await (const piece of download) size += piece.length;
      return size;
    })();
    expect(await setup.clock.drive(whole)).toBeGreaterThan(1_000);
    const fetched = setup.calls.filter(({ path: its }) => its.includes('/download?'));
    expect(fetched).toHaveLength(1);
    expect(fetched[0]?.headers.has('x-api-key') || fetched[0]?.headers.has('authorization')).toBe(false);
    await setup.finish();
  });
});

// Breaks it: headers.ts, both headers always, or own ones before the user's; option-checks.ts, a base URL as it is.
describe('servers.md 2.1 item 40', () => {
  it.each([
    ['x-api-key', 'x-api-key', 200],
    ['x-api-key', 'both', 200],
    ['x-api-key', 'bearer', 401],
    ['bearer', 'bearer', 200],
    ['bearer', 'both', 200],
    ['bearer', 'x-api-key', 403],
  ] as const)('where the key belongs into %s, with `%s`: %d', async (auth, authScheme, status) => {
    const setup = watched({ dialect: { auth } }, { authScheme, apiKey: 'no-prefix' });
    const capabilities = setup.service.getServerCapabilities();
    if (status === 200) await setup.clock.drive(capabilities);
    else expect(await driveToRejection(setup.clock, capabilities)).toMatchObject({ status });
    await setup.finish();
  });

  it('sends the headers of the user’s own, which one server asks for', async () => {
    const { defaultHeaders, ...without } = CLIENT_OPTIONS.twinkle;
    const refused = watched({ dialect: 'twinkle' }, without);
    expect(await driveToRejection(refused.clock, refused.service.getServerCapabilities())).toMatchObject({
      status: 400,
      message: expect.stringContaining('Missing x-request-id header'),
    });
    await refused.finish();
    const setup = watched({ dialect: 'twinkle' }, { ...without, defaultHeaders });
    await setup.clock.drive(setup.service.getServerCapabilities());
    await setup.finish();
  });

  it.each(['https://h/base', 'https://h/base/', 'https://h/base/api/v1', 'https://h/base/api/v1/'])(
    'finds the server at %s',
    async (baseUrl) => {
      const urls: string[] = [];
      const inner = watched({});
      const setup = watched(
        {},
        {
          baseUrl,
          clock: inner.clock,
          fetch: (request) => {
            urls.push(request.url);
            return inner.emulator.fetch(request);
          },
        },
      );
      await setup.clock.drive(setup.service.getServerCapabilities());
      expect(urls.at(-1)).toBe('https://h/base/api/v1/get_server_capabilities');
      await setup.service.close();
      await inner.finish();
    },
  );
});

// Breaks it: rest-routes.ts, `encodeURIComponent` over kind and name together, or over nothing.
describe('servers.md 2.1 item 41', () => {
  it('encodes each part of an address, and no slash between kind and name', async () => {
    const setup = watched({ dialect: { samplerIdForm: 'path' } });
    const training = await setup.training();
    await setup.clock.drive(training.saveState('one'));
    const sampler = await setup.clock.drive(training.saveWeightsAndGetSamplingClient());
    expect(sampler.samplingSessionId).toMatch(/^tinker:\/\/session-\w+\/sampler_weights\/sampler-0$/);
    const rest = setup.service.createRestClient();
    expect(await setup.clock.drive(rest.getSampler(sampler.samplingSessionId))).toMatchObject({
      samplerId: sampler.samplingSessionId,
    });
    expect(setup.calls.at(-1)?.path).toMatch(
      /^samplers\/tinker:%2F%2Fsession-\w+%2Fsampler_weights%2Fsampler-0$/,
    );
    const { sequences } = await setup.clock.drive(sampler.sample({ prompt: [1], maxTokens: 1 }));
    expect(sequences).toHaveLength(1);
    await setup.clock.drive(
      rest.setCheckpointTtl({ runId: training.modelId, checkpointId: 'weights/one' }, 60),
    );
    expect(setup.calls.at(-1)?.path).toBe(`training_runs/${training.modelId}/checkpoints/weights/one/ttl`);
    expect(training.modelId).toContain(':');
    await setup.finish();
  });
});

// Breaks it: training.ts (JSON), `readModelInfo` without one of the names; a tokenizer that is fetched.
describe('servers.md 2.1 item 42', () => {
  it.each([
    [{ model_data: { tokenizer_id: '/models/qwen', model_name: 'qwen' } }, '/models/qwen', 'qwen'],
    [{ model_data: { tokenizer_id: 'org/tokenizer:main' } }, 'org/tokenizer', undefined],
    [{ model_data: { model_name: 'org/model' } }, undefined, 'org/model'],
    [{ model_name: 'org/model' }, undefined, 'org/model'],
    [{ base_model: 'org/base' }, undefined, 'org/base'],
  ])('tells what it finds in %j, and fetches nothing', async (info, tokenizerId, modelName) => {
    const setup = watched({}, {}, (path, response) =>
      path === 'get_info' ? edited(response, ({ model_id }) => ({ model_id, ...info })) : response,
    );
    const training = await setup.training();
    const { length } = setup.calls;
    expect(await setup.clock.drive(training.getInfo())).toMatchObject({ tokenizerId, modelName });
    expect(setup.calls).toHaveLength(length + 1);
    await setup.finish();
  });
});
