import { describe, expect, it } from 'vitest';
import { createServiceClient, type LoraTrainingOptions, type SamplingSource } from '../../../src/index.ts';
import { type Answer, scriptedFetch } from '../../../src/testing/scripted-fetch.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { scriptedService } from '../../support/service.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';

describe('a service client', () => {
  it('does nothing until it is asked', async () => {
    const { clock, requests, finish } = scriptedService();
    await clock.advance(60_000);
    expect(requests).toEqual([]);
    expect(clock.pending).toBe(0);
    await finish();
  });

  it('asks for capabilities without a session', async () => {
    const { service, clock, requests, finish } = scriptedService();
    expect(await clock.drive(service.getServerCapabilities())).toEqual({
      supportedModels: [{ modelName: 'm', maxContextLength: undefined }],
    });
    expect(requests.map(({ method, path }) => [method, path])).toEqual([
      ['POST', 'client/config'],
      ['GET', 'get_server_capabilities'],
    ]);
    await finish();
  });

  it('opens a training client with the protocol’s bodies (appendix A)', async () => {
    const { service, clock, requests, bodies, finish } = scriptedService(
      {},
      { tags: ['b', 'a'], userMetadata: { k: 'v' }, projectId: 'p' },
    );
    const create = service.createLoraTrainingClient({ baseModel: 'Qwen/Qwen3-8B' });
    const training = await clock.drive(create);
    expect(training.modelId).toBe('sess-1:train:0');
    expect(requests.map(({ path }) => path)).toEqual([
      'client/config',
      'create_session',
      'create_model',
      'retrieve_future',
    ]);
    expect(bodies('client/config')).toEqual([{ sdk_version: '0.25.0' }]);
    expect(bodies('create_session')).toEqual([
      {
        tags: ['b', 'a'],
        user_metadata: { k: 'v' },
        sdk_version: '0.25.0',
        project_id: 'p',
        type: 'create_session',
      },
    ]);
    expect(bodies('create_model')).toEqual([
      {
        session_id: 'sess-1',
        model_seq_id: 0,
        base_model: 'Qwen/Qwen3-8B',
        lora_config: { rank: 32, train_unembed: true, train_mlp: true, train_attn: true },
        type: 'create_model',
      },
    ]);
    expect(bodies('retrieve_future')).toEqual([{ request_id: 'create_model' }]);
    await finish();
  });

  it('names the version of the protocol that the user says, and what to do where the server refuses it', async () => {
    const refusal = { status: 400, body: { detail: 'SDK version 0.30.0 is no longer supported' } };
    const { service, clock, bodies, script, finish } = scriptedService(
      { 'client/config': [{ status: 200, body: {} }] },
      { sdkVersion: '0.30.0' },
    );
    script['create_session'] = [refusal];
    const error = await driveToRejection(clock, service.createSamplingClient({ baseModel: 'm' }));
    expect(error).toMatchObject({ status: 400, hint: expect.stringContaining('sdkVersion') });
    script['create_session'] = [{ status: 200, body: { session_id: 'sess-1' } }];
    await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
    await clock.advance(0);
    for (const path of ['client/config', 'create_session', 'client/dynamic_config'])
      expect(bodies(path).at(-1)).toMatchObject({ sdk_version: '0.30.0' });
    await finish();
  });

  it('numbers models from 0, and hands every choice on', async () => {
    const { service, clock, bodies, finish } = scriptedService();
    await clock.drive(service.createLoraTrainingClient({ baseModel: 'm' }));
    const lora = { baseModel: 'm', rank: 4, seed: 7, trainAttn: false, userMetadata: { a: 'b' } };
    await clock.drive(service.createLoraTrainingClient(lora));
    expect(bodies('create_model')[1]).toMatchObject({
      model_seq_id: 1,
      user_metadata: { a: 'b' },
      lora_config: { rank: 4, seed: 7, train_attn: false, train_mlp: true, train_unembed: true },
    });
    await finish();
  });

  it.each<readonly [SamplingSource, object]>([
    [{ baseModel: 'b' }, { base_model: 'b' }],
    [{ modelPath: 'tinker://r/sampler_weights/n' }, { model_path: 'tinker://r/sampler_weights/n' }],
    [
      { baseModel: 'b', modelPath: '/tmp/x' },
      { base_model: 'b', model_path: '/tmp/x' },
    ],
  ])('opens a sampling session on %j', async (source, fields) => {
    const { service, clock, bodies, finish } = scriptedService();
    const sampler = await clock.drive(service.createSamplingClient(source));
    expect(sampler.samplingSessionId).toBe('sess-1:sample:9');
    expect(bodies('create_sampling_session')).toEqual([
      { session_id: 'sess-1', sampling_session_seq_id: 0, ...fields, type: 'create_sampling_session' },
    ]);
    await finish();
  });

  it.each<readonly [unknown, string]>([
    [
      { baseModel: '' },
      '"baseModel" must be a non-empty string, got "". getServerCapabilities() lists the models there are',
    ],
    [
      {},
      '"baseModel" must be a non-empty string, got undefined. getServerCapabilities() lists the models there are',
    ],
    [{ baseModel: 'm', rank: 0 }, '"rank" must be an integer >= 1, got 0'],
    [{ baseModel: 'm', seed: 0.5 }, '"seed" must be an integer, got 0.5'],
    [{ baseModel: 'm', trainMlp: 'no' }, '"trainMlp" must be true or false, got "no"'],
    [
      { baseModel: 'm', trainMlp: false, trainAttn: false, trainUnembed: false },
      '"trainAttn" must be true, or trainMlp or trainUnembed: there is nothing to train',
    ],
  ])('refuses an adapter of %j', async (lora, message) => {
    const { service, requests, finish } = scriptedService();
    const error = await rejection(service.createLoraTrainingClient(lora as LoraTrainingOptions));
    expect(error).toMatchObject({ code: 'input_invalid', message });
    expect(requests).toEqual([]);
    await finish();
  });

  it.each<readonly [unknown, string]>([
    [{}, '"baseModel" or "modelPath" must say what to sample from'],
    [{ baseModel: '' }, '"baseModel" must be a non-empty string, got ""'],
    [{ modelPath: '' }, '"modelPath" must be a non-empty string, got ""'],
  ])('refuses to sample from %j', async (source, message) => {
    const { service, requests, finish } = scriptedService();
    const error = await rejection(service.createSamplingClient(source as SamplingSource));
    expect(error).toMatchObject({ code: 'input_invalid', message });
    expect(requests).toEqual([]);
    await finish();
  });
});

describe('the session', () => {
  const create = ({ service }: ReturnType<typeof scriptedService>, signal?: AbortSignal) =>
    service.createSamplingClient({ baseModel: 'm' }, { signal });

  it('is one for all calls, also for those that come while it opens', async () => {
    const base = scriptedService();
    await base.clock.drive(Promise.all([create(base), create(base), create(base)]));
    await base.clock.drive(create(base));
    expect(base.bodies('create_session')).toHaveLength(1);
    expect(base.bodies('create_sampling_session')).toHaveLength(4);
    await base.finish();
  });

  it('does not belong to the call that came first: its abort leaves the opening to the others', async () => {
    const held: Answer = () => new Promise((resolve) => (answer = resolve));
    let answer = (_: Response): void => {};
    const base = scriptedService({ create_session: [held] });
    const controller = new AbortController();
    const first = rejection(create(base, controller.signal));
    const second = create(base);
    await base.clock.advance(10);
    controller.abort('enough');
    expect(await first).toBe('enough');
    answer(Response.json({ session_id: 'sess-1' }));
    await base.clock.drive(second);
    expect(base.bodies('create_session')).toHaveLength(1);
    await base.finish();
  });

  it('that could not be opened is tried afresh by the next call', async () => {
    const opened: Answer = { status: 200, body: { session_id: 'sess-1' } };
    const base = scriptedService({ create_session: [{ status: 401 }, opened] });
    const both = Promise.all([rejection(create(base)), rejection(create(base))]);
    const [one, other] = await base.clock.drive(both);
    expect(one).toMatchObject({ status: 401 });
    expect(other).toBe(one);
    await base.clock.drive(create(base));
    expect(base.bodies('create_session')).toHaveLength(2);
    await base.finish();
  });

  it('is kept alive until the service closes', async () => {
    const base = scriptedService();
    await base.clock.drive(create(base));
    expect([base.clock.pending, base.clock.pendingInBackground]).toEqual([1, 1]);
    await base.clock.advance(25_000);
    expect(base.bodies('session_heartbeat')).toHaveLength(2);
    await base.finish();
  });
});

describe('close', () => {
  it('rejects what runs and what comes with one typed error, and may be called again', async () => {
    const base = scriptedService({ retrieve_future: ['nothing'] });
    const running = rejection(base.service.createLoraTrainingClient({ baseModel: 'm' }));
    await base.clock.advance(10);
    await base.finish();
    const error = await running;
    expect(error).toMatchObject({
      code: 'client_closed',
      message: 'The client is closed. Create another one to go on',
    });
    const before = base.requests.length;
    expect(await rejection(base.service.getServerCapabilities())).toBe(error);
    expect(await rejection(base.service.createSamplingClient({ baseModel: 'm' }))).toBe(error);
    expect(base.requests).toHaveLength(before);
    await base.finish();
  });

  it('is what leaving an `await using` block does', async () => {
    const base = scriptedService();
    await base.clock.drive(base.service.createSamplingClient({ baseModel: 'm' }));
    await base.service[Symbol.asyncDispose]();
    expect(base.clock.pending).toBe(0);
    expect(await rejection(base.service.getServerCapabilities())).toMatchObject({ code: 'client_closed' });
  });

  it('ends clients made from it', async () => {
    const base = scriptedService();
    const training = await base.clock.drive(base.service.createLoraTrainingClient({ baseModel: 'm' }));
    await base.finish();
    expect(await rejection(training.optimStep())).toMatchObject({ code: 'client_closed' });
    expect(await rejection(training.getInfo())).toMatchObject({ code: 'client_closed' });
    expect(base.bodies('optim_step')).toEqual([]);
  });
});

it('D4: a thousand clients that opened a session and closed leave no timer and no listener', async () => {
  const clock = createVirtualClock({ graceTurns: 1 });
  const { fetch } = scriptedFetch({
    create_session: [{ status: 200, body: { session_id: 's' } }],
    create_sampling_session: [{ status: 200, body: { sampling_session_id: 's:0' } }],
  });
  let listeners = 0;
  const wake = () => {
    listeners += 1;
    return () => {
      listeners -= 1;
    };
  };
  for (let i = 0; i < 1_000; i++) {
    const service = createServiceClient({ apiKey: `tml-${i}`, fetch, clock, wake });
    await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
    if (i === 0) expect([clock.pending, listeners]).toEqual([1, 1]);
    await service.close();
  }
  expect([clock.pending, listeners]).toEqual([0, 0]);
});

it('M4: two clients that share nothing hear nothing of each other', async () => {
  const one = scriptedService({
    asample: [{ status: 429 }, { status: 200, body: { request_id: 'asample' } }],
  });
  const other = scriptedService();
  const sampler = await one.clock.drive(one.service.createSamplingClient({ baseModel: 'm' }));
  await one.clock.drive(sampler.sample({ prompt: [1], maxTokens: 1 }));
  expect(one.events.map(({ type }) => type)).toEqual(['rate_limited']);
  expect([other.events, other.service.snapshot().pausedMs.sample]).toEqual([[], 0]);
  await one.finish();
  await other.finish();
});

describe('every call', () => {
  it('takes a signal and a limit', async () => {
    const base = scriptedService({ get_server_capabilities: ['nothing'] });
    const controller = new AbortController();
    const aborted = rejection(base.service.getServerCapabilities({ signal: controller.signal }));
    await base.clock.advance(10);
    controller.abort('enough');
    expect(await aborted).toBe('enough');
    const limited = base.service.getServerCapabilities({ timeoutMs: 2_000 });
    expect(await driveToRejection(base.clock, limited)).toMatchObject({
      code: 'timed_out',
      scope: 'operation',
    });
    await base.finish();
  });

  it('that gives a promise refuses a limit that cannot be with a rejection', async () => {
    const base = scriptedService();
    const training = await base.clock.drive(base.service.createLoraTrainingClient({ baseModel: 'm' }));
    const before = base.requests.length;
    const calls = [
      () => training.getInfo({ timeoutMs: 0 }),
      () => training.saveWeightsAndGetSamplingClient({ timeoutMs: 0 }),
      () => base.service.getServerCapabilities({ timeoutMs: 0 }),
      () => base.service.createSamplingClient({ baseModel: 'm' }, { timeoutMs: 0 }),
      () => base.service.createLoraTrainingClient({ baseModel: 'm' }, { timeoutMs: 0 }),
    ];
    for (const call of calls) expect(await rejection(call())).toMatchObject({ code: 'input_invalid' });
    expect(base.requests).toHaveLength(before);
    await base.finish();
  });
});
