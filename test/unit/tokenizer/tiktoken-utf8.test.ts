import fc from 'fast-check';
import { expect, it } from 'vitest';
import { utf8Writer } from '../../../src/tokenizer/tiktoken/utf8.ts';

it('writes what the platform’s encoder does, text after text', () => {
  const write = utf8Writer();
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.nat(60), (text, times) => {
      const whole = text.repeat(times);
      const { bytes, length } = write(whole);
      expect(Buffer.compare(bytes.subarray(0, length), new TextEncoder().encode(whole))).toBe(0);
    }),
  );
});

it('does not keep the memory of a long text', () => {
  const write = utf8Writer();
  const { bytes } = write('é'.repeat(100_000));
  expect(bytes.length).toBe(300_000);
  expect(write('a').bytes.length).toBeLessThan(5000);
});
