import cl100k from 'js-tiktoken/ranks/cl100k_base';
import o200k from 'js-tiktoken/ranks/o200k_base';
import { describe, expect, it } from 'vitest';
import { tiktoken, tiktokenTokenizer } from '../../src/tokenizer/tiktoken.ts';
import { compareLongTexts, compareWithReference, goldenBytes } from '../support/golden-tokenizers.ts';
import { tiktokenFile } from '../support/tiktoken-file.ts';

const files = { cl100k: tiktokenFile(cl100k), o200k: tiktokenFile(o200k) };

/** As tiktoken's own Python code has it since 0.9: with quantifiers that keep what they took. */
const CL100K_POSSESSIVE = String.raw`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s`;

const kimi = () =>
  tiktoken.load(
    {
      'tiktoken.model': files.o200k,
      'tokenizer_config.json': goldenBytes('small/kimi_tokenizer_config.json'),
    },
    'moonshotai/Kimi-K2-Thinking',
  );

const families = {
  cl100k: async () =>
    tiktokenTokenizer({ file: files.cl100k, pattern: cl100k.pat_str, specialTokens: cl100k.special_tokens }),
  o200k: async () =>
    tiktokenTokenizer({ file: files.o200k, pattern: o200k.pat_str, specialTokens: o200k.special_tokens }),
  kimi,
};

describe('tokenizers of tiktoken’s format agree with the Python package', () => {
  it.each(Object.entries(families))('%s', async (name, load) => {
    const { checks, failures } = compareWithReference(name, await load());
    expect(failures).toEqual([]);
    expect(checks).toBeGreaterThan(490);
  });

  it.each(Object.entries(families))('%s, on texts of a megabyte and on long runs', async (name, load) => {
    expect(compareLongTexts(name, await load()).failures).toEqual([]);
  });

  it('cl100k, with a pattern whose quantifiers keep what they took', () => {
    const options = { file: files.cl100k, specialTokens: cl100k.special_tokens };
    const tokenizer = tiktokenTokenizer({ ...options, pattern: CL100K_POSSESSIVE });
    expect(compareWithReference('cl100k', tokenizer).failures).toEqual([]);
  });
});

describe('a text that spells special tokens', () => {
  it('gives none of their ids unless they are asked for', async () => {
    const tokenizer = await kimi();
    const special = new Set(tokenizer.addedTokens.filter(({ isSpecial }) => isSpecial).map(({ id }) => id));
    const every = new Set(tokenizer.addedTokens.map(({ id }) => id));
    const text = tokenizer.addedTokens.map((token) => token.text).join('');
    expect([...tokenizer.encode(text)].filter((id) => every.has(id))).toEqual([]);
    expect([...tokenizer.encode(text, { addedTokens: 'ordinary' })].filter((id) => special.has(id))).toEqual(
      [],
    );
    expect([...tokenizer.encode(text, { addedTokens: 'all' })]).toEqual([...every]);
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });
});
