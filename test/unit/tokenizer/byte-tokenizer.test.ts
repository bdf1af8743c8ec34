import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeUtf8, toHex } from '../../../src/kernel/bytes.ts';
import { sha256 } from '../../../src/kernel/sha256.ts';
import { byteTokenizer } from '../../../src/tokenizer/byte-tokenizer.ts';
import { thrown } from '../../support/settled.ts';

it('has the bytes of the text as ids', () => {
  expect([...byteTokenizer.encode('hé€')]).toEqual([104, 195, 169, 226, 130, 172]);
  expect(byteTokenizer.vocabSize).toBe(256);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(Buffer.from(byteTokenizer.encode(text))).toEqual(Buffer.from(text));
    }),
  );
  fc.assert(
    fc.property(fc.array(fc.nat(255)), (ids) => {
      expect(byteTokenizer.decode(ids)).toBe(Buffer.from(ids).toString());
    }),
  );
});

it('knows the tokens that are one byte', () => {
  expect(['a', '\0', '', 'ab', 'é'].map((text) => byteTokenizer.tokenId(text))).toEqual([
    97,
    0,
    undefined,
    undefined,
    undefined,
  ]);
});

it('refuses what is no text, and what is no token', () => {
  expect(thrown(() => byteTokenizer.encode(1 as never))).toMatchObject({ field: 'text' });
  expect(thrown(() => byteTokenizer.decode([1, 256]))).toMatchObject({
    field: 'ids[1]',
    message: expect.stringContaining('must be an integer >= 0 and <= 255, got 256'),
  });
});

it('has a name of its own, and a chat template', () => {
  expect(byteTokenizer.fingerprint).toMatch(/^[0-9a-f]{32}$/);
  expect(byteTokenizer.fingerprint).toBe(toHex(sha256(encodeUtf8('bytes')).subarray(0, 16)));
  expect(byteTokenizer.chatTemplate?.source).toContain('add_generation_prompt');
  expect(byteTokenizer.addedTokens).toEqual([]);
});
