import { describe, expect, it } from 'vitest';
import type { Datum, ServiceClientOptions } from '../../../src/index.ts';
import { createSharedLimits } from '../../../src/operations/shared-limits.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { type ScriptedService, scriptedService } from '../../support/service.ts';
import { rejection } from '../../support/settled.ts';
import { tokenFor } from '../../support/tokens.ts';

const datum = (token: number): Datum<'cross_entropy'> => ({
  modelInput: [token, token],
  lossFnInputs: { target_tokens: [token, token] },
});
const DATA = [1, 2, 3].map(datum);
const CONFIG = 'client/config';

/** A service whose server sets this. */
function serving(
  config: object | readonly Answer[],
  script: Record<string, readonly Answer[]> = {},
  options: Partial<ServiceClientOptions> = {},
): ScriptedService {
  const answers = Array.isArray(config) ? (config as readonly Answer[]) : [{ status: 200, body: config }];
  return scriptedService({ [CONFIG]: answers, ...script }, options);
}

const paths = ({ requests }: ScriptedService): string[] => requests.map(({ path }) => path);

describe('the settings of a server', () => {
  it('are asked for by the first call that sends anything, before it, once for all', async () => {
    const base = serving([{ status: 200, body: {}, afterMs: 100 }]);
    const { service, clock, bodies, finish } = base;
    await clock.advance(1_000);
    expect(base.requests).toHaveLength(0);
    await clock.drive(
      Promise.all([
        service.createLoraTrainingClient({ baseModel: 'm' }),
        service.createSamplingClient({ baseModel: 'm' }),
        service.getServerCapabilities(),
      ]),
    );
    expect(paths(base)[0]).toBe(CONFIG);
    expect(bodies(CONFIG)).toEqual([{ sdk_version: expect.any(String) }]);
    await finish();
  });

  it('are not asked for where they are one’s own', async () => {
    const base = serving({ fwdbwd_max_chunk_len: 1 }, {}, { clientConfig: false });
    const { service, clock, bodies, finish } = base;
    const training = await clock.drive(service.createLoraTrainingClient({ baseModel: 'm' }));
    await clock.drive(training.forwardBackward(DATA, 'cross_entropy'));
    expect([bodies(CONFIG), bodies('forward_backward').length]).toEqual([[], 1]);
    expect(bodies('client/dynamic_config')).toEqual([]);
    await finish();
  });

  it.each<readonly [string, Answer, number]>([
    ['with a 404', { status: 404 }, 1],
    ['with a 500, thrice', { status: 500, text: 'Internal Server Error' }, 3],
    ['with half of it, thrice', { status: 200, text: '{"a"' }, 3],
  ])('are the defaults where it answers %s', async (_, answer, asked) => {
    const base = serving([answer]);
    const { service, clock, bodies, finish } = base;
    await clock.drive(service.getServerCapabilities());
    expect([bodies(CONFIG).length, bodies('get_server_capabilities').length]).toEqual([asked, 1]);
    await finish();
  });

  it('fail the call where it refuses the key, and say so', async () => {
    const base = serving([{ status: 401, body: { detail: 'Invalid key' } }]);
    const { service, clock, finish } = base;
    const error = await clock.drive(rejection(service.getServerCapabilities()));
    expect(error).toMatchObject({
      code: 'http_status',
      status: 401,
      hint: expect.stringContaining('Check the API key'),
    });
    expect(paths(base)).toEqual([CONFIG]);
    await finish();
  });

  it('are waited for where it cannot be reached, like any answer', async () => {
    const base = serving(['refused', 'refused', 'refused', 'refused', { status: 200 }]);
    const { service, clock, events, finish } = base;
    await clock.drive(service.getServerCapabilities());
    expect(paths(base)).toEqual([CONFIG, CONFIG, CONFIG, CONFIG, CONFIG, 'get_server_capabilities']);
    expect(events.filter(({ type }) => type === 'retry')).toHaveLength(4);
    await finish();
  });

  it('are waited for where it asks for payment, which is no crash (protocol 9, 3)', async () => {
    const { service, clock, events, finish } = serving([{ status: 402 }, { status: 200 }]);
    await clock.drive(service.getServerCapabilities());
    expect(clock.monotonic()).toBe(5_000);
    expect(events).toMatchObject([{ type: 'billing_paused' }]);
    await finish();
  });

  it('set the limits of the account, and let in who waits there', async () => {
    const { service, clock, finish } = serving({
      sample_max_concurrent_requests: 3,
      sample_dispatch_bytes_semaphore_size: 4,
      fwdbwd_dispatch_bytes_semaphore_size: 5,
      inflight_response_bytes_semaphore_size: 6,
    });
    expect(service.snapshot().sampling.samples.capacity).toBe(2_000);
    await clock.drive(service.getServerCapabilities());
    expect(service.snapshot()).toMatchObject({
      sampling: { samples: { capacity: 3 }, bytes: { capacity: 4 } },
      passes: { capacity: 5 },
      responses: { capacity: 6 },
    });
    await finish();
  });

  it('lose to those of one’s own', async () => {
    const { service, clock, bodies, finish } = serving(
      { fwdbwd_max_chunk_len: 1, sample_max_concurrent_requests: 3 },
      {},
      { clientConfig: { maxChunkLength: 2 } },
    );
    const training = await clock.drive(service.createLoraTrainingClient({ baseModel: 'm' }));
    await clock.drive(training.forwardBackward(DATA, 'cross_entropy'));
    expect(bodies('forward_backward')).toHaveLength(2);
    expect(service.snapshot().sampling.samples.capacity).toBe(3);
    await finish();
  });

  it('say how long a bill is waited for, unless the client does', async () => {
    for (const [billingPauseMs, waits] of [
      [undefined, 12_000],
      [20_000, 20_000],
    ] as const) {
      const { service, clock, finish } = serving(
        { billing_exception_max_pause_duration_sec: 12 },
        { get_server_capabilities: [{ status: 402 }] },
        { billingPauseMs },
      );
      const error = await clock.drive(rejection(service.getServerCapabilities()));
      expect(error).toMatchObject({ status: 402 });
      // The first time of asking that is beyond it.
      expect(clock.monotonic()).toBe(Math.ceil((waits + 1) / 5_000) * 5_000);
      await finish();
    }
  });

  it('cut passes, and say whether their chunks go side by side', async () => {
    for (const isParallel of [true, false]) {
      const slow = { status: 200, body: { request_id: 'forward_backward' }, afterMs: 100 };
      const { service, clock, requests, finish } = serving(
        { fwdbwd_max_chunk_len: 1, parallel_fwdbwd_chunks: isParallel, proto_write_fwdbwd: false },
        { forward_backward: [slow] },
      );
      const training = await clock.drive(service.createLoraTrainingClient({ baseModel: 'm' }));
      const before = clock.monotonic();
      await clock.drive(training.forwardBackward(DATA, 'cross_entropy'));
      const passes = requests.filter(({ path }) => path === 'forward_backward');
      const sent = passes.map(({ body, startedAt }) => [body['seq_id'], (startedAt ?? 0) - before]);
      expect(sent).toEqual(
        isParallel
          ? [
              [2, 0],
              [3, 0],
              [1, 100],
            ]
          : [
              [1, 0],
              [2, 100],
              [3, 200],
            ],
      );
      await finish();
    }
  });

  it('leave samples without limit, watch and new submissions where it wants that', async () => {
    const { service, clock, bodies, finish } = serving(
      { sample_no_retries: true, sample_max_concurrent_requests: 1 },
      { retrieve_future: [{ status: 410 }] },
    );
    const sampler = await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
    const samples = [1, 2].map((token) => rejection(sampler.sample({ prompt: [token], maxTokens: 1 })));
    expect(await clock.drive(Promise.all(samples))).toMatchObject([
      { code: 'result_expired' },
      { code: 'result_expired' },
    ]);
    expect(bodies('asample')).toHaveLength(2);
    await finish();
  });

  it('belong to an account that two clients share: what one learns holds for both', async () => {
    const limits = createSharedLimits();
    const config = { sample_max_concurrent_requests: 3 };
    const one = serving(config, {}, { limits, baseUrl: 'https://a.test' });
    const other = serving(config, {}, { limits, baseUrl: 'https://a.test' });
    await one.clock.drive(one.service.getServerCapabilities());
    expect(other.service.snapshot().sampling.samples.capacity).toBe(3);
    await one.finish();
    await other.finish();
  });

  it('end their asking with the service', async () => {
    const { service, clock, finish } = serving(['nothing']);
    const asked = rejection(service.getServerCapabilities());
    await clock.advance(10);
    await finish();
    expect(await asked).toMatchObject({ code: 'client_closed' });
  });
});

describe('client/dynamic_config', () => {
  it('is asked once the session is open, and again every five minutes', async () => {
    const { service, clock, requests, finish } = serving(
      {},
      {
        'client/dynamic_config': [{ status: 200, body: { refresh_interval_sec: 60 } }],
      },
    );
    await clock.drive(service.getServerCapabilities());
    await clock.advance(120_000);
    expect(requests.filter(({ path }) => path === 'client/dynamic_config')).toHaveLength(0);
    await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
    await clock.advance(120_000);
    expect(requests.filter(({ path }) => path === 'client/dynamic_config')).toHaveLength(3);
    await finish();
  });

  it('is not asked of a server without settings', async () => {
    const { service, clock, bodies, finish } = scriptedService({
      'client/dynamic_config': [{ status: 200 }],
    });
    await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
    await clock.advance(120_000);
    expect(bodies('client/dynamic_config')).toEqual([]);
    await finish();
  });
});

describe('tokens', () => {
  it('are exchanged after the settings, before anything else, once; and carried by all that follows', async () => {
    const tokens: string[] = [];
    const base = serving(
      { pjwt_auth_enabled: true },
      {
        'auth/token': [
          () => {
            tokens.push(tokenFor(base.clock, 3_600, `token-${tokens.length + 1}`));
            return Response.json({ jwt: tokens.at(-1) });
          },
        ],
      },
    );
    const { service, clock, requests, finish } = base;
    await clock.drive(
      Promise.all([
        service.createLoraTrainingClient({ baseModel: 'm' }),
        service.createSamplingClient({ baseModel: 'm' }),
      ]),
    );
    const order = paths(base);
    expect(order.slice(0, 2)).toEqual([CONFIG, 'auth/token']);
    expect(order.filter((path) => path === CONFIG || path === 'auth/token')).toHaveLength(2);
    const keys = requests.map(({ headers }) => headers.get('x-api-key'));
    expect(keys.slice(0, 2)).toEqual(['tml-test', 'tml-test']);
    expect(new Set(keys.slice(2))).toEqual(new Set(tokens));
    // Heartbeats go on, and keep the token young.
    await clock.advance(3_400_000);
    expect(tokens).toHaveLength(2);
    expect(requests.at(-1)?.headers.get('x-api-key')).toBe(tokens[1]);
    await finish();
  });

  it('that the server refuses to give fail the call, with a hint, and without the key', async () => {
    const base = serving(
      { pjwt_auth_enabled: true },
      { 'auth/token': [{ status: 401, body: { detail: 'no tml-test' } }] },
    );
    const { service, clock, events, finish } = base;
    const error = await clock.drive(rejection(service.createSamplingClient({ baseModel: 'm' })));
    expect(error).toMatchObject({
      code: 'http_status',
      status: 401,
      hint: expect.stringContaining('Check the API key'),
    });
    expect(`${(error as Error).message}${JSON.stringify([error, events])}`).not.toContain('tml-test');
    expect(paths(base)).toEqual([CONFIG, 'auth/token']);
    await finish();
  });

  it('are asked for again where the server is down, within the call’s retries', async () => {
    const base = serving(
      { pjwt_auth_enabled: true },
      { 'auth/token': [{ status: 503 }, 'refused', { status: 200, body: { jwt: 'short-lived' } }] },
    );
    const { service, clock, finish } = base;
    await clock.drive(service.getServerCapabilities());
    expect(paths(base)).toEqual([
      CONFIG,
      'auth/token',
      'auth/token',
      'auth/token',
      'get_server_capabilities',
    ]);
    await finish();
  });

  it('that cannot be had are no word on the operation that is resumed, nor on its route', async () => {
    for (const [status, code] of [
      [400, 'http_status'],
      [410, 'http_status'],
      [404, 'unsupported_by_server'],
    ] as const) {
      const body = { detail: status === 404 ? 'Not Found' : 'no' };
      const { service, clock, finish } = serving(
        { pjwt_auth_enabled: true },
        { 'auth/token': [{ status, body }] },
      );
      const resumed = service.resume({ version: 1, kind: 'optim_step', requestIds: ['r'] });
      expect(await clock.drive(rejection(resumed))).toMatchObject({ code });
      const asked = rejection(service.createRestClient().getSession('s'));
      const error = await clock.drive(asked);
      expect(error).toMatchObject({ code });
      if (code === 'unsupported_by_server') expect(error).toMatchObject({ route: 'POST /api/v1/auth/token' });
      await finish();
    }
  });

  it('show in no event and no error, whatever the server repeats', async () => {
    const clock = { now: () => 1_700_000_000_000 };
    const token = tokenFor(clock as never, 3_600, 'a-secret-name');
    const echo: Answer = (request) =>
      Response.json({ detail: `not with ${request.headers.get('x-api-key')}` }, { status: 400 });
    const base = serving(
      { pjwt_auth_enabled: true },
      { 'auth/token': [{ status: 200, body: { jwt: token } }], create_model: [echo] },
    );
    const error = await base.clock.drive(
      rejection(base.service.createLoraTrainingClient({ baseModel: 'm' })),
    );
    expect(error).toMatchObject({ status: 400 });
    expect((error as Error).message).toContain('not with [redacted]');
    expect(`${(error as Error).stack}${JSON.stringify([error, base.events])}`).not.toContain(token);
    await base.finish();
  });
});
