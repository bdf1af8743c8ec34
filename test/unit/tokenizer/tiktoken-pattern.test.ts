import { describe, expect, it } from 'vitest';
import { translatePattern } from '../../../src/tokenizer/tiktoken/pattern.ts';
import { goldenCases } from '../../support/golden-tokenizers.ts';

const found = (pattern: string, text: string): readonly string[] =>
  text.match(translatePattern(pattern)) ?? [];

const everyCharacter = Array.from({ length: 0x110000 }, (_, code) => code)
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code))
  .join('');

/** The code points of every character that a pattern of one character matches. */
const matched = (pattern: string): Set<number> =>
  new Set(found(pattern, everyCharacter).map((character) => character.codePointAt(0) ?? -1));

describe('translatePattern', () => {
  it('takes white space as Unicode has it, which is not as JavaScript has it', () => {
    // Python has four separators of ASCII beside these.
    const wanted = goldenCases.white.filter((code) => code < 0x1c || code > 0x1f);
    expect([...matched('\\s')]).toEqual(wanted);
    const white = String.fromCodePoint(...wanted);
    expect([...found('\\S', white), ...found('[^\\s]', white)]).toEqual([]);
    expect(found('[^\\s]', '\ufeff\u0085')).toEqual(['\ufeff']);
    expect(found('\\S|[^\\S]', '\ufeff\u0085')).toEqual(['\ufeff', '\u0085']);
    expect(found('\\S', '\ufeff\u0085')).toEqual(['\ufeff']);
  });

  it('takes digits as Unicode has them', () => {
    expect(found('\\d+', 'a12٣٤b½')).toEqual(['12٣٤']);
    expect(found('\\D+', '1a2')).toEqual(['a']);
  });

  it('classifies every character in Kimi’s intersections as their sets do', () => {
    const lower = matched('[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]');
    const han = matched('[\\p{Han}]');
    const letters = matched('[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]');
    const wanted = [...letters].filter((code) => !han.has(code));
    expect(lower.size).toBeGreaterThan(30_000);
    expect(han.size).toBeGreaterThan(90_000);
    expect([...lower]).toEqual(wanted);
    // Marks and letters that Han has, among them: the mark of repetition, which is one of Lm.
    expect(han.has(0x3005) && letters.has(0x3005) && !lower.has(0x3005)).toBe(true);
  });

  it('intersects with a class as well as with the complement of one', () => {
    expect(found('[a-f&&[c-z]]+', 'abcdefg')).toEqual(['cdef']);
    expect(found('[[a-f]&&[c-z]]+', 'abcdefg')).toEqual(['cdef']);
    expect(found('[a-f&&c-z&&[^d]]+', 'abcdefg')).toEqual(['c', 'ef']);
    expect(found('[^a-f&&[c-z]]+', 'abcdefg🙂\n')).toEqual(['ab', 'g🙂\n']);
    expect(found('[[ab]]+', 'abc')).toEqual(['ab']);
    expect(found('[^[ab]]+', 'abc')).toEqual(['c']);
  });

  it('ignores case where a group says so, as Unicode folds it, and nowhere else', () => {
    expect(found("(?i:'s|'ll|'[kt])|x", "'S'ſ'lL'K'k'TXx")).toEqual([
      "'S",
      "'ſ",
      "'lL",
      "'K",
      "'k",
      "'T",
      'x',
    ]);
    expect(found('(?i:a(?:b)[é])c', 'ABÉc ABÉC')).toEqual(['ABÉc']);
    expect(found('(?i:[ß]+|(?:ß))', 'ßSS')).toEqual(['ß']);
  });

  it('keeps what a quantifier with a plus took', () => {
    expect(found('a++a', 'aaa')).toEqual([]);
    expect(found('a+a', 'aaa')).toEqual(['aaa']);
    expect(found('(?:ab){1,2}+ab', 'ababab')).toEqual(['ababab']);
    expect(found('(?:ab){1,2}+ab', 'abab')).toEqual([]);
    expect(found('a?+a|b', 'ab')).toEqual(['b']);
    expect(found('(?>a|ab)c|ab', 'abc')).toEqual(['ab']);
    expect(found('[ab]*+b|a', 'aab')).toEqual(['a', 'a']);
  });

  it('leaves lazy quantifiers, look around, anchors and groups as they are', () => {
    expect(found('a+?', 'aa')).toEqual(['a', 'a']);
    expect(found('(?<=x)a(?!b)|(?<!x)a(?=b)', 'xab ab xac')).toEqual(['a', 'a']);
    expect(found('^(a|b)$', 'b')).toEqual(['b']);
    expect(found('^a', 'b\na')).toEqual([]);
    expect(found('a.b', 'a\nb a\rb')).toEqual(['a\rb']);
    expect(found('a{2}b{1,}c{0,1}', 'aabb')).toEqual(['aabb']);
  });

  it('takes what a backslash stands before, and signs, for themselves', () => {
    expect(found('\\.\\-\\\\\\n', 'x.-\\\n')).toEqual(['.-\\\n']);
    expect(found('[\\]\\^&~-]+', 'x]^&~-x')).toEqual([']^&~-']);
    expect(found('[!-/]+', 'a!#/b')).toEqual(['!#/']);
    expect(found("/}'", "/}'")).toEqual(["/}'"]);
    expect(found('[😀-😂]+', '😁😃')).toEqual(['😁']);
  });

  it('knows scripts by their bare names, and properties of one letter', () => {
    expect(found('\\p{Greek}+|\\pN|\\PL', 'aβγ1')).toEqual(['βγ', '1']);
  });

  it.each([
    ['(a', 'has a "(" that nothing closes'],
    ['a)', 'has a ")" that closes nothing'],
    ['[a', 'has a "[" that nothing closes'],
    ['[a-', 'has a "[" that nothing closes'],
    ['[[a]b]', 'has a "[" that nothing closes'],
    ['[a&&b', 'has a "[" that nothing closes'],
    ['[]', 'has an empty class'],
    ['[a&&]', 'has an empty class'],
    ['*', 'has a quantifier after nothing'],
    ['a**', 'has a quantifier after nothing'],
    ['{2}', 'has a quantifier after nothing'],
    ['\\w', 'has "\\w", which has no translation,'],
    ['(a)\\1', 'has "\\1", which has no translation,'],
    ['\\', 'ends in a backslash'],
    ['\\p', 'has a property without a name'],
    ['(?i:\\p{Lu})', 'has a property that ignores case, which has no translation,'],
    ['(?i:[a-z])', 'has a range that ignores case, which has no translation,'],
    ['(?i)a', 'has a kind of group that has no translation'],
    ['(?P<n>a)', 'has a kind of group that has no translation'],
    ['[a--b]', 'has a difference of classes, which has no translation,'],
    ['[a~~b]', 'has a class made of classes, which has no translation,'],
    ['(?i:ß)(', 'has a "(" that nothing closes'],
    ['[[:alpha:]]', 'has a class made of classes, which has no translation,'],
    ['[a[b]]', 'has a class made of classes, which has no translation,'],
    ['\\p{Nonesuch}', 'must be a regular expression'],
    ['[z-a]', 'must be a regular expression'],
  ])('says what it cannot translate: %s', (pattern, message) => {
    expect(() => translatePattern(pattern)).toThrow(
      expect.objectContaining({
        code: 'input_invalid',
        field: 'pattern',
        message: expect.stringContaining(message),
      }),
    );
  });
});
