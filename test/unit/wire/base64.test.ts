import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../../src/wire/base64.ts';
import { thrown } from '../../support/settled.ts';

describe('base64', () => {
  it('is what the platform makes of the same bytes, there and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = encodeBase64(bytes);
        expect(text).toBe(btoa(String.fromCharCode(...bytes)));
        expect(decodeBase64('x', text)).toEqual(bytes);
      }),
    );
  });

  it.each([
    ['', ''],
    ['f', 'Zg=='],
    ['fo', 'Zm8='],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg=='],
    ['\xfb\xef\xff', '++//'],
  ])('writes %j as %j (RFC 4648)', (raw, text) => {
    expect(encodeBase64(Uint8Array.from(raw, (char) => char.charCodeAt(0)))).toBe(text);
  });

  it('takes 50 MB without a deep stack or a long argument list', () => {
    const bytes = new Uint8Array(50_000_000).fill(255);
    bytes[0] = 1;
    const text = encodeBase64(bytes);
    expect(text.length).toBe(66_666_668);
    expect([text.slice(0, 4), text.slice(-4)]).toEqual(['Af//', '//8=']);
    const back = decodeBase64('x', text);
    expect([back.length, back[0], back.at(-1)]).toEqual([50_000_000, 1, 255]);
  });

  it.each([
    ['Zg', '"x" must be base64 with padding, a multiple of 4 characters, got 2 of them'],
    ['Zm8=\n', '"x" must be base64 with padding, a multiple of 4 characters, got 5 of them'],
    ['Zm-v', '"x" must be base64 in the standard alphabet, got "-" at 2'],
    ['Z===', '"x" must be base64 in the standard alphabet, got "=" at 1'],
    ['Zg==Zg==', '"x" must be base64 in the standard alphabet, got "=" at 2'],
    ['Zmé9', '"x" must be base64 in the standard alphabet, got "é" at 2'],
    [
      'data:image/png;base64,aaa',
      '"x" must be base64 with padding, a multiple of 4 characters, got 25 of them. Leave out the "data:…;base64," in front',
    ],
    [
      'data:image/png;base64,aaaaaa',
      '"x" must be base64 in the standard alphabet, got ":" at 4. Leave out the "data:…;base64," in front',
    ],
  ])('refuses %j', (text, message) => {
    expect(thrown(() => decodeBase64('x', text))).toMatchObject({ code: 'input_invalid', message });
  });
});
