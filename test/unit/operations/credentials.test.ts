import { describe, expect, it } from 'vitest';
import { createAbortFanout } from '../../../src/kernel/abort.ts';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import { createCredentials } from '../../../src/operations/credentials.ts';
import { createScopes } from '../../../src/operations/scope.ts';
import { type Answer, scriptedFetch } from '../../../src/testing/scripted-fetch.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import type { ApiKey } from '../../../src/transport/credential.ts';
import { createTransport } from '../../../src/transport/transport.ts';
import { defaultClientConfig } from '../../../src/wire/json/client-config.ts';
import { rejection } from '../../support/settled.ts';
import { tokenFor } from '../../support/tokens.ts';

const KEY = 'tml-the-key-of-the-user';

function setUp(answers: readonly Answer[], { jwtAuth = true, apiKey = KEY as ApiKey } = {}) {
  const clock = createVirtualClock();
  const events: TinkerEvent[] = [];
  const { fetch, requests } = scriptedFetch({ 'auth/token': answers }, undefined, { clock });
  const config = { ...defaultClientConfig(), jwtAuth };
  let asked = 0;
  const credentials = createCredentials({
    clock,
    emit: (event) => void events.push(event),
    scopes: createScopes(clock, createAbortFanout()),
    settings: {
      current: config,
      isServed: true,
      async ready() {
        asked += 1;
        return config;
      },
    },
    apiKey,
    timeoutMs: 60_000,
    transportWith: (credential) =>
      createTransport({
        baseUrl: 'https://tinker.test',
        credential,
        authScheme: 'x-api-key',
        fetch,
        clock,
        defaultHeaders: {},
      }),
  });
  const signal = (): AbortSignal => new AbortController().signal;
  return {
    clock,
    events,
    requests,
    current: () => credentials.current(signal()),
    exchanged: (key: string) => credentials.exchanged(key, signal()),
    keys: () => requests.map(({ headers }) => headers.get('x-api-key')),
    settingsAsked: () => asked,
  };
}

describe('the key', () => {
  it('is sent as it is where the server wants no tokens, after the settings were asked', async () => {
    const { current, exchanged, requests, settingsAsked } = setUp([], { jwtAuth: false });
    expect(await current()).toBe(KEY);
    expect(await exchanged('somebody’s')).toBe('somebody’s');
    expect([requests.length, settingsAsked()]).toEqual([0, 2]);
  });

  it('may be a function, which is asked each time, and for each exchange', async () => {
    let asked = 0;
    const apiKey = () => `tml-key-${++asked}`;
    const plain = setUp([], { jwtAuth: false, apiKey });
    expect([await plain.current(), await plain.current()]).toEqual(['tml-key-1', 'tml-key-2']);
    const clock = createVirtualClock();
    const tokens = setUp([() => Response.json({ jwt: tokenFor(clock, 3_600) })], { apiKey });
    await tokens.current();
    await tokens.current();
    await tokens.clock.advance(7_200_000);
    await tokens.current();
    expect(tokens.keys()).toEqual(['tml-key-3', 'tml-key-4']);
  });

  it('that is a token itself is exchanged like any other', async () => {
    const apiKey = 'eyJhbGciOi.eyJzdWIi.c2ln';
    const { current, keys, requests } = setUp([{ status: 200, body: { jwt: 'short-lived' } }], { apiKey });
    expect(await current()).toBe('short-lived');
    expect(keys()).toEqual([apiKey]);
    expect(requests[0]).toMatchObject({ method: 'POST', path: 'auth/token', body: {} });
  });

  it('that a function cannot give fails who asked, and says nothing of the server', async () => {
    const apiKey = (): string => {
      throw new Error('the vault says tml-secret-words');
    };
    for (const jwtAuth of [true, false]) {
      const { current, requests } = setUp([], { apiKey, jwtAuth });
      const error = await rejection(current());
      expect(error).toMatchObject({ code: 'connection_failed', isLocal: true, retryable: true });
      expect((error as Error).message).not.toContain('secret-words');
      expect(requests).toHaveLength(0);
    }
  });
});

describe('an exchange', () => {
  it('gives the token, once for all', async () => {
    const { current, requests } = setUp([{ status: 200, body: { jwt: 'short-lived' } }]);
    expect(await Promise.all([current(), current()])).toEqual(['short-lived', 'short-lived']);
    expect(await current()).toBe('short-lived');
    expect(requests).toHaveLength(1);
  });

  it('may give the key itself back, where that is a token already', async () => {
    const apiKey = tokenFor(createVirtualClock(), 3_600);
    const { current } = setUp([{ status: 200, body: { jwt: apiKey } }], { apiKey });
    expect(await current()).toBe(apiKey);
  });

  it('of somebody else’s key leaves our own alone', async () => {
    const { current, exchanged, keys } = setUp([
      { status: 200, body: { jwt: 'theirs' } },
      { status: 200, body: { jwt: 'ours' } },
    ]);
    expect(await exchanged('tml-theirs')).toBe('theirs');
    expect(await current()).toBe('ours');
    expect(await current()).toBe('ours');
    expect(keys()).toEqual(['tml-theirs', KEY]);
  });

  it('that is refused fails who waits, with a hint, and shows no key', async () => {
    const { current, events } = setUp([{ status: 401, body: { detail: `bad key ${KEY}` } }]);
    const error = await rejection(current());
    expect(error).toMatchObject({
      code: 'http_status',
      status: 401,
      retryable: false,
      hint: expect.stringContaining('Check the API key'),
    });
    expect(`${(error as Error).message}${JSON.stringify(error)}`).not.toContain(KEY);
    expect(events).toEqual([]);
  });

  it.each([404, 405, 501])(
    'that the server has no route for is no answer to the request: %d',
    async (status) => {
      const { current } = setUp([{ status, body: { detail: 'Not Found' } }]);
      expect(await rejection(current())).toMatchObject({
        code: 'unsupported_by_server',
        route: 'POST /api/v1/auth/token',
        retryable: false,
        cause: { status },
      });
    },
  );

  it('may be tried again where the server is down', async () => {
    const { current } = setUp([{ status: 503 }, { status: 200, body: { jwt: 'short-lived' } }]);
    expect(await rejection(current())).toMatchObject({ status: 503, retryable: true });
    expect(await current()).toBe('short-lived');
  });

  it.each([{}, { jwt: '' }, { jwt: null }, { jwt: 'two words' }, []])(
    'that gives no token is an answer that cannot be read: %j',
    async (body) => {
      const { current } = setUp([{ status: 200, body }]);
      const error = await rejection(current());
      expect(error).toMatchObject({ code: 'response_invalid', retryable: false });
      expect((error as Error).message).toContain('/api/v1/auth/token answered without a token');
    },
  );

  it('that fails later is an event in which there is neither key nor token', async () => {
    const clock = createVirtualClock();
    const token = tokenFor(clock, 3_600);
    const base = setUp([
      { status: 200, body: { jwt: token } },
      { status: 503, body: { detail: `no ${KEY}, no ${token}` } },
    ]);
    await base.current();
    await base.clock.advance(3_590_000);
    expect(await base.current()).toBe(token);
    expect(base.events).toMatchObject([{ type: 'token_refresh_failed' }]);
    expect(JSON.stringify(base.events)).not.toContain(KEY);
  });
});
