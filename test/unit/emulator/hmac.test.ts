import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hmacSha256 } from '../../../src/emulator/hmac.ts';
import { toHex } from '../../../src/kernel/bytes.ts';

it('agrees on tags under a key', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 16 }), fc.string({ maxLength: 200, unit: 'binary' }), (key, text) => {
      expect(toHex(hmacSha256(key, text))).toBe(createHmac('sha256', key).update(text).digest('hex'));
    }),
  );
});
