import { describe, expect, it } from 'vitest';
import { readRanks } from '../../../src/tokenizer/tiktoken/ranks.ts';
import { bytesFile, rankFile } from '../../support/rank-file.ts';

const read = (text: string) => readRanks('file', new TextEncoder().encode(text));
const bytes = (text: string) => new TextEncoder().encode(text);
const rankOf = (table: ReturnType<typeof read>, text: string) =>
  table.rankOf(bytes(text), 0, bytes(text).length);

describe('readRanks', () => {
  it('finds tokens by their bytes, and bytes by their ids', () => {
    const table = readRanks('file', rankFile(['th', 'the', ' the', '🙂', 'a'.repeat(300)]));
    expect(table).toMatchObject({ count: 261, size: 261 });
    expect(rankOf(table, 'the')).toBe(257);
    expect(rankOf(table, '🙂')).toBe(259);
    expect(rankOf(table, 'a'.repeat(300))).toBe(260);
    expect(rankOf(table, 'a'.repeat(299))).toBe(-1);
    expect(rankOf(table, 'a'.repeat(301))).toBe(-1);
    expect(rankOf(table, 'he')).toBe(-1);
    expect(table.rankOf(bytes('xthex'), 1, 4)).toBe(257);
    expect(table.bytesOf(258)).toEqual(bytes(' the'));
    expect(table.bytesOf(261)).toBeUndefined();
    expect(table.bytesOf(-1)).toBeUndefined();
    for (let byte = 0; byte < 256; byte++) expect(table.bytesOf(byte)).toEqual(Uint8Array.of(byte));
  });

  it('takes ids in any order and with gaps, other ends of lines, and blank lines', () => {
    const table = read(`${bytesFile}dGhl 1000\r\n\n\r\ndGg= 999`);
    expect(table).toMatchObject({ count: 258, size: 1001 });
    expect([rankOf(table, 'the'), rankOf(table, 'th')]).toEqual([1000, 999]);
    expect(table.bytesOf(1000)).toEqual(bytes('the'));
    expect(table.bytesOf(500)).toBeUndefined();
  });

  it('keeps nothing of the file', () => {
    const file = rankFile(['the']);
    const table = readRanks('file', file);
    file.fill(0);
    expect(rankOf(table, 'the')).toBe(256);
  });

  it('finds each of many, whatever their hashes', () => {
    const words = Array.from({ length: 5000 }, (_, i) => `w${i}`);
    const table = readRanks('file', rankFile(words));
    expect(words.map((word) => rankOf(table, word))).toEqual(words.map((_, i) => 256 + i));
    expect(words.map((word) => rankOf(table, `${word}x`)).filter((rank) => rank !== -1)).toEqual([]);
  });

  it.each([
    ['', 'must have a token a line, got none'],
    ['\n\n', 'must have a token a line, got none'],
    ['YQ==', 'on each line base64, a space and an id of at most 16777215, got "YQ==" on line 1'],
    ['YQ== 0\nYg== x', 'got "Yg== x" on line 2'],
    ['YQ== 0\nYg== 16777216', 'on line 2'],
    ['YQ== -1', 'on line 1'],
    ['YQ==  0', 'on line 1'],
    ['YQ== ', 'on line 1'],
    ['YQ= 0', 'on line 1'],
    ['Y!== 0', 'on line 1'],
    [' 0', 'on line 1'],
    ['==== 0', 'on line 1'],
    ['YQ== 0\nYg== 0', 'has more than one token of id 0'],
    ['YQ== 0\nYQ== 1', 'has the same token under ids 0 and 1'],
    ['YQ== 0', 'must have a token for each single byte, there is none for 0'],
    [bytesFile.replace(/^Bw== .*\n/m, ''), 'must have a token for each single byte, there is none for 7'],
  ])('says what is wrong with %j', (text, message) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({
        code: 'input_invalid',
        field: 'file',
        message: expect.stringContaining(message),
      }),
    );
  });
});
