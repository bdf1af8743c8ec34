import { expect, it } from 'vitest';
import { clipped, jsonText } from '../../../src/kernel/json-text.ts';

it.each<readonly [unknown, string | undefined]>([
  [{ a: [1, null] }, '{"a":[1,null]}'],
  ['x', '"x"'],
  [undefined, undefined],
  [() => {}, undefined],
  [1n, undefined],
  [JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`), undefined],
])('the text of what came from outside, where it has one', (value, text) => {
  expect(jsonText(value)).toBe(text);
});

it.each([
  ['short', 5, 'short'],
  ['longer', 5, 'longe…'],
  ['', 0, ''],
])('at most so many characters: %s, %i', (text, most, kept) => {
  expect(clipped(text, most)).toBe(kept);
});
