import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lifetimeOf, readClaims } from '../../../src/kernel/json-web-token.ts';
import { tokenWith } from '../../support/tokens.ts';

describe('claims', () => {
  it('are read whatever is in them: any JSON object', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (claims) => {
        expect(JSON.stringify(readClaims(tokenWith(claims)))).toBe(JSON.stringify(claims));
      }),
    );
  });

  it('may hold any letter', () => {
    expect(readClaims(tokenWith({ email: 'jörg@büro.de', name: '漢字 🎉 ??>>' }))).toEqual({
      email: 'jörg@büro.de',
      name: '漢字 🎉 ??>>',
    });
  });

  it.each([
    ['', 'nothing'],
    ['no-dots', 'a word'],
    ['a.%%%.c', 'no base64'],
    ['a.aGVsbG8.c', 'no JSON'],
    [tokenWith([1]), 'a list'],
    [tokenWith(null), 'null'],
    [tokenWith('text'), 'a text'],
    ['..', 'empty parts'],
    ['eyJ.x', 'half a token'],
  ])('are undefined for a text that is no token: %s (%s)', (token) => {
    expect(readClaims(token)).toBeUndefined();
    expect(lifetimeOf(token, 0)).toBeUndefined();
  });
});

describe('the life of a token', () => {
  const now = 1_700_000_000_000;
  const seconds = now / 1_000;

  it('is what the local clock says where the token says only when it ends', () => {
    expect(lifetimeOf(tokenWith({ exp: seconds + 3_600 }), now)).toBe(3_600_000);
    expect(lifetimeOf(tokenWith({ exp: seconds - 100 }), now)).toBe(-100_000);
    expect(lifetimeOf(tokenWith({ exp: seconds + 0.5 }), now)).toBe(500);
  });

  it.each([-86_400_000, -1, 0, 1, 86_400_000])(
    'is what its two times say, whatever the local clock says: %d ms wrong',
    (skew) => {
      expect(lifetimeOf(tokenWith({ iat: seconds, exp: seconds + 3_600 }), now + skew)).toBe(3_600_000);
    },
  );

  it.each(['soon', null, true, undefined, {}])('is unknown where its end is no number: %j', (exp) => {
    expect(lifetimeOf(tokenWith({ iat: seconds, exp }), now)).toBeUndefined();
  });

  it.each(['then', null, {}])('is by the local clock where its beginning is no number: %j', (iat) => {
    expect(lifetimeOf(tokenWith({ iat, exp: seconds + 10 }), now)).toBe(10_000);
  });
});
