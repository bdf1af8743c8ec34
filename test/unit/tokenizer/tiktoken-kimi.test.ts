import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isKimi, kimiAddedTokens, kimiCut } from '../../../src/tokenizer/tiktoken/kimi.ts';
import { goldenCases } from '../../support/golden-tokenizers.ts';

/** The definition, over characters: slices of 400,000, and in them no more than 25,000 of one kind in a row. */
function cutAsDefined(text: string): string[] {
  const characters = [...text];
  const white = new Set(goldenCases.white.map((code) => String.fromCodePoint(code)));
  const parts: string[] = [];
  for (let first = 0; first < Math.max(characters.length, 1); first += 400_000) {
    const slice = characters.slice(first, first + 400_000);
    let start = 0;
    let run = 0;
    for (let i = 0; i < slice.length; i++) {
      const isSame = i > 0 && white.has(slice[i]!) === white.has(slice[i - 1]!);
      run = isSame ? run + 1 : 1;
      if (run <= 25_000) continue;
      parts.push(slice.slice(start, i).join(''));
      start = i;
      run = 1;
    }
    parts.push(slice.slice(start).join(''));
  }
  return parts;
}

const runs = fc.array(
  fc.tuple(
    fc.constantFrom('a', '🙂', ' ', '\u001f', '\n', 'ab '),
    fc.constantFrom(1, 2, 24_999, 25_000, 25_001, 60_000),
  ),
  { maxLength: 5 },
);

describe('kimiCut', () => {
  it('cuts where its definition says, and loses nothing', () => {
    fc.assert(
      fc.property(runs, (parts) => {
        const text = parts.map(([unit, times]) => unit.repeat(times)).join('');
        const cut = [...kimiCut(text)];
        expect(cut.join('') === text).toBe(true);
        expect(cut.map(({ length }) => length)).toEqual(cutAsDefined(text).map(({ length }) => length));
      }),
      { numRuns: 15 },
    );
  });

  it.each([
    ['', [0]],
    ['a'.repeat(25_000), [25_000]],
    ['a'.repeat(25_001), [25_000, 1]],
    ['🙂'.repeat(25_000), [50_000]],
    ['🙂'.repeat(25_001), [50_000, 2]],
    [`${'a'.repeat(25_000)} ${'a'.repeat(25_001)}`, [50_001, 1]],
    ['word '.repeat(80_001), [400_000, 5]],
    // Of a run that a slice ends in, what is in the next slice counts anew.
    [`${'word '.repeat(79_000)}${'a'.repeat(30_001)}`, [400_000, 25_000, 1]],
  ])('cuts %# so', (text, lengths) => {
    expect([...kimiCut(text)].map(({ length }) => length)).toEqual(lengths);
  });

  it('takes for white space what Python does, and nothing else', () => {
    const isCut = (code: number): boolean =>
      [...kimiCut(String.fromCodePoint(code) + ' '.repeat(25_000))].length > 1;
    expect(goldenCases.white.filter((code) => !isCut(code))).toEqual([]);
    const others = [
      0x08, 0x0e, 0x1b, 0x21, 0x7f, 0x84, 0x86, 0x180e, 0x200b, 0x200d, 0x2060, 0xfeff, 0x1f642,
    ];
    expect(others.filter(isCut)).toEqual([]);
  });
});

describe('kimiAddedTokens', () => {
  it('names what the configuration names, and the rest of 256 by their ids', () => {
    const config = {
      added_tokens_decoder: { 300: { content: '[BOS]', special: true }, 310: { content: '<think>' } },
    };
    const tokens = kimiAddedTokens(config, 300);
    expect(tokens.map(({ id }) => id)).toEqual(Array.from({ length: 256 }, (_, i) => 300 + i));
    expect(tokens[0]).toEqual({ text: '[BOS]', id: 300, isSpecial: true });
    expect(tokens[1]).toEqual({ text: '<|reserved_token_301|>', id: 301, isSpecial: true });
    expect(tokens[10]).toEqual({ text: '<think>', id: 310, isSpecial: false });
    expect(kimiAddedTokens({}, 7)[255]?.text).toBe('<|reserved_token_262|>');
  });

  it.each([
    [{ added_tokens_decoder: [] }, 'tokenizer_config.json.added_tokens_decoder'],
    [{ added_tokens_decoder: { 299: { content: 'x' } } }, 'must have ids of 300 to 555, got "299"'],
    [{ added_tokens_decoder: { 556: { content: 'x' } } }, 'must have ids of 300 to 555, got "556"'],
    [{ added_tokens_decoder: { x: { content: 'x' } } }, 'got "x"'],
    [{ added_tokens_decoder: { 300: null } }, 'added_tokens_decoder["300"]'],
    [{ added_tokens_decoder: { 300: { content: '' } } }, 'added_tokens_decoder["300"].content'],
    [{ added_tokens_decoder: { 300: { content: 5 } } }, 'must be a non-empty string, got 5'],
  ])('refuses %j', (config, message) => {
    expect(() => kimiAddedTokens(config, 300)).toThrow(
      expect.objectContaining({ code: 'input_invalid', message: expect.stringContaining(message) }),
    );
  });
});

describe('isKimi', () => {
  it.each([
    [{ auto_map: { AutoTokenizer: ['tokenization_kimi.TikTokenTokenizer', null] } }, true],
    [{ auto_map: { AutoTokenizer: 'tokenization_kimi.TikTokenTokenizer' } }, true],
    [
      { auto_map: { AutoTokenizer: ['moonshotai/Kimi-K2.5--tokenization_kimi.TikTokenTokenizer', null] } },
      true,
    ],
    [{ auto_map: { AutoTokenizer: ['tokenization_other.TikTokenTokenizer', null] } }, false],
    [{ auto_map: { AutoTokenizer: ['not_tokenization_kimi.TikTokenTokenizer', null] } }, false],
    [{ tokenizer_class: 'TikTokenTokenizer' }, false],
    [{ auto_map: null }, false],
    [{ auto_map: 'x' }, false],
  ])('%j: %j', (config, wanted) => {
    expect(isKimi(config)).toBe(wanted);
  });
});
