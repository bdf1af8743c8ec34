import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { redact, redactError, redactHeaders, secretsOf } from '../../../src/transport/redact.ts';

describe('redact', () => {
  it.each([
    ['a key-123 b key-123', 'key-123', 'a [redacted] b [redacted]'],
    ['nothing here', 'key-123', 'nothing here'],
    ['$& k$&y', 'k$&y', '$& [redacted]'],
    ['a.b axb', 'a.b', 'a.b axb'],
    ['abc', '', 'abc'],
  ])('turns %s without %s into %s', (text, credential, expected) => {
    expect(redact(text, [credential])).toBe(expected);
  });

  it.each([
    ['failure', 'abc', false],
    ['failure', 'abcd', true],
    ['success', 'fifteen letters', false],
    ['success', 'sixteen letters!', true],
  ] as const)('in a %s takes "%s" out: %s', (kind, credential, isOut) => {
    expect(redact(`<${credential}>`, [credential], kind)).toBe(isOut ? '<[redacted]>' : `<${credential}>`);
  });
});

describe('secretsOf', () => {
  it('knows secret headers by their names, and takes the key out of its scheme', () => {
    const headers = {
      Authorization: 'Bearer abc-123',
      'CF-Access-Client-Secret': 'xyz',
      'x-request-id': 'r-1',
      'X-Api-Key': 'k 1 2',
    };
    expect(secretsOf(headers)).toEqual(['Bearer abc-123', 'abc-123', 'xyz', 'k 1 2']);
  });
});

describe('redactHeaders', () => {
  it('takes secrets out of values, and leaves clean headers as they are', () => {
    const dirty = new Headers({ location: 'https://h/?key=tml-secret', 'content-type': 'a/tml-secret' });
    expect([...redactHeaders(dirty, ['tml-secret'])]).toEqual([
      ['content-type', 'a/[redacted]'],
      ['location', 'https://h/?key=[redacted]'],
    ]);
    expect(redactHeaders(dirty, ['other-secret'])).toBe(dirty);
  });
});

describe('redactError', () => {
  const KEY = 'tml-canary-0123456789';

  it('keeps what helps, of every cause, and nothing else', () => {
    const inner = Object.assign(new TypeError(`bad ${KEY}`), { code: 'ECONNRESET' });
    const thrown = Object.assign(new Error(`fetch of ${KEY}`, { cause: inner }), {
      name: 'NetworkError',
      request: { headers: { 'x-api-key': KEY } },
    });
    const copy = redactError(thrown, [KEY]) as Error;
    expect([copy.name, copy.message, String(copy)]).toEqual([
      'NetworkError',
      'fetch of [redacted]',
      'NetworkError: fetch of [redacted]',
    ]);
    expect(copy.cause).toMatchObject({ name: 'TypeError', message: 'bad [redacted]', code: 'ECONNRESET' });
    expect(copy.stack).toContain('redact.test.ts');
    expect(inspect(copy, { depth: 9, showHidden: true })).not.toContain(KEY);
  });

  it('ends in a ring, and takes what is no error as it is, except objects', () => {
    const ring = new Error('a');
    ring.cause = new Error('b', { cause: ring });
    let depth = 0;
    for (let at: unknown = redactError(ring, []); at instanceof Error; at = at.cause) depth += 1;
    expect(depth).toBe(4);
    expect(redactError(`no ${KEY}`, [KEY])).toBe('no [redacted]');
    expect([redactError(5, []), redactError(undefined, []), redactError({ key: KEY }, [KEY])]).toEqual([
      5,
      undefined,
      undefined,
    ]);
  });
});
