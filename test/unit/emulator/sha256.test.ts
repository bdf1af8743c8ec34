import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hmacSha256, sha256 } from '../../../src/emulator/sha256.ts';
import { toHex } from '../../../src/kernel/bytes.ts';

it('gives the digests of the standard', () => {
  const digest = (text: string) => toHex(sha256(new TextEncoder().encode(text)));
  expect(digest('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  expect(digest('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

it('agrees with another implementation, at every length around a block and from any offset', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(70), (bytes, start) => {
      const part = bytes.subarray(start);
      expect(toHex(sha256(part))).toBe(createHash('sha256').update(part).digest('hex'));
    }),
    { numRuns: 300 },
  );
  for (let length = 0; length <= 130; length++) {
    const bytes = new Uint8Array(length).fill(length);
    expect(toHex(sha256(bytes))).toBe(createHash('sha256').update(bytes).digest('hex'));
  }
});

it('agrees on tags under a key', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 16 }), fc.string({ maxLength: 200, unit: 'binary' }), (key, text) => {
      expect(toHex(hmacSha256(key, text))).toBe(createHmac('sha256', key).update(text).digest('hex'));
    }),
  );
});
