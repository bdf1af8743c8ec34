import { describe, expect, it } from 'vitest';
import { requestHeaders } from '../../../src/transport/headers.ts';

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
