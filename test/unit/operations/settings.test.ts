import { describe, expect, it } from 'vitest';
import { createAbortFanout } from '../../../src/kernel/abort.ts';
import { createScopes } from '../../../src/operations/scope.ts';
import { createSettings, keepDynamicConfig, type SettingsParts } from '../../../src/operations/settings.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { type Answer, scriptedFetch } from '../../../src/testing/scripted-fetch.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { createTransport } from '../../../src/transport/transport.ts';
import { type ClientConfig, defaultClientConfig } from '../../../src/wire/json/client-config.ts';
import { testRuntime } from '../../support/runtime.ts';
import { rejection } from '../../support/settled.ts';
import { forbidUnhandledRejections } from '../../support/unhandled.ts';

const SERVED: Answer = { status: 200, body: { fwdbwd_max_chunk_len: 7 } };

forbidUnhandledRejections();

function setUp(answers: readonly Answer[], overrides: SettingsParts['overrides'] = {}) {
  const clock = createVirtualClock();
  const scopes = createScopes(clock, createAbortFanout());
  const { fetch, requests } = scriptedFetch({ 'client/config': answers }, undefined, { clock });
  const applied: ClientConfig[] = [];
  const settings = createSettings({
    scopes,
    transport: createTransport({
      baseUrl: 'https://tinker.test',
      credential: async () => 'tml-key',
      authScheme: 'x-api-key',
      fetch,
      clock,
      defaultHeaders: {},
    }),
    sdkVersion: '1.2.3',
    timeoutMs: 60_000,
    overrides,
    apply: (config) => void applied.push(config),
  });
  const { signal } = new AbortController();
  return {
    clock,
    scopes,
    requests,
    applied,
    settings,
    ready: (own: AbortSignal = signal) => settings.ready(own),
    finish() {
      expect([scopes.size, clock.pending]).toEqual([0, 0]);
    },
  };
}

describe('client/config', () => {
  it('is asked with the version and the key, once for all who come while it is asked, and never again', async () => {
    const { ready, clock, requests, settings, applied, finish } = setUp([{ ...SERVED, afterMs: 100 }]);
    expect([settings.current, settings.isServed]).toEqual([defaultClientConfig(), false]);
    const early = [ready(), ready(), ready()];
    await clock.advance(50);
    early.push(ready());
    const configs = await clock.drive(Promise.all(early));
    configs.push(await ready());
    const config = { ...defaultClientConfig(), maxChunkLength: 7 };
    expect(configs).toEqual(configs.map(() => config));
    expect([settings.current, settings.isServed, applied]).toEqual([config, true, [config]]);
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({ method: 'POST', body: { sdk_version: '1.2.3' } });
    expect(requests[0]?.headers.get('x-api-key')).toBe('tml-key');
    finish();
  });

  it.each([400, 404, 405, 406, 409, 410, 413, 415, 422, 501])(
    'item 36: that is answered by %d leaves the defaults, and is not asked again',
    async (status) => {
      const { ready, requests, settings, applied, finish } = setUp([
        { status, body: { detail: 'Not Found' } },
      ]);
      expect(await ready()).toEqual(defaultClientConfig());
      await ready();
      expect([requests.length, settings.isServed, applied]).toEqual([1, false, [defaultClientConfig()]]);
      finish();
    },
  );

  it.each([401, 402, 403, 408, 429, 502, 503, 504])(
    'that is answered by %d fails who asked, and is asked again by the next',
    async (status) => {
      const { ready, requests, settings, applied, finish } = setUp([
        { status },
        { status },
        { status },
        { status },
        SERVED,
      ]);
      for (let asked = 1; asked <= 4; asked++) {
        expect(await rejection(ready())).toMatchObject({ code: 'http_status', status });
        expect([requests.length, settings.isServed, applied]).toEqual([asked, false, []]);
      }
      expect((await ready()).maxChunkLength).toBe(7);
      finish();
    },
  );

  it.each<readonly [string, Answer]>([
    ['a 500', { status: 500, text: 'Internal Server Error' }],
    ['a 507', { status: 507 }],
    ['JSON that was cut', { status: 200, text: '{"fwdbwd_max_chunk_l' }],
  ])('that is answered thrice by %s leaves the defaults', async (_, answer) => {
    const { ready, requests, settings, finish } = setUp([answer]);
    expect(await rejection(ready())).toMatchObject({ retryable: true });
    expect(await rejection(ready())).toMatchObject({ retryable: true });
    expect(await ready()).toEqual(defaultClientConfig());
    await ready();
    expect([requests.length, settings.isServed]).toEqual([3, false]);
    finish();
  });

  it('is not given up for an outage that looks different each time', async () => {
    const { ready, requests, finish } = setUp([
      { status: 500 },
      'refused',
      { status: 500 },
      { status: 503 },
      { status: 500 },
      { status: 429 },
      SERVED,
    ]);
    for (let asked = 0; asked < 6; asked++) await rejection(ready());
    expect((await ready()).maxChunkLength).toBe(7);
    expect(requests).toHaveLength(7);
    finish();
  });

  it('that is answered by a page leaves the defaults at once', async () => {
    const { ready, requests, settings, finish } = setUp([
      { status: 200, text: '<html>', headers: { 'content-type': 'text/html' } },
    ]);
    expect(await ready()).toEqual(defaultClientConfig());
    expect([requests.length, settings.isServed]).toEqual([1, false]);
    finish();
  });

  it.each<readonly [string, Answer]>([
    ['nothing', { status: 200, text: '' }],
    ['a list', { status: 200, body: [] }],
    ['a text', { status: 200, body: 'fine' }],
    [
      'flags that are unknown, or of the wrong type',
      { status: 200, body: { a: 1, pjwt_auth_enabled: 'yes' } },
    ],
  ])('that is answered by %s is served all the same, with the defaults', async (_, answer) => {
    const { ready, settings, finish } = setUp([answer]);
    expect(await ready()).toEqual(defaultClientConfig());
    expect(settings.isServed).toBe(true);
    finish();
  });

  it.each<readonly [string, Answer, string]>([
    ['cannot be reached', 'refused', 'connection_failed'],
    ['does not answer', 'nothing', 'timed_out'],
  ])(
    'of a server that %s fails all who wait, retryably, and is asked again, as often as it takes',
    async (_, answer, code) => {
      const { ready, clock, requests, finish } = setUp([answer, answer, answer, answer, answer, SERVED]);
      for (let asked = 1; asked <= 5; asked++) {
        const errors = await clock.drive(Promise.all([rejection(ready()), rejection(ready())]));
        expect(errors).toMatchObject([
          { code, retryable: true },
          { code, retryable: true },
        ]);
        expect(requests).toHaveLength(asked);
      }
      expect((await clock.drive(ready())).maxChunkLength).toBe(7);
      finish();
    },
  );

  it('goes on for the others when the one that asked first aborts', async () => {
    const { ready, clock, requests, finish } = setUp([{ ...SERVED, afterMs: 100 }]);
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const first = rejection(ready(controller.signal));
    const second = ready();
    await clock.advance(50);
    controller.abort('enough');
    expect(await first).toBe('enough');
    expect((await clock.drive(second)).maxChunkLength).toBe(7);
    expect([requests.length, listeners.left]).toEqual([1, 0]);
    finish();
  });

  it('goes on also where all aborted, and harms nobody when it fails then', async () => {
    const { ready, clock, requests, finish } = setUp([{ status: 503, afterMs: 100 }, SERVED]);
    const controller = new AbortController();
    const first = rejection(ready(controller.signal));
    await clock.advance(50);
    controller.abort('enough');
    expect(await first).toBe('enough');
    await clock.advance(100);
    expect((await ready()).maxChunkLength).toBe(7);
    expect(requests).toHaveLength(2);
    finish();
  });

  it('is not waited for by those who have left already', async () => {
    const { ready, clock, finish } = setUp([{ ...SERVED, afterMs: 100 }]);
    expect(await rejection(ready(AbortSignal.abort('gone')))).toBe('gone');
    await clock.advance(100);
    finish();
  });

  it('ends with the service', async () => {
    const { ready, clock, scopes, finish } = setUp(['nothing']);
    const asked = rejection(ready());
    await clock.advance(10);
    await scopes.close('shut');
    expect(await asked).toBe('shut');
    expect(await rejection(ready())).toBe('shut');
    finish();
  });
});

describe('settings of one’s own', () => {
  it('win over the server’s, before and after it was asked', async () => {
    const { ready, settings, applied, finish } = setUp([SERVED], { maxChunkLength: 3, jwtAuth: true });
    const own = { ...defaultClientConfig(), maxChunkLength: 3, jwtAuth: true };
    expect(settings.current).toEqual(own);
    expect(await ready()).toEqual(own);
    expect(applied).toEqual([own]);
    finish();
  });

  it('win over the defaults of a server that sets nothing', async () => {
    const { ready, finish } = setUp([{ status: 404 }], { maxChunkTokens: 16_000 });
    expect(await ready()).toEqual({ ...defaultClientConfig(), maxChunkTokens: 16_000 });
    finish();
  });

  it('may be that the server is not asked', async () => {
    const { ready, requests, settings, applied, finish } = setUp([SERVED], false);
    expect(await ready()).toEqual(defaultClientConfig());
    expect([requests.length, settings.isServed, applied]).toEqual([0, false, []]);
    finish();
  });
});

describe('client/dynamic_config', () => {
  function keep(answers: readonly Answer[]) {
    const base = testRuntime({ 'client/dynamic_config': answers });
    const controller = new AbortController();
    const kept = keepDynamicConfig(base.runtime, '1.2.3', controller.signal);
    return { ...base, controller, kept };
  }

  it('is asked at the interval it names, ten seconds at the least, and by a timer that keeps nothing alive', async () => {
    const { clock, times, controller, kept, requests } = keep([
      { status: 200, body: { refresh_interval_sec: 20 } },
      { status: 200, body: { refresh_interval_sec: 0 } },
      { status: 503 },
      { status: 200, body: {} },
      { status: 401 },
    ]);
    await clock.advance(700_000);
    expect(times).toEqual([0, 20_000, 30_000, 40_000, 340_000, 640_000]);
    expect(requests[0]).toMatchObject({ method: 'POST', body: { sdk_version: '1.2.3' } });
    expect([clock.pending, clock.pendingInBackground]).toEqual([1, 1]);
    controller.abort('shut');
    await kept.catch(() => {});
    expect(clock.pending).toBe(0);
  });

  it('goes on where an answer does not come within ten seconds', async () => {
    const { clock, times, controller, kept } = keep(['nothing']);
    await clock.advance(400_000);
    expect(times).toEqual([0, 310_000]);
    controller.abort('shut');
    await kept.catch(() => {});
    expect(clock.pending).toBe(0);
  });

  it.each([404, 405, 501])('is over where the server has no such route: %d', async (status) => {
    const { clock, times, kept } = keep([{ status }]);
    await clock.drive(kept);
    expect(times).toEqual([0]);
    expect(clock.pending).toBe(0);
  });

  it('is over when the service closes while it is asked', async () => {
    const { clock, controller, kept } = keep(['nothing']);
    await clock.advance(10);
    controller.abort('shut');
    await kept;
    expect(clock.pending).toBe(0);
  });
});
