import { describe, expect, it } from 'vitest';
import { checkContextLength } from '../../../src/wire/context-length.ts';
import { thrown } from '../../support/settled.ts';

describe('checkContextLength', () => {
  it.each<readonly [number | undefined, number, number | undefined]>([
    [30, 2, 32],
    [32, 0, 32],
    [33, 10, undefined],
    [undefined, 99, 32],
  ])('lets %s and %s into a context of %s', (length, maxTokens, limit) => {
    expect(() => checkContextLength('prompt', length, maxTokens, limit)).not.toThrow();
  });

  it.each<readonly [string, number, number, string]>([
    [
      'prompt',
      30,
      3,
      '"prompt" must fit into the model\'s context of 32 tokens, got 30 and maxTokens 3, 33 together',
    ],
    [
      'data[3].modelInput',
      33,
      0,
      '"data[3].modelInput" must fit into the model\'s context of 32 tokens, got 33',
    ],
  ])('refuses what does not fit', (field, length, maxTokens, message) => {
    expect(thrown(() => checkContextLength(field, length, maxTokens, 32))).toMatchObject({
      code: 'input_invalid',
      field,
      message,
    });
  });
});
