import { describe, expect, it } from 'vitest';
import { redact, requestHeaders } from '../../../src/transport/headers.ts';

describe('requestHeaders', () => {
  it('has the credential and what the body needs', () => {
    expect(Object.fromEntries(requestHeaders('key', true, {}, undefined))).toEqual({
      accept: 'application/json',
      'content-type': 'application/json',
      'x-api-key': 'key',
    });
    expect(requestHeaders('key', false, {}, undefined).has('content-type')).toBe(false);
  });

  it('ranks: the user’s, then the call’s, then the library’s', () => {
    const headers = requestHeaders('key', true, { Accept: 'user' }, { accept: 'call', 'x-api-key': 'call' });
    expect(headers.get('accept')).toBe('user');
    expect(headers.get('x-api-key')).toBe('call');
  });
});

describe('redact', () => {
  it.each([
    ['a key-123 b key-123', 'key-123', 'a [redacted] b [redacted]'],
    ['nothing here', 'key-123', 'nothing here'],
    ['$& k$&y', 'k$&y', '$& [redacted]'],
    ['a.b axb', 'a.b', 'a.b axb'],
    ['abc', '', 'abc'],
  ])('turns %s without %s into %s', (text, credential, expected) => {
    expect(redact(text, credential)).toBe(expected);
  });

  it.each([
    ['failure', 'abc', false],
    ['failure', 'abcd', true],
    ['success', 'fifteen letters', false],
    ['success', 'sixteen letters!', true],
  ] as const)('in a %s takes "%s" out: %s', (kind, credential, isOut) => {
    expect(redact(`<${credential}>`, credential, kind)).toBe(isOut ? '<[redacted]>' : `<${credential}>`);
  });
});
