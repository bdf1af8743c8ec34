import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  isTinkerError,
  type TinkerApiError,
  type TinkerError,
  TinkerInputError,
} from '../../../src/kernel/errors.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { type Answer, scriptedFetch } from '../../../src/testing/scripted-fetch.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { type ApiKey, resolveKey } from '../../../src/transport/credential.ts';
import {
  createTransport,
  type TransportOptions,
  type TransportRequest,
} from '../../../src/transport/transport.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';

const KEY = 'tml-canary-key-that-nobody-may-see';

function setUp(
  answers: readonly Answer[] | ((request: Request) => Response | Promise<Response>),
  { apiKey = KEY, ...options }: Partial<TransportOptions> & { readonly apiKey?: ApiKey } = {},
) {
  const clock = createVirtualClock();
  const controller = new AbortController();
  const listeners = countListeners(controller.signal);
  const { fetch, requests } = scriptedFetch(
    typeof answers === 'function' ? { thing: [answers] } : { thing: answers },
  );
  const transport = createTransport({
    baseUrl: 'https://tinker.test/base',
    credential: () => resolveKey(apiKey),
    authScheme: 'x-api-key',
    fetch,
    clock,
    defaultHeaders: {},
    ...options,
  });
  const send = (request: Partial<TransportRequest> = {}): Promise<unknown> =>
    transport.send({
      method: 'POST',
      path: '/api/v1/thing',
      body: { a: 1 },
      signal: controller.signal,
      timeoutMs: 60_000,
      ...request,
    });
  const failure = async (request?: Partial<TransportRequest>): Promise<TinkerError> =>
    (await driveToRejection(clock, send(request))) as TinkerError;
  /** Nothing may be left of an exchange, however it ended. */
  const finish = (): void => {
    expect(clock.pending).toBe(0);
    expect(listeners.left).toBe(0);
  };
  return { clock, controller, requests, send, failure, finish };
}

/** A response whose body goes on for ever; `cancelled` holds what it was cancelled with. */
function endless(init: ResponseInit = {}) {
  const cancelled: unknown[] = [];
  const body = new ReadableStream({
    start: (stream) => stream.enqueue(new TextEncoder().encode('{"half": ')),
    cancel: (reason) => void cancelled.push(reason),
  });
  const headers = { 'content-type': 'application/json' };
  return { cancelled, response: new Response(body, { headers, ...init }) };
}

describe('a request', () => {
  it('carries method, address, headers and body as they were given', async () => {
    const { send, requests, clock, finish } = setUp([{ status: 200, body: { ok: true } }]);
    expect(await clock.drive(send({ headers: { 'x-own': '1' } }))).toEqual({ ok: true });
    const [request] = requests;
    expect(request?.method).toBe('POST');
    expect(request?.body).toEqual({ a: 1 });
    expect(Object.fromEntries(request!.headers)).toEqual({
      accept: 'application/json',
      'content-type': 'application/json',
      'x-api-key': KEY,
      'x-own': '1',
    });
    finish();
  });

  it('has neither body nor content type where there is nothing to send', async () => {
    const { send, requests, clock, finish } = setUp([{ status: 200 }]);
    await clock.drive(send({ method: 'GET', body: undefined }));
    expect(requests[0]?.method).toBe('GET');
    expect(requests[0]?.headers.has('content-type')).toBe(false);
    finish();
  });

  it('lets the user’s headers win over the library’s, whatever their case', async () => {
    const { send, requests, clock, finish } = setUp([{ status: 200 }], {
      defaultHeaders: { 'X-API-Key': 'proxy', Authorization: 'Bearer b', 'x-own': 'user' },
    });
    await clock.drive(send({ headers: { 'x-own': 'call' } }));
    expect(Object.fromEntries(requests[0]!.headers)).toMatchObject({
      'x-api-key': 'proxy',
      authorization: 'Bearer b',
      'x-own': 'user',
    });
    finish();
  });

  it.each([
    ['https://host.test', 'https://host.test/api/v1/thing'],
    ['https://host.test/services/prod', 'https://host.test/services/prod/api/v1/thing'],
    ['http://localhost:8000', 'http://localhost:8000/api/v1/thing'],
  ])('joins base %s', async (baseUrl, url) => {
    const urls: string[] = [];
    const { send, clock, finish } = setUp([], {
      baseUrl,
      fetch: async (request) => {
        urls.push(request.url);
        return Response.json({});
      },
    });
    await clock.drive(send());
    expect(urls).toEqual([url]);
    finish();
  });

  it('asks for the key before every attempt', async () => {
    let count = 0;
    const { send, requests, clock, finish } = setUp([{ status: 200 }], {
      apiKey: async () => `tml-${++count}`,
    });
    await clock.drive(send());
    await clock.drive(send());
    expect(requests.map(({ headers }) => headers.get('x-api-key'))).toEqual(['tml-1', 'tml-2']);
    finish();
  });
});

describe('exactly one attempt', () => {
  it.each([408, 413, 429, 500, 502, 503, 504])(
    'is made where the answer is %d with a Retry-After',
    async (status) => {
      const { failure, requests, clock, finish } = setUp([{ status, headers: { 'retry-after': '1' } }]);
      expect(await failure({ method: 'GET', body: undefined })).toMatchObject({
        code: 'http_status',
        status,
        retryAfterMs: 1_000,
      });
      await clock.advance(60_000);
      expect(requests).toHaveLength(1);
      finish();
    },
  );

  it('is made where there is no connection', async () => {
    const { failure, requests, clock, finish } = setUp(['refused']);
    const error = await failure({ method: 'GET', body: undefined });
    expect(error).toMatchObject({
      code: 'connection_failed',
      retryable: true,
      message:
        'Could not reach https://tinker.test: fetch failed: connect ECONNREFUSED 127.0.0.1:9. Does the server run, and is baseUrl its address?',
    });
    expect(error.cause).toBeInstanceOf(Error);
    await clock.advance(60_000);
    expect(requests).toHaveLength(1);
    finish();
  });
});

describe('the limit of an attempt', () => {
  it('ends one that gets no answer', async () => {
    const { failure, clock, requests, finish } = setUp(['nothing']);
    expect(await failure({ timeoutMs: 1_500 })).toMatchObject({ code: 'timed_out', scope: 'attempt' });
    expect(clock.monotonic()).toBe(1_500);
    expect(requests).toHaveLength(1);
    finish();
  });

  it.each([200, 500])('ends one whose body never ends, status %d, and cancels the body', async (status) => {
    const { response, cancelled } = endless({ status });
    const { failure, clock, finish } = setUp(() => response);
    const error = await failure({ timeoutMs: 1_500 });
    expect(error).toMatchObject({ code: 'timed_out', scope: 'attempt', limitMs: 1_500 });
    expect(clock.monotonic()).toBe(1_500);
    expect(cancelled).toEqual([error]);
    finish();
  });

  it('ends one whose key never comes', async () => {
    const { failure, requests, finish } = setUp([], { apiKey: () => new Promise<string>(() => {}) });
    expect(await failure({ timeoutMs: 10 })).toMatchObject({ code: 'timed_out' });
    expect(requests).toEqual([]);
    finish();
  });
});

describe('an abort', () => {
  const REASONS = [
    ['an Error', new Error('enough')],
    ['null', null],
    ['text', 'enough'],
  ] as const;

  it.each(REASONS)('before the request sends nothing: %s', async (_, reason) => {
    const { send, controller, requests, finish } = setUp([{ status: 200 }]);
    controller.abort(reason);
    expect(await rejection(send())).toBe(reason);
    expect(requests).toEqual([]);
    finish();
  });

  it('while the key is fetched sends nothing', async () => {
    let give = (_: string): void => {};
    const { send, controller, requests, clock, finish } = setUp([{ status: 200 }], {
      apiKey: () => new Promise((resolve) => (give = resolve)),
    });
    const work = rejection(send());
    controller.abort('enough');
    expect(await work).toBe('enough');
    give(KEY);
    await clock.advance(1_000);
    expect(requests).toEqual([]);
    finish();
  });

  it.each(REASONS)('during the headers: %s', async (_, reason) => {
    const { send, controller, clock, finish } = setUp(['nothing']);
    const work = rejection(send());
    await clock.advance(0);
    controller.abort(reason);
    expect(await work).toBe(reason);
    finish();
  });

  it('cancels the body of a response that comes after it', async () => {
    const { response, cancelled } = endless();
    let answer = (_: Response): void => {};
    const { send, controller, clock, finish } = setUp(() => new Promise((resolve) => (answer = resolve)));
    const work = rejection(send());
    await clock.advance(0);
    controller.abort('enough');
    expect(await work).toBe('enough');
    answer(response);
    await clock.advance(0);
    expect(cancelled).toHaveLength(1);
    finish();
  });

  it.each(REASONS)('during the body, which is cancelled: %s', async (_, reason) => {
    const { response, cancelled } = endless();
    const { send, controller, clock, finish } = setUp(() => response);
    const work = rejection(send());
    await clock.advance(0);
    controller.abort(reason);
    expect(await work).toBe(reason);
    await clock.advance(0);
    expect(cancelled).toEqual([reason]);
    finish();
  });

  it('reaches the request that fetch was given', async () => {
    let seen: AbortSignal | undefined;
    const { send, controller, clock, finish } = setUp((request) => {
      seen = request.signal;
      return new Promise<Response>(() => {});
    });
    const work = rejection(send());
    await clock.advance(0);
    expect(seen?.aborted).toBe(false);
    controller.abort('enough');
    await work;
    expect(seen?.aborted).toBe(true);
    finish();
  });
});

describe('a body', () => {
  it.each([
    ['JSON', { status: 200, body: { a: [1, 'é'] } }, { a: [1, 'é'] }],
    ['JSON of another 2xx', { status: 202, body: { a: 1 } }, { a: 1 }],
    [
      'JSON under another name',
      { status: 200, text: '{"a":1}', headers: { 'content-type': 'text/plain' } },
      { a: 1 },
    ],
    ['JSON after a byte order mark', { status: 200, text: '\uFEFF{"a":1}' }, { a: 1 }],
    ['a bare null', { status: 200, text: 'null' }, null],
    ['nothing, although called JSON', { status: 200, text: '' }, undefined],
    ['white space', { status: 200, text: ' \n' }, undefined],
    ['none at all', { status: 204 }, undefined],
  ] as const)('is read: %s', async (_, answer, expected) => {
    const { send, clock, finish } = setUp([answer]);
    expect(await clock.drive(send())).toEqual(expected);
    finish();
  });

  it('is read whole where it comes in pieces that split a character', async () => {
    const bytes = new TextEncoder().encode('{"a":"é€😀"}');
    const { send, clock, finish } = setUp(() => {
      const body = new ReadableStream({
        start(stream) {
          for (const byte of bytes) stream.enqueue(Uint8Array.of(byte));
          stream.close();
        },
      });
      return new Response(body);
    });
    expect(await clock.drive(send())).toEqual({ a: 'é€😀' });
    finish();
  });

  it('that was cut is worth another attempt', async () => {
    const { failure, finish } = setUp([
      { status: 200, text: '{"a": ', headers: { 'content-type': 'application/json; charset=utf-8' } },
    ]);
    expect(await failure()).toMatchObject({
      code: 'response_invalid',
      retryable: true,
      message:
        '/api/v1/thing answered 200 with malformed JSON. Something may have cut it on the way: try again',
    });
    finish();
  });

  it('that is another server’s page is not', async () => {
    const { failure, finish } = setUp([
      { status: 200, text: '<html>', headers: { 'content-type': 'text/html' } },
    ]);
    expect(await failure()).toMatchObject({
      code: 'response_invalid',
      retryable: false,
      message:
        '/api/v1/thing answered 200 with "text/html" instead of JSON. Is the base URL that of a Tinker server?',
    });
    finish();
  });

  it('whose connection breaks is a connection that failed', async () => {
    const { failure, finish } = setUp(() => {
      const body = new ReadableStream({
        start: (stream) => stream.error(new TypeError('terminated')),
      });
      return new Response(body);
    });
    expect(await failure()).toMatchObject({
      code: 'connection_failed',
      retryable: true,
      message:
        'The answer of https://tinker.test was cut: terminated. Something cut it on the way: try again',
    });
    finish();
  });
});

describe('the key', () => {
  const echo = { error: `the key ${KEY} is unknown`, detail: KEY };
  const fetchFailure = (): never => {
    throw new TypeError(`invalid header value: ${KEY}`);
  };

  it.each<readonly [string, Answer]>([
    ['401', { status: 401, body: echo }],
    ['400', { status: 400, body: echo }],
    ['503', { status: 503, body: echo }],
    ['an error page', { status: 500, text: `<p>${KEY}</p>`, headers: { 'content-type': 'text/html' } }],
    ['a long error page', { status: 500, text: `${'x'.repeat(3_990)}${KEY}` }],
    [
      'a page instead of JSON',
      { status: 200, text: `<p>${KEY}</p>`, headers: { 'content-type': 'text/html' } },
    ],
    ['malformed JSON', { status: 200, text: `"${KEY}" and more` }],
    ['malformed JSON that starts with it', { status: 200, text: KEY }],
  ])('is in no part of the error that is made of %s', async (_, answer) => {
    const { failure, finish } = setUp([answer]);
    const error = await failure({ requestId: 'r-1' });
    expect(isTinkerError(error)).toBe(true);
    const clone = structuredClone(error);
    const parts = [
      error.message,
      error.stack,
      JSON.stringify(error),
      inspect(error, { depth: 9 }),
      inspect(clone),
    ];
    for (const part of parts) expect(part).not.toContain('canary');
    finish();
  });

  it('is not in the words of a connection that failed', async () => {
    const { failure, finish } = setUp(fetchFailure);
    const error = await failure();
    expect(error.code).toBe('connection_failed');
    expect(error.message).toBe(
      'Could not reach https://tinker.test: invalid header value: [redacted]. Is baseUrl right? A proxy or a firewall may stand in between',
    );
    expect(error.stack).not.toContain('canary');
    finish();
  });

  it('is taken out of a success that repeats it, so that no error made of it later has it', async () => {
    const { send, clock, finish } = setUp([{ status: 200, body: { error: `bad key ${KEY}` } }]);
    expect(await clock.drive(send())).toEqual({ error: 'bad key [redacted]' });
    finish();
  });

  it('that is a common word does not disturb what a success says', async () => {
    for (const apiKey of ['metrics', 'tml-test']) {
      const body = { metrics: { 'loss:sum': 1 }, note: 'tml-test' };
      const { send, clock, finish } = setUp([{ status: 200, body }], { apiKey });
      expect(await clock.drive(send())).toEqual(body);
      finish();
    }
  });

  it.each<readonly [string, unknown, string]>([
    ['a line end', `${KEY}\n`, 'another string'],
    ['nothing', '', 'another string'],
    ['letters beyond ASCII', `${KEY}é`, 'another string'],
    ['no string', undefined, 'undefined'],
    ['an object', { key: KEY }, 'an object'],
  ])('is refused without being shown when a function gives %s', async (_, given, shown) => {
    const { failure, requests, finish } = setUp([], { apiKey: () => given as string });
    const error = await failure();
    expect(error).toMatchObject({
      code: 'input_invalid',
      message: `"apiKey" must give a key of visible ASCII characters, gave ${shown}`,
    });
    expect(inspect(error)).not.toContain('canary');
    expect(requests).toEqual([]);
    finish();
  });

  it('that a function cannot give is a failure that says nothing of the server, and may pass', async () => {
    const reason = new Error('the vault is shut');
    const { failure, requests, finish } = setUp([], { apiKey: () => Promise.reject(reason) });
    expect(await failure()).toMatchObject({
      code: 'connection_failed',
      message: 'The apiKey function failed. What it threw is the cause of this error',
      isLocal: true,
      isUnsent: true,
      retryable: true,
      cause: reason,
    });
    expect(requests).toEqual([]);
    finish();
  });
});

describe('an error', () => {
  it('keeps the operation it was about', async () => {
    const { failure, finish } = setUp([{ status: 404, body: { detail: 'unknown future' } }]);
    expect(await failure({ requestId: 'r-7' })).toMatchObject({ requestId: 'r-7', status: 404 });
    finish();
  });

  it('reads a Retry-After date by the client’s clock', async () => {
    const clock = createVirtualClock();
    const date = new Date(clock.now() + 9_000).toUTCString();
    const { failure, finish } = setUp([{ status: 503, headers: { 'retry-after': date } }], { clock });
    const error = (await failure()) as TinkerApiError;
    // HTTP dates have whole seconds.
    expect(error.retryAfterMs).toBe(Math.floor((clock.now() + 9_000) / 1000) * 1000 - clock.now());
    expect(clock.pending).toBe(0);
    finish();
  });
});

describe('a redirect', () => {
  it('is not followed: the key would go along', async () => {
    const { failure, requests, finish } = setUp((request) => {
      expect(request.redirect).toBe('manual');
      return new Response(null, { status: 307, headers: { location: 'https://elsewhere.test/' } });
    });
    const error = await failure();
    expect(error).toMatchObject({ code: 'http_status', status: 307, retryable: false });
    expect(error.message).toBe(
      '/api/v1/thing answered 307, a redirect to https://elsewhere.test/. ' +
        'Redirects are not followed with an API key; use the address itself as baseUrl',
    );
    expect(requests).toHaveLength(1);
    finish();
  });

  it('is recognised where a page sees nothing but that there was one', async () => {
    const { failure, finish } = setUp(() => Object.defineProperty(new Response(), 'status', { value: 0 }));
    expect((await failure()).message).toMatch(/^\/api\/v1\/thing answered a redirect\. Redirects are not/);
    finish();
  });
});

describe('what fails before anything is sent', () => {
  it.each<readonly [string, Partial<TransportRequest>]>([
    ['a header that cannot be sent', { headers: { 'x-own': 'lauf–1' } }],
    [
      'a body that cannot be written',
      {
        body: {
          toJSON: () => {
            throw new RangeError('Invalid string length');
          },
        },
      },
    ],
  ])('%s is told as it is, and never counts as sent', async (_, request) => {
    const { failure, requests, finish } = setUp([{ status: 200, body: {} }]);
    let sent = 0;
    const error = await failure({ ...request, onSend: () => sent++ });
    expect(isTinkerError(error, 'connection_failed')).toBe(false);
    expect([requests.length, sent]).toEqual([0, 0]);
    finish();
  });
});

describe('a fetch of the user', () => {
  it('that fails with an error of ours has not been misused: it is a connection that failed', async () => {
    const inner = new TinkerInputError('apiKey', 'must give a key');
    const { failure, finish } = setUp(() => Promise.reject(inner));
    expect(await failure()).toMatchObject({ code: 'connection_failed', retryable: true });
    finish();
  });
});
