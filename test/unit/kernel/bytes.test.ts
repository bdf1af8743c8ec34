import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeUtf8, encodeUtf8, toHex } from '../../../src/kernel/bytes.ts';

describe('bytes', () => {
  it('writes and reads UTF-8', () => {
    expect([...encodeUtf8('é€😀')]).toEqual([0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80]);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(decodeUtf8(encodeUtf8(text))).toBe(text);
      }),
    );
  });

  it('keeps a byte order mark: it is text like any other', () => {
    expect(decodeUtf8(encodeUtf8('\uFEFFa'))).toBe('\uFEFFa');
  });

  it('replaces malformed sequences', () => {
    expect(decodeUtf8(Uint8Array.of(0x61, 0xff, 0x62))).toBe('a\uFFFDb');
  });
});

describe('toHex', () => {
  it('gives two digits a byte', () => {
    expect(toHex(Uint8Array.of(0, 1, 15, 16, 255))).toBe('00010f10ff');
    expect(toHex(new Uint8Array())).toBe('');
  });
});
