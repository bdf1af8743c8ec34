import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { toHex } from '../../../src/kernel/bytes.ts';
import { sha256 } from '../../../src/tokenizer/sha256.ts';

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
