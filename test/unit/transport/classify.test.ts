import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../src/kernel/bytes.ts';
import {
  type Answer,
  connectionError,
  isRouteMissing,
  readBody,
  statusError,
} from '../../../src/transport/classify.ts';

const NOW = 1_700_000_000_000;

function answer(status: number, body: unknown = '', headers: Record<string, string> = {}): Answer {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return {
    path: '/api/v1/thing',
    status,
    headers: new Headers(headers),
    text,
    bytes: encodeUtf8(text),
    requestId: 'r-1',
  };
}

describe('statusError', () => {
  it.each([
    [302, false],
    [400, false],
    [401, false],
    [402, false],
    [403, false],
    [404, false],
    [405, false],
    [408, true],
    [409, false],
    [410, false],
    [413, false],
    [422, false],
    [429, true],
    [500, true],
    [501, true],
    [502, true],
    [503, true],
    [504, true],
    [529, true],
    [599, true],
  ])('makes %d retryable: %s', (status, retryable) => {
    const error = statusError(answer(status, { detail: 'why' }), NOW);
    expect(error).toMatchObject({ code: 'http_status', status, retryable, requestId: 'r-1' });
  });

  it.each([
    [500, 'false', false],
    [429, 'FALSE', false],
    [409, 'true', true],
    [400, 'True', true],
    [503, 'maybe', true],
    [404, '', false],
  ])('lets the server overrule it: %d with x-should-retry %s', (status, wish, retryable) => {
    const error = statusError(answer(status, 'why', { 'x-should-retry': wish }), NOW);
    expect(error.retryable).toBe(retryable);
  });

  it('takes a 400 with nothing in it for a proxy’s', () => {
    expect(statusError(answer(400, ''), NOW).retryable).toBe(true);
    expect(statusError(answer(400, ' \n'), NOW).retryable).toBe(true);
    expect(statusError(answer(400, '{}'), NOW).retryable).toBe(false);
  });

  it.each<readonly [number, unknown, string]>([
    [500, '', '/api/v1/thing answered 500. The server is in trouble: try again later'],
    [
      500,
      'Internal Server Error',
      '/api/v1/thing answered 500: Internal Server Error. The server is in trouble: try again later',
    ],
    [
      502,
      '<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>secret</body></html>',
      '/api/v1/thing answered 502: Bad Gateway. The server is in trouble: try again later',
    ],
    [418, '<html><p>tea</p></html>', '/api/v1/thing answered 418: a page of HTML'],
    [422, { detail: 'no such loss' }, '/api/v1/thing answered 422: no such loss'],
    [
      401,
      { detail: 'bad key' },
      '/api/v1/thing answered 401: bad key. Check the API key; where another header is to carry it, set authScheme',
    ],
    [402, '', '/api/v1/thing answered 402. Check the billing of the account'],
    [
      404,
      { detail: 'Not Found' },
      '/api/v1/thing answered 404: Not Found. This server has no such route; is the base URL right?',
    ],
    [404, { detail: 'Model not found' }, '/api/v1/thing answered 404: Model not found'],
    [
      405,
      { detail: 'Method Not Allowed' },
      '/api/v1/thing answered 405: Method Not Allowed. This server has no such route; is the base URL right?',
    ],
  ])('says of %d with %j: %s', (status, body, message) => {
    expect(statusError(answer(status, body), NOW).message).toBe(message);
  });

  it.each([
    ['Sampling session not found', 'The server has lost the sampling session: create the client anew'],
    ['Checkpoint not found: m/none', 'The weights to sample from are not there: is modelPath right?'],
  ])('tells a sampling session that is gone from weights that never were: %s', (detail, hint) => {
    const sample = { ...answer(404, { detail }), path: '/api/v1/asample' };
    expect(statusError(sample, NOW).hint).toBe(hint);
  });

  it('keeps the body: parsed, or as text, and of a long one the beginning', () => {
    expect(statusError(answer(500, { a: [1] }), NOW).body).toEqual({ a: [1] });
    expect(statusError(answer(500, 'oh no'), NOW).body).toBe('oh no');
    const long = statusError(answer(500, { detail: 'x'.repeat(9_000) }), NOW);
    expect((long.body as string).length).toBe(4_000);
    expect(long.message.length).toBeLessThan(600);
  });

  it('carries the server’s hint as sent', () => {
    expect(statusError(answer(429, '', { 'retry-after': '7.5' }), NOW).retryAfterMs).toBe(7_500);
    expect(statusError(answer(429, '', { 'retry-after-ms': '90000000' }), NOW).retryAfterMs).toBe(90_000_000);
    expect(statusError(answer(429, ''), NOW).retryAfterMs).toBeUndefined();
  });
});

describe('readBody', () => {
  it('calls a body JSON if it is, whatever its type', () => {
    expect(readBody(answer(200, '{"a":1}', { 'content-type': 'text/html' }))).toEqual({ a: 1 });
    expect(readBody(answer(200, '', { 'content-type': 'application/json' }))).toBeUndefined();
  });

  it.each([
    ['application/json', true],
    ['application/problem+JSON', true],
    ['text/plain', false],
    ['', false],
  ])('finds a broken body of type "%s" retryable: %s', (type, retryable) => {
    const headers: Record<string, string> = type === '' ? {} : { 'content-type': type };
    expect(() => readBody(answer(200, '{"a"', headers))).toThrow(
      expect.objectContaining({ code: 'response_invalid', retryable, requestId: 'r-1' }),
    );
  });
});

describe('connectionError', () => {
  const coded = Object.assign(new Error(''), { code: 'ECONNRESET' });
  it.each<readonly [unknown, string]>([
    [new TypeError('Failed to fetch'), 'Failed to fetch'],
    [
      new TypeError('fetch failed', { cause: new Error('getaddrinfo ENOTFOUND h') }),
      'fetch failed: getaddrinfo ENOTFOUND h',
    ],
    [new TypeError('fetch failed', { cause: coded }), 'fetch failed: ECONNRESET'],
    [new Error('same', { cause: new Error('same') }), 'same'],
    [Object.assign(new Error(''), { name: 'NetworkError' }), 'NetworkError'],
    ['a string', 'a string'],
    [undefined, 'undefined'],
  ])('tells what went wrong: %o', (cause, words) => {
    const error = connectionError('https://h', cause, ['tml-key']);
    expect(error.message).toBe(`Could not reach https://h: ${words}. ${error.hint}`);
    const { name, message } = Object(cause) as { name?: string; message?: string };
    expect(error.cause).toEqual(cause instanceof Error ? expect.objectContaining({ name, message }) : cause);
    expect(error).toMatchObject({ code: 'connection_failed', retryable: true });
  });

  it.each<readonly [string, unknown, boolean]>([
    ['Node', new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:9') }), true],
    ['Node, a name', new TypeError('fetch failed', { cause: new Error('getaddrinfo ENOTFOUND h') }), true],
    ['Bun', Object.assign(new Error(''), { code: 'ConnectionRefused' }), true],
    ['Deno', new TypeError('error sending request: tcp connect error: Connection refused'), true],
    ['Deno, a name', new TypeError('dns error: failed to lookup address information'), true],
    ['a page', new TypeError('Failed to fetch'), false],
    ['workerd', new Error('Network connection lost.'), false],
    ['Node, cut', new TypeError('fetch failed', { cause: new Error('read ECONNRESET') }), false],
  ])('knows whether anything can have been sent: %s', (_, cause, isUnsent) => {
    expect(connectionError('https://h', cause, []).isUnsent).toBe(isUnsent);
  });

  it('does not follow a ring of causes for ever', () => {
    const ring = new Error('a');
    ring.cause = new Error('b', { cause: ring });
    expect(connectionError('https://h', ring, ['tml-key']).message).toMatch(
      /^Could not reach https:\/\/h: a: b\./,
    );
  });
});

describe('isRouteMissing', () => {
  it.each([
    [404, { detail: 'Not Found' }, true],
    [404, { detail: 'Session not found' }, false],
    [404, '', false],
    [405, { detail: 'Method Not Allowed' }, true],
    [501, '', true],
    [410, { detail: 'Not Found' }, false],
  ])('says of %d with %j: %s', (status, body, isMissing) => {
    expect(isRouteMissing(statusError(answer(status, body), NOW))).toBe(isMissing);
  });
});
