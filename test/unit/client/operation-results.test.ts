import { describe, expect, it } from 'vitest';
import { alignedWithPrompt, onePart, readSampled } from '../../../src/client/operation-results.ts';
import { thrown } from '../../support/settled.ts';

const sampled = (tokens: number[], logprobs: number[] | null) => ({ sequences: [{ tokens, logprobs }] });

describe('a sample', () => {
  it.each([
    [
      [1, 2],
      [-1, -2],
    ],
    [[1, 2], null],
    [[1, 2], []],
    [[], []],
  ])('of %j may have the log-probabilities %j', (tokens, logprobs) => {
    expect(readSampled([sampled(tokens, logprobs)], 1).sequences).toHaveLength(1);
  });

  it.each([
    [[1, 2], [-1]],
    [[1], [-1, -2]],
    [[], [-1]],
  ])('of %j may not have the log-probabilities %j: they are of other tokens', (tokens, logprobs) => {
    const first = { tokens: [1], logprobs: [-1] };
    const body = { sequences: [first, { tokens, logprobs }] };
    expect(thrown(() => readSampled([body], 1))).toMatchObject({
      code: 'response_invalid',
      message: `The server returned ${logprobs.length} log-probabilities for the ${tokens.length} tokens of sequences[1]`,
    });
  });
});

describe('what belongs to a prompt', () => {
  const sample = (prompt: number | undefined, topk: number | undefined) => ({
    sequences: [],
    promptLogprobs: prompt === undefined ? undefined : new Float32Array(prompt),
    topkPromptLogprobs: topk === undefined ? undefined : Array.from({ length: topk }, () => undefined),
    promptCacheHitTokens: 0,
  });

  it.each([
    [3, 3, 3],
    [undefined, 3, 3],
    [3, undefined, 3],
    [undefined, undefined, 3],
    [5, 7, undefined],
  ])('has its length, where both are known: %s and %s of %s', (prompt, topk, length) => {
    const response = sample(prompt, topk);
    expect(alignedWithPrompt(response, length)).toBe(response);
  });

  it.each([
    [2, undefined],
    [undefined, 4],
    [3, 4],
    [0, 3],
  ])('is refused where it has another: %s and %s of 3', (prompt, topk) => {
    expect(thrown(() => alignedWithPrompt(sample(prompt, topk), 3))).toMatchObject({
      code: 'response_invalid',
    });
  });
});

it('an operation without a form in protobuf takes none', () => {
  const read = onePart((body) => body);
  expect(read([{ a: 1 }])).toEqual({ a: 1 });
  expect(thrown(() => read([new Uint8Array(3)]))).toMatchObject({ code: 'response_invalid' });
});
