import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columns, visible } from '../../../src/chat/explain/visible.ts';

/** Any characters, more often those of the first planes' beginnings. */
const characters = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0x24ff }), fc.integer({ min: 0, max: 0x10ffff })), {
    maxLength: 20,
  })
  .map((codes) => codes.map((code) => String.fromCodePoint(code)).join(''));

describe('visible', () => {
  it.each([
    ['a b', 'a␣b'],
    ['\ta', '⇥a'],
    ['a\n', 'a⏎\n'],
    ['\n\n', '⏎⏎\n'],
    ['a\nb\n\nc', 'a⏎\nb⏎⏎\nc'],
    ['\r\n', '␍⏎\n'],
    ['\u0000\u001b[31m\u007f', '␀␛[31m␡'],
    ['\u0085\u00a0\u3000', '‹U+0085›‹U+00A0›‹U+3000›'],
    ['\u200b\u200f\u202e\ufeff\u00ad', '‹U+200B›‹U+200F›‹U+202E›‹U+FEFF›‹U+00AD›'],
    ['\u2028\u2029', '‹U+2028›‹U+2029›'],
    ['\ue000\u{10fffd}', '‹U+E000›‹U+10FFFD›'],
    ['\u0301a\u0301', '◌\u0301a\u0301'],
    ['é 東京 שלום 🫠 \ufffd', 'é␣東京␣שלום␣🫠␣\ufffd'],
    ['', ''],
  ])('%j is %j', (text, expected) => {
    expect(visible(text)).toBe(expected);
  });

  it('leaves nothing that is not seen, but new lines behind their signs', () => {
    fc.assert(
      fc.property(characters, (text) => {
        const shown = visible(text);
        expect(shown.replaceAll('⏎\n', '')).not.toMatch(/[\p{Z}\p{C}]/u);
        expect(shown.split('⏎')).toHaveLength(text.split(/[\n⏎]/).length);
      }),
    );
  });
});

describe('columns', () => {
  it.each([
    ['abc', 3],
    ['東京', 4],
    ['🫠', 2],
    ['e\u0301', 1],
    ['한국', 4],
    ['␣⏎⇥│', 4],
    ['', 0],
  ])('%j takes %i', (text, expected) => {
    expect(columns(text)).toBe(expected);
  });
});
