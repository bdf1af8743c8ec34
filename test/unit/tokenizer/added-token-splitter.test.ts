import { describe, expect, it } from 'vitest';
import {
  type AddedTokenRule,
  createTextSplitter,
} from '../../../src/tokenizer/hugging-face/added-token-splitter.ts';

let ids = 0;
const rule = (text: string, more: Partial<AddedTokenRule> = {}): AddedTokenRule => ({
  text,
  id: ids++,
  isSpecial: false,
  isSingleWord: false,
  stripsLeft: false,
  stripsRight: false,
  isNormalized: false,
  ...more,
});

/** The parts of a text, tokens in angle brackets. */
function parts(
  rules: readonly AddedTokenRule[],
  text: string,
  mode: 'none' | 'ordinary' | 'all' = 'all',
): string[] {
  const split = createTextSplitter(rules.map((each) => ({ pattern: each.text, rule: each })));
  return split(text, mode).map((part) => (part.id === undefined ? part.text : `<${part.text}>`));
}

describe('added tokens in a text', () => {
  it.each<readonly [string, readonly AddedTokenRule[], string, readonly string[]]>([
    ['nothing of nothing', [rule('A')], '', []],
    ['at the ends, and next to each other', [rule('A')], 'AxAA', ['<A>', 'x', '<A>', '<A>']],
    [
      'the longest of those that begin first',
      [rule('AB'), rule('A'), rule('ABC')],
      'ABCABA',
      ['<ABC>', '<AB>', '<A>'],
    ],
    [
      'the first, though one that begins later is longer',
      [rule('AB'), rule('BCDE')],
      'ABCDE',
      ['<AB>', 'CDE'],
    ],
    ['not the beginning of one', [rule('ABC')], 'ABAB', ['ABAB']],
    ['one in the letters of which another begins', [rule('AAB')], 'AAAB', ['A', '<AAB>']],
    ['outside the basic plane', [rule('🙂')], 'a🙂b🙃', ['a', '<🙂>', 'b🙃']],
    [
      'white space to the left',
      [rule('A', { stripsLeft: true })],
      'x \n\u0085Ay A',
      ['x', '<A>', 'y', '<A>'],
    ],
    [
      'white space to the right',
      [rule('A', { stripsRight: true })],
      ' A \u3000xA ',
      [' ', '<A>', 'x', '<A>'],
    ],
    [
      'no more than is left of it',
      [rule('A', { stripsLeft: true, stripsRight: true })],
      'A  A',
      ['<A>', '<A>'],
    ],
    [
      'what is no white space to the reference',
      [rule('A', { stripsLeft: true })],
      '\ufeffA',
      ['\ufeff', '<A>'],
    ],
    [
      'single words only',
      [rule('A', { isSingleWord: true })],
      'A xA Ax (A) é😀A _A A',
      ['<A>', ' xA Ax (', '<A>', ') é😀', '<A>', ' _A ', '<A>'],
    ],
    [
      'letters of two units next to a single word',
      [rule('A', { isSingleWord: true })],
      '𝒳A A𝒳 A',
      ['𝒳A A𝒳 ', '<A>'],
    ],
  ])('%s', (_, rules, text, expected) => {
    expect(parts(rules, text)).toEqual(expected);
  });

  it('are text in mode none, and special ones are in mode ordinary', () => {
    const rules = [rule('A', { isSpecial: true }), rule('B')];
    expect(parts(rules, 'xAB', 'none')).toEqual(['xAB']);
    expect(parts(rules, 'xAB', 'ordinary')).toEqual(['xA', '<B>']);
    expect(parts(rules, 'xAB', 'all')).toEqual(['x', '<A>', '<B>']);
  });

  it('of a special one that is text, no part is found', () => {
    const rules = [rule('[B]', { isSpecial: true }), rule('B')];
    expect(parts(rules, '[B]B', 'ordinary')).toEqual(['[B]', '<B>']);
  });

  it('tell where each part begins', () => {
    const split = createTextSplitter([{ pattern: 'A', rule: rule('A', { stripsLeft: true }) }]);
    expect(split('x Ay', 'all').map(({ start }) => start)).toEqual([0, 1, 3]);
  });

  it('are looked for by their pattern, and told by their text', () => {
    const split = createTextSplitter([{ pattern: 'a', rule: rule('A') }]);
    expect(split('Aa', 'all').map(({ text, id }) => [text, id === undefined])).toEqual([
      ['A', true],
      ['A', false],
    ]);
  });

  it('of one pattern the first counts', () => {
    const [first, second] = [rule('A'), rule('B')];
    const split = createTextSplitter([
      { pattern: 'x', rule: first },
      { pattern: 'x', rule: second },
    ]);
    expect(split('x', 'all').map(({ id }) => id)).toEqual([first.id]);
  });
});
