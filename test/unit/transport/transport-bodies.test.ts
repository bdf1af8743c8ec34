import { describe, expect, it } from 'vitest';
import { isTinkerError } from '../../../src/kernel/errors.ts';
import { type Answer, scriptedFetch } from '../../../src/testing/scripted-fetch.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import type { Answer as Heard } from '../../../src/transport/classify.ts';
import { secretsIn, secretsOf } from '../../../src/transport/redact.ts';
import {
  createTransport,
  type TransportOptions,
  type TransportRequest,
} from '../../../src/transport/transport.ts';
import { driveToRejection } from '../../support/settled.ts';

const KEY = 'tml-canary-key-that-nobody-may-see';

function setUp(answer: Answer, options: Partial<TransportOptions> = {}) {
  const clock = createVirtualClock();
  const { fetch, requests } = scriptedFetch({ thing: [answer] });
  const transport = createTransport({
    baseUrl: 'https://tinker.test',
    credential: async () => KEY,
    authScheme: 'x-api-key',
    fetch,
    clock,
    defaultHeaders: {},
    ...options,
  });
  const { signal } = new AbortController();
  const send = (request: Partial<TransportRequest> = {}): Promise<unknown> =>
    clock.drive(
      transport.send({ method: 'POST', path: '/api/v1/thing', signal, timeoutMs: 60_000, ...request }),
    );
  return {
    send,
    failure: (request?: Partial<TransportRequest>) => driveToRejection(clock, send(request)),
    last: () => requests.at(-1),
    clock,
  };
}

const echo: Answer = async (request) => {
  const headers = Object.fromEntries(request.headers);
  return Response.json({ detail: { headers, body: await request.clone().text() } }, { status: 422 });
};

describe('a body that is not JSON', () => {
  const bytes = Uint8Array.of(0, 255, 10, 13, 128);

  it('goes as it is, with its type, and its encoding where it has one', async () => {
    const { send, last } = setUp({ status: 200 });
    await send({ body: { bytes, contentType: 'application/x-protobuf' } });
    expect(last()?.bytes).toEqual(bytes);
    expect(last()?.headers.get('content-type')).toBe('application/x-protobuf');
    expect(last()?.headers.get('content-encoding')).toBeNull();
    await send({ body: { bytes, contentType: 'application/x-protobuf', contentEncoding: 'zstd' } });
    expect(last()?.headers.get('content-encoding')).toBe('zstd');
  });

  it('is not mistaken for JSON that has bytes in it', async () => {
    const { send, last } = setUp({ status: 200 });
    const body = { bytes: 5, contentType: 'x' };
    await send({ body });
    expect(last()?.body).toEqual(body);
    expect(last()?.headers.get('content-type')).toBe('application/json');
  });

  it('of no bytes is a body all the same', async () => {
    const { send, last } = setUp({ status: 200 });
    await send({ body: { bytes: new Uint8Array(), contentType: 'application/x-protobuf' } });
    expect([last()?.bytes.length, last()?.headers.get('content-type')]).toEqual([
      0,
      'application/x-protobuf',
    ]);
  });
});

describe('an answer in protobuf', () => {
  const bytes = Uint8Array.of(10, 2, 255, 254);
  const answer =
    (contentType: string, status = 200): Answer =>
    () =>
      new Response(bytes, { status, headers: { 'content-type': contentType } });

  it.each(['application/x-protobuf', 'Application/X-Protobuf; charset=binary'])(
    'is its bytes, by what it says it is: %s',
    async (type) => {
      const { send } = setUp(answer(type));
      expect(await send()).toEqual(bytes);
    },
  );

  it('may have no bytes', async () => {
    const { send } = setUp(
      () => new Response(null, { headers: { 'content-type': 'application/x-protobuf' } }),
    );
    expect(await send()).toEqual(new Uint8Array());
  });

  it('of an error is an error', async () => {
    const { failure } = setUp(answer('application/x-protobuf', 400));
    expect(await failure()).toMatchObject({ code: 'http_status', status: 400 });
  });

  it('is not guessed: other bytes are no JSON', async () => {
    const { failure } = setUp(answer('application/octet-stream'));
    expect(await failure()).toMatchObject({ code: 'response_invalid' });
  });

  it('is what one asks for, and JSON where one does not', async () => {
    const { send, last } = setUp({ status: 200 });
    await send({ accept: 'application/x-protobuf, application/json' });
    expect(last()?.headers.get('accept')).toBe('application/x-protobuf, application/json');
    await send();
    expect(last()?.headers.get('accept')).toBe('application/json');
  });
});

describe('an answer that is special', () => {
  it.each([200, 204, 302, 404, 500])('is what is made of it, whatever its status: %d', async (status) => {
    const headers = { location: 'https://elsewhere.test/file', 'content-type': 'text/plain' };
    const { send } = setUp({ status, text: 'not JSON', headers });
    const heard: Heard[] = [];
    const special = (answer: Heard) => {
      heard.push(answer);
      return { value: answer.headers.get('location') };
    };
    expect(await send({ special, path: '/api/v1/thing?a=1', requestId: 'r' })).toBe(
      'https://elsewhere.test/file',
    );
    expect(heard).toMatchObject([
      { status, path: '/api/v1/thing', text: status === 204 ? '' : 'not JSON', requestId: 'r' },
    ]);
  });

  it('may be of no value at all', async () => {
    const { send } = setUp({ status: 500 });
    expect(await send({ special: () => ({ value: undefined }) })).toBeUndefined();
  });

  it('is like any other where nothing is made of it', async () => {
    const { send } = setUp({ status: 200, body: { a: 1 } });
    expect(await send({ special: () => undefined })).toEqual({ a: 1 });
    const { failure } = setUp({ status: 404 });
    expect(await failure({ special: () => undefined })).toMatchObject({ status: 404 });
  });

  it('shows no secret', async () => {
    const headers = { location: `https://elsewhere.test/?key=${KEY}` };
    const { send } = setUp({ status: 302, text: `key ${KEY}`, headers });
    const told = await send({ special: ({ text, headers }) => ({ value: [text, headers.get('location')] }) });
    expect(told).toEqual(['key [redacted]', 'https://elsewhere.test/?key=[redacted]']);
  });
});

describe('a request in somebody else’s name', () => {
  it.each<readonly [TransportOptions['authScheme'], string | null, string | null]>([
    ['x-api-key', 'tml-theirs', null],
    ['bearer', null, 'Bearer tml-theirs'],
    ['both', 'tml-theirs', 'Bearer tml-theirs'],
  ])('carries their key in place of ours: %s', async (authScheme, key, bearer) => {
    const { send, last } = setUp({ status: 200 }, { authScheme });
    await send({ credential: async () => 'tml-theirs' });
    expect([last()?.headers.get('x-api-key'), last()?.headers.get('authorization')]).toEqual([key, bearer]);
    await send();
    expect(`${last()?.headers.get('x-api-key')} ${last()?.headers.get('authorization')}`).toContain(KEY);
  });

  it('does not show it', async () => {
    const { failure } = setUp(echo);
    const error = await failure({ credential: async () => 'tml-theirs' });
    expect(JSON.stringify(error)).not.toContain('tml-theirs');
    expect(JSON.stringify(error)).toContain('[redacted]');
  });

  it('fails like any other where it cannot be had, and sends nothing', async () => {
    const { failure, last } = setUp({ status: 200 });
    const reason = new Error('no');
    expect(await failure({ credential: () => Promise.reject(reason) })).toBe(reason);
    expect(last()).toBeUndefined();
  });
});

describe('the secrets of a request', () => {
  it('are not shown: those in headers of its own, and the token for somebody’s weights in its body', async () => {
    const { failure } = setUp(echo, { defaultHeaders: { 'x-gateway-secret': 'canary-gateway' } });
    const error = await failure({
      headers: { 'x-upload-token': 'canary-upload', 'x-visible': 'shown' },
      body: { weights_access_token: 'canary-weights', path: 'tinker://r/weights/x' },
    });
    const told = `${(error as Error).stack}${JSON.stringify(error)}`;
    for (const secret of ['canary-gateway', 'canary-upload', 'canary-weights', KEY])
      expect(told).not.toContain(secret);
    expect(told).toContain('shown');
    expect(told).toContain('tinker://r/weights/x');
  });

  it('are not the key of its repetitions, of which a server may make the request’s id', async () => {
    const { send } = setUp((request) =>
      Response.json({ request_id: request.headers.get('x-idempotency-key') }),
    );
    const headers = { 'x-idempotency-key': 'isotinker-0123456789abcdef' };
    expect(await send({ headers })).toEqual({ request_id: 'isotinker-0123456789abcdef' });
    expect(secretsOf({ ...headers, 'X-Idempotency-Key': 'b', 'x-other-key': 'c' })).toEqual(['c']);
  });

  it('in a body are texts at its top', () => {
    expect(
      secretsIn({ weights_access_token: 'a', target_tokens: 'b', data: { weights_access_token: 'c' } }),
    ).toEqual(['a']);
    expect(secretsIn({ weights_access_token: 5 })).toEqual([]);
    expect(secretsIn({})).toEqual([]);
  });

  it('are errors of ours all the same', async () => {
    expect(isTinkerError(await setUp(echo).failure(), 'http_status')).toBe(true);
  });
});
