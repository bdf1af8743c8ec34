import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { sha256Hex } from '../../../src/kernel/digest.ts';

describe('sha256Hex', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('is the digest of FIPS 180-4, as much of it as is asked for', async () => {
    const whole = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(await sha256Hex('abc', 32)).toBe(whole);
    expect(await sha256Hex('abc')).toBe(whole.slice(0, 32));
    expect(await sha256Hex('abc', 1)).toBe('ba');
    expect(await sha256Hex('')).toBe('e3b0c44298fc1c149afbf4c8996fb924');
  });

  it('digests the UTF-8 of any text', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', '\0', 'é', '€', '😀', '\u0301', '\ud800') });
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 32 }), async (text, bytes) => {
        const expected = createHash('sha256').update(text, 'utf8').digest('hex');
        expect(await sha256Hex(text, bytes)).toBe(expected.slice(0, 2 * bytes));
      }),
      { numRuns: 30 },
    );
  });

  it('is not there on plain http pages', async () => {
    vi.stubGlobal('crypto', { getRandomValues: () => {} });
    expect(await sha256Hex('abc')).toBeUndefined();
  });
});
