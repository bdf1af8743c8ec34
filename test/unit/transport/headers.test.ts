import { describe, expect, it } from 'vitest';
import { type HeaderParts, requestHeaders } from '../../../src/transport/headers.ts';

const headersOf = (parts: Partial<HeaderParts> = {}): Headers =>
  requestHeaders({
    credential: 'key',
    authScheme: 'x-api-key',
    accept: 'application/json',
    content: { type: 'application/json', encoding: undefined },
    defaults: {},
    own: undefined,
    ...parts,
  });

describe('requestHeaders', () => {
  it('has the credential and what the body needs', () => {
    expect(Object.fromEntries(headersOf())).toEqual({
      accept: 'application/json',
      'content-type': 'application/json',
      'x-api-key': 'key',
    });
    expect(headersOf({ content: undefined }).has('content-type')).toBe(false);
    const content = { type: 'application/x-protobuf', encoding: 'zstd' };
    expect(Object.fromEntries(headersOf({ content }))).toMatchObject({
      'content-type': 'application/x-protobuf',
      'content-encoding': 'zstd',
    });
  });

  it.each([
    ['x-api-key', 'key', null],
    ['bearer', null, 'Bearer key'],
    ['both', 'key', 'Bearer key'],
  ] as const)('item 40: sends the key as %s', (authScheme, key, authorization) => {
    const headers = headersOf({ authScheme });
    expect([headers.get('x-api-key'), headers.get('authorization')]).toEqual([key, authorization]);
  });

  it('ranks: the user’s, then the call’s, then the library’s', () => {
    const own = { accept: 'call', 'x-api-key': 'call' };
    const headers = headersOf({ defaults: { Accept: 'user' }, own });
    expect(headers.get('accept')).toBe('user');
    expect(headers.get('x-api-key')).toBe('call');
  });
});
