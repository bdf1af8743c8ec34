import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, decodeUtf8, encodeUtf8 } from '../../../src/kernel/bytes.ts';

describe('bytes', () => {
  it('writes and reads UTF-8', () => {
    expect([...encodeUtf8('é€😀')]).toEqual([0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80]);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        fc.pre(!text.startsWith('\uFEFF'));
        expect(decodeUtf8(encodeUtf8(text))).toBe(text);
      }),
    );
  });

  it('replaces malformed sequences', () => {
    expect(decodeUtf8(Uint8Array.of(0x61, 0xff, 0x62))).toBe('a\uFFFDb');
  });

  it('joins parts in order, views included, into a buffer of their own', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (parts) => {
        const views = parts.map((part) => new Uint8Array([9, ...part, 9]).subarray(1, part.length + 1));
        const joined = concatBytes(views);
        expect([...joined]).toEqual(parts.flatMap((part) => [...part]));
        expect(joined.byteLength).toBe(joined.buffer.byteLength);
      }),
    );
    const part = Uint8Array.of(1);
    const joined = concatBytes([part]);
    part[0] = 2;
    expect(joined[0]).toBe(1);
  });
});
