import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { toHex } from '../../../src/kernel/bytes.ts';
import { sha256 } from '../../../src/kernel/sha256.ts';

const reference = (...parts: readonly Uint8Array[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

it.each([0, 1, 55, 56, 63, 64, 65, 119, 120, 127, 128, 129, 1_000])('digests %i bytes', (length) => {
  const bytes = Uint8Array.from({ length }, (_, i) => i * 7);
  expect(toHex(sha256(bytes))).toBe(reference(bytes));
});

it('digests parts as if they were one', () => {
  const part = fc.uint8Array({ maxLength: 200 });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      expect(toHex(sha256(...parts))).toBe(reference(...parts));
    }),
  );
});

it('gives the digests of the standard', () => {
  const digest = (text: string) => toHex(sha256(new TextEncoder().encode(text)));
  expect(digest('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  expect(digest('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

it('agrees with another implementation, at every length around a block and from any offset', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(70), (bytes, start) => {
      const part = bytes.subarray(start);
      expect(toHex(sha256(part))).toBe(reference(part));
    }),
    { numRuns: 300 },
  );
  for (let length = 0; length <= 130; length++) {
    const bytes = new Uint8Array(length).fill(length);
    expect(toHex(sha256(bytes))).toBe(reference(bytes));
  }
});
