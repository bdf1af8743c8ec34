import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTinkerError } from '../../../src/index.ts';
import { type TiktokenOptions, tiktoken, tiktokenTokenizer } from '../../../src/tokenizer/tiktoken.ts';
import { rankFile } from '../../support/rank-file.ts';

const PATTERN = String.raw`\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
const options = {
  file: rankFile(['th', 'the', '\ufffd', 'é']),
  pattern: PATTERN,
  specialTokens: { '<|end|>': 300, '<|end|>!': 301, '🙂': 299 },
};
const tokenizer = tiktokenTokenizer(options);
const encode = (text: string, addedTokens?: 'none' | 'ordinary' | 'all') => [
  ...tokenizer.encode(text, { addedTokens }),
];
const bytes = (text: string) => [...new TextEncoder().encode(text)];
const refusal = (field: string, message: string) =>
  expect.objectContaining({ code: 'input_invalid', field, message: expect.stringContaining(message) });

describe('tiktokenTokenizer', () => {
  it('says what it has', () => {
    expect(tokenizer.vocabSize).toBe(302);
    expect(tokenizer.addedTokens).toEqual([
      { text: '🙂', id: 299, isSpecial: true },
      { text: '<|end|>', id: 300, isSpecial: true },
      { text: '<|end|>!', id: 301, isSpecial: true },
    ]);
    expect(tokenizer.chatTemplate).toBeUndefined();
    const chatTemplate = { source: 'x', variables: { a: 'b' } };
    expect(tiktokenTokenizer({ ...options, chatTemplate }).chatTemplate).toBe(chatTemplate);
    expect(tiktokenTokenizer({ ...options, specialTokens: {} }).vocabSize).toBe(260);
  });

  it('encodes ordinary text by pieces', () => {
    expect(tokenizer.encode('the th1')).toEqual(Int32Array.of(257, 32, 256, 49));
    expect(encode('')).toEqual([]);
    expect(encode('é')).toEqual([259]);
    // A piece that is a token is one, though no merges lead to it.
    expect(encode('\ufffd')).toEqual([258]);
  });

  it('takes half a surrogate pair for U+FFFD', () => {
    expect(encode('\ud83d')).toEqual([258]);
    expect(encode('the\udc00the')).toEqual([257, 258, 257]);
  });

  it('looks for special tokens only where they are asked for, and then for the longest', () => {
    const text = 'the<|end|>!<|end|><|end|>?';
    const ordinary = [
      257,
      ...bytes('<|'),
      ...bytes('end'),
      ...bytes('|>!<|'),
      ...bytes('end'),
      ...bytes('|><|'),
    ];
    expect(encode(text)).toEqual([...ordinary, ...bytes('end'), ...bytes('|>?')]);
    expect(encode(text, 'ordinary')).toEqual(encode(text));
    expect(encode(text, 'all')).toEqual([257, 301, 300, 300, 63]);
    expect(encode('🙂the🙂', 'all')).toEqual([299, 257, 299]);
    expect(encode('🙂')).toEqual(bytes('🙂'));
    expect([...tokenizer.encode('the', { addSpecialTokens: true })]).toEqual([257]);
  });

  it('splits text at a special token, so that what follows does not change what comes before', () => {
    // White space before a sign leaves its last place to that sign; before a special token it does not.
    expect(encode('  <|end|>', 'all')).toEqual([...bytes('  '), 300]);
    expect(encode('  the<|end|>', 'all')).toEqual([...bytes('  '), 257, 300]);
  });

  it('leaves out what the pattern does not match, as the reference does', () => {
    const letters = tiktokenTokenizer({ ...options, pattern: '(?=1)|\\p{L}+' });
    expect([...letters.encode('1the 1th')]).toEqual([257, 256]);
  });

  it('decodes, with U+FFFD for what is no UTF-8, and keeps a mark of byte order', () => {
    expect(tokenizer.decode([257, 300, 32])).toBe('the<|end|> ');
    expect(tokenizer.decode([257, 300, 32, 299, 301], { skipSpecialTokens: true })).toBe('the ');
    expect(tokenizer.decode(bytes('🙂').slice(0, 3))).toBe('\ufffd');
    expect(tokenizer.decode([0xf0, 257])).toBe('\ufffdthe');
    expect(tokenizer.decode(encode('\ufeffa\ufeff'))).toBe('\ufeffa\ufeff');
    expect(tokenizer.decode(Int32Array.of(257))).toBe('the');
    expect(tokenizer.decode([])).toBe('');
  });

  it('gives back any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
        expect(tokenizer.decode(tokenizer.encode(text, { addedTokens: 'all' }))).toBe(text);
      }),
    );
  });

  it.each([
    [[302], 'ids[0]', 'must be a token of the 302 there are, got 302'],
    [[97, 260], 'ids[1]', 'got 260'],
    [[-1], 'ids[0]', 'must be an integer >= 0'],
    [[1.5], 'ids[0]', 'must be an integer'],
    [['a'], 'ids[0]', 'must be an integer'],
    ['a', 'ids', 'must be an array of token ids'],
  ])('refuses to decode %j', (ids, field, message) => {
    expect(() => tokenizer.decode(ids as number[])).toThrow(refusal(field, message));
  });

  it('refuses what is no text, and other modes', () => {
    expect(() => tokenizer.encode(5 as never)).toThrow(refusal('text', 'must be a string, got 5'));
    expect(() => encode('a', 'some' as never)).toThrow(
      refusal('addedTokens', 'must be "none", "ordinary" or "all", got "some"'),
    );
  });

  it('names ids by their texts', () => {
    expect(['<|end|>', 'the', '🙂', 'é', 'a', 'xyz', ''].map((text) => tokenizer.tokenId(text))).toEqual([
      300,
      257,
      299,
      259,
      97,
      undefined,
      undefined,
    ]);
  });

  it('has a fingerprint of its file and rules', () => {
    const others: TiktokenOptions[] = [
      { ...options, file: rankFile(['th', 'the', '\ufffd', 'è']) },
      { ...options, pattern: `${PATTERN}|x` },
      { ...options, specialTokens: { ...options.specialTokens, '<|end|>': 302 } },
    ];
    const prints = [options, ...others].map((each) => tiktokenTokenizer(each).fingerprint);
    expect(prints.every((print) => /^[0-9a-f]{32}$/.test(print))).toBe(true);
    expect(new Set(prints).size).toBe(4);
    const again = { '🙂': 299, '<|end|>!': 301, '<|end|>': 300 };
    expect(tiktokenTokenizer({ ...options, specialTokens: again }).fingerprint).toBe(prints[0]);
  });

  it.each([
    [{ file: 'YQ== 0' }, 'file', 'must be the bytes of a file, got "YQ== 0"'],
    [{ file: new Uint8Array() }, 'file', 'must have a token a line'],
    [{ pattern: '' }, 'pattern', 'must be a non-empty string'],
    [{ pattern: undefined }, 'pattern', 'must be a non-empty string'],
    [{ pattern: '(' }, 'pattern', 'has a "("'],
    [{ specialTokens: undefined }, 'specialTokens', 'must be ids by text'],
    [{ specialTokens: { a: 1.5 } }, 'specialTokens["a"]', 'must be an integer'],
    [{ specialTokens: { a: -1 } }, 'specialTokens["a"]', 'must be an integer >= 0'],
    [{ specialTokens: { a: 2 ** 31 - 1 } }, 'specialTokens["a"]', 'must be an integer'],
    [{ specialTokens: { '': 300 } }, 'specialTokens', 'must not have a token without text'],
    [{ specialTokens: { a: 97 } }, 'specialTokens', 'must have ids of its own, "a" has 97 of the vocabulary'],
    [
      { specialTokens: { a: 300, b: 300 } },
      'specialTokens',
      'must have each id and text once, got "a" and "b"',
    ],
  ])('refuses %j', (change, field, message) => {
    expect(() => tiktokenTokenizer({ ...options, ...change } as TiktokenOptions)).toThrow(
      refusal(field, message),
    );
  });
});

describe('tiktoken', () => {
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const config = {
    auto_map: { AutoTokenizer: ['tokenization_kimi.TikTokenTokenizer', null] },
    added_tokens_decoder: {
      257: { content: '[EOS]', special: true },
      300: { content: '<think>', special: false },
    },
    bos_token: '[BOS]',
    eos_token: { content: '[EOS]' },
    chat_template: 'of the config',
  };
  const files = { 'tiktoken.model': rankFile(['the']), 'tokenizer_config.json': json(config) };

  it('loads Kimi’s files', async () => {
    const kimi = await tiktoken.load(files, 'moonshotai/Kimi-K2-Thinking');
    expect(kimi.vocabSize).toBe(257 + 256);
    expect(kimi.addedTokens).toHaveLength(256);
    expect([...kimi.encode('中the[EOS]<think>', { addedTokens: 'all' })]).toEqual([
      ...bytes('中'),
      256,
      257,
      300,
    ]);
    expect([...kimi.encode('<think>[EOS]', { addedTokens: 'ordinary' })]).toEqual([300, ...bytes('[EOS]')]);
    expect(kimi.decode([258, 300, 259], { skipSpecialTokens: true })).toBe('<think>');
    expect(kimi.tokenId('<|reserved_token_259|>')).toBe(259);
    expect(kimi.chatTemplate).toEqual({
      source: 'of the config',
      variables: { bos_token: '[BOS]', eos_token: '[EOS]' },
    });
    // A rule that this pattern alone has: Han and other letters are pieces of their own.
    expect([...kimi.encode('aب中')]).toEqual(bytes('aب中'));
  });

  it('takes the chat template of its own file, where there is one', async () => {
    const template = new TextEncoder().encode('of its own');
    const kimi = await tiktoken.load({ ...files, 'chat_template.jinja': template }, 'x');
    expect(kimi.chatTemplate?.source).toBe('of its own');
  });

  it('cuts long texts as Kimi’s code does', async () => {
    const file = rankFile(['th', 'the']);
    const kimi = await tiktoken
      .load({ ...files, 'tiktoken.model': file }, 'x')
      .catch((reason: unknown) => reason);
    expect(kimi).toMatchObject({ field: 'tokenizer_config.json.added_tokens_decoder' });
    const cut = await tiktoken.load(
      { 'tiktoken.model': file, 'tokenizer_config.json': json({ auto_map: config.auto_map }) },
      'x',
    );
    const whole = tiktokenTokenizer({ file, pattern: '\\p{L}+', specialTokens: {} });
    const text = `${'x'.repeat(24_999)}the`;
    expect(cut.encode(text)).toHaveLength(25_002);
    expect(whole.encode(text)).toHaveLength(25_000);
  });

  it.each([
    [{ 'tiktoken.model': undefined }, 'tiktoken.model', 'must be the bytes of a file, got undefined'],
    [{ 'tiktoken.model': json('x') }, 'tiktoken.model', 'on line 1'],
    [{ 'tokenizer_config.json': undefined }, 'tokenizer_config.json', 'must be the bytes of a file'],
    [
      { 'tokenizer_config.json': new TextEncoder().encode('{') },
      'tokenizer_config.json',
      'must be JSON, got "{"',
    ],
    [{ 'tokenizer_config.json': json([]) }, 'tokenizer_config.json', 'must be an object'],
    [
      { 'tokenizer_config.json': json({}) },
      'tokenizer_config.json',
      'of "a/b" does not name a tokenizer known here',
    ],
    [
      {
        'tokenizer_config.json': json({
          ...config,
          added_tokens_decoder: { 258: { content: 'x' }, 259: { content: 'x' } },
        }),
      },
      'tokenizer_config.json',
      'must have each id and text once, got "x" and "x"',
    ],
  ])('refuses %j', async (change, field, message) => {
    const error = await tiktoken
      .load({ ...files, ...change } as typeof files, 'a/b')
      .catch((reason) => reason);
    expect(isTinkerError(error)).toBe(true);
    expect(error).toMatchObject(refusal(field, message));
  });

  it('is not the tokenizer of the same file with other rules', async () => {
    const [a, b] = await Promise.all([
      tiktoken.load(files, 'a'),
      tiktoken.load(
        { ...files, 'tokenizer_config.json': json({ ...config, added_tokens_decoder: {} }) },
        'a',
      ),
    ]);
    expect(a.fingerprint).not.toBe(b.fingerprint);
    expect((await tiktoken.load(files, 'b')).fingerprint).toBe(a.fingerprint);
  });
});
