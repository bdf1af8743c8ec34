import fc from 'fast-check';
import { expect, it } from 'vitest';
import { byteTokenizer as emulators } from '../../../src/emulator/byte-tokens.ts';
import { byteTokenizer } from '../../../src/tokenizer/byte-tokenizer.ts';
import { thrown } from '../../support/settled.ts';

const tokenizer = byteTokenizer();

it('does what the emulator’s does', () => {
  expect(tokenizer.vocabSize).toBe(emulators.vocabularySize);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(tokenizer.encode(text)).toEqual(emulators.encode(text));
    }),
  );
  fc.assert(
    fc.property(fc.array(fc.nat(255)), (ids) => {
      expect(tokenizer.decode(ids)).toBe(emulators.decode(ids));
    }),
  );
});

it('knows the tokens that are one byte', () => {
  expect(['a', '\0', '', 'ab', 'é'].map((text) => tokenizer.tokenId(text))).toEqual([
    97,
    0,
    undefined,
    undefined,
    undefined,
  ]);
});

it('refuses what is no text, and what is no token', () => {
  expect(thrown(() => tokenizer.encode(1 as never))).toMatchObject({ field: 'text' });
  expect(thrown(() => tokenizer.decode([1, 256]))).toMatchObject({
    field: 'ids[1]',
    message: expect.stringContaining('must be an integer >= 0 and <= 255, got 256'),
  });
});

it('has a name of its own, and a chat template', () => {
  expect(tokenizer.fingerprint).toMatch(/^[0-9a-f]{32}$/);
  expect(tokenizer.fingerprint).toBe(byteTokenizer().fingerprint);
  expect(tokenizer.chatTemplate?.source).toContain('add_generation_prompt');
  expect(tokenizer.addedTokens).toEqual([]);
});
