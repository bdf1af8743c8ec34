import { describe, expect, it } from 'vitest';
import { checkedSample } from '../../../src/wire/checked-sample.ts';
import type { SampleRequest } from '../../../src/wire/types/sampling.ts';
import { thrown } from '../../support/settled.ts';

const sample = (changes: object = {}): SampleRequest => ({ prompt: [5, 6], maxTokens: 3, ...changes });
const SEED_BOUNDS = 'must be an integer >= -9223372036854775808 and <= 18446744073709551615';

describe('checkedSample', () => {
  it('fills in every default (servers.md 2.1 item 6)', () => {
    expect(checkedSample(sample())).toEqual({
      prompt: [{ type: 'encoded_text', tokens: Int32Array.of(5, 6) }],
      numSamples: 1,
      maxTokens: 3,
      temperature: 1,
      topK: -1,
      topP: 1,
      seed: undefined,
      stop: undefined,
      includePromptLogprobs: false,
      topkPromptLogprobs: 0,
    });
  });

  it.each([0, -5, 2 ** 53 - 1, 0n, -(2n ** 63n), 2n ** 64n - 1n])('takes %s for a seed', (seed) => {
    expect(checkedSample(sample({ seed })).seed).toBe(seed);
  });

  it.each<readonly [unknown, string]>([
    [1.5, `${SEED_BOUNDS}, got 1.5`],
    ['1', `${SEED_BOUNDS}, got "1"`],
    [null, `${SEED_BOUNDS}, got null`],
    [Number.NaN, `${SEED_BOUNDS}, got NaN`],
    [2n ** 64n, `${SEED_BOUNDS}, got 18446744073709551616n`],
    [-(2n ** 63n) - 1n, `${SEED_BOUNDS}, got -9223372036854775809n`],
    [2 ** 60, `${SEED_BOUNDS}, got 1152921504606847000. A number is exact only up to 2^53: give a bigint`],
  ])('refuses %s for a seed', (seed, message) => {
    expect(thrown(() => checkedSample(sample({ seed })))).toMatchObject({
      code: 'input_invalid',
      field: 'seed',
      message: `"seed" ${message}`,
    });
  });

  it.each<readonly [unknown, unknown]>([
    ['a', ['a']],
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    [
      [0, 2 ** 31 - 1],
      [0, 2 ** 31 - 1],
    ],
    [Int32Array.of(1, 2), [1, 2]],
    [[], undefined],
  ])('takes %j for stops, as a list', (stop, expected) => {
    expect(checkedSample(sample({ stop })).stop).toEqual(expected);
  });

  it.each<readonly [unknown, string]>([
    [[2 ** 31], '"stop[0]" must be an integer >= 0 and <= 2147483647, got 2147483648'],
    [[1, -1], '"stop[1]" must be an integer >= 0 and <= 2147483647, got -1'],
    [[1, 0.5], '"stop[1]" must be an integer >= 0 and <= 2147483647, got 0.5'],
    [5n, '"stop" must be a string, strings or token ids, none empty or mixed, got 5n'],
    [['a', ''], '"stop" must be a string, strings or token ids, none empty or mixed, got "a", ""'],
  ])('refuses %s for stops', (stop, message) => {
    expect(thrown(() => checkedSample(sample({ stop })))).toMatchObject({ code: 'input_invalid', message });
  });

  it('copies the stops', () => {
    const stop = ['a'];
    const checked = checkedSample(sample({ stop }));
    stop[0] = 'b';
    expect(checked.stop).toEqual(['a']);
  });
});
