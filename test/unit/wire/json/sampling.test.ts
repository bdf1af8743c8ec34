import { describe, expect, it } from 'vitest';
import { type ResolvedSample, readSample, sampleBody } from '../../../../src/wire/json/sampling.ts';
import { thrown } from '../../../support/settled.ts';

const SAMPLE: ResolvedSample = {
  prompt: [{ type: 'encoded_text', tokens: Int32Array.of(5, 6) }],
  numSamples: 1,
  maxTokens: 3,
  temperature: 1,
  topK: -1,
  topP: 1,
  seed: undefined,
  stop: ['a'],
  includePromptLogprobs: false,
  topkPromptLogprobs: 0,
};

describe('sampleBody', () => {
  it('is the recorded exchange’s (appendix A), without a default that strict servers refuse', () => {
    expect(sampleBody('sess-1:sample:9', 0, SAMPLE)).toEqual({
      num_samples: 1,
      prompt: { chunks: [{ tokens: [5, 6], type: 'encoded_text' }] },
      sampling_params: { max_tokens: 3, stop: ['a'], temperature: 1, top_k: -1, top_p: 1 },
      sampling_session_id: 'sess-1:sample:9',
      seq_id: 0,
      prompt_logprobs: false,
      type: 'sample',
    });
  });

  it('carries every kind of chunk, and a seed of 64 bits', () => {
    const body = sampleBody('s', 0, {
      ...SAMPLE,
      prompt: [
        { type: 'encoded_text', tokens: Int32Array.of(5) },
        { type: 'image', data: Uint8Array.of(255), format: 'jpeg', expectedTokens: 3 },
        { type: 'image_asset_pointer', location: 'a', format: 'png', expectedTokens: undefined },
        { type: 'dmel', dmel: Uint8Array.of(4, 1, 9) },
      ],
      seed: 2n ** 64n - 1n,
    });
    expect(body).toMatchObject({
      prompt: {
        chunks: [
          { tokens: [5], type: 'encoded_text' },
          { data: '/w==', format: 'jpeg', expected_tokens: 3, type: 'image' },
          { format: 'png', location: 'a', type: 'image_asset_pointer' },
          { dmel: 'BAEJ', type: 'dmel' },
        ],
      },
      sampling_params: { seed: 18446744073709551615n },
    });
  });

  it('has what is set and nothing that is not', () => {
    const body = sampleBody('s', 7, {
      ...SAMPLE,
      stop: undefined,
      seed: 0,
      topkPromptLogprobs: 2,
      includePromptLogprobs: true,
    });
    expect(body).toMatchObject({ seq_id: 7, prompt_logprobs: true, topk_prompt_logprobs: 2 });
    expect((body as { sampling_params: object }).sampling_params).toEqual({
      max_tokens: 3,
      seed: 0,
      temperature: 1,
      top_k: -1,
      top_p: 1,
    });
  });
});

describe('readSample', () => {
  it('reads the protocol’s form (4.8)', () => {
    const body = {
      sequences: [
        { stop_reason: 'length', tokens: [1, 2], logprobs: [-0.5, -1] },
        { stop_reason: 'stop', tokens: [] },
      ],
      type: 'sample',
      prompt_logprobs: [null, -2],
      topk_prompt_logprobs: [null, [[7, -0.25]]],
      prompt_cache_hit_tokens: 1,
    };
    expect(readSample(body, 2)).toEqual({
      sequences: [
        { tokens: Int32Array.of(1, 2), logprobs: Float32Array.of(-0.5, -1), stopReason: 'length' },
        { tokens: new Int32Array(0), logprobs: undefined, stopReason: 'stop' },
      ],
      promptLogprobs: Float32Array.of(Number.NaN, -2),
      topkPromptLogprobs: [undefined, [[7, -0.25]]],
      promptCacheHitTokens: 1,
    });
  });

  it('does with the least', () => {
    expect(readSample({ sequences: [{ tokens: [1] }] }, 2)).toEqual({
      sequences: [{ tokens: Int32Array.of(1), logprobs: undefined, stopReason: 'stop' }],
      promptLogprobs: undefined,
      topkPromptLogprobs: undefined,
      promptCacheHitTokens: 0,
    });
    const nulls = {
      sequences: [{ tokens: [1], logprobs: null, stop_reason: null }],
      prompt_logprobs: null,
      topk_prompt_logprobs: null,
      prompt_cache_hit_tokens: null,
    };
    expect(readSample(nulls, 2)).toEqual(readSample({ sequences: [{ tokens: [1] }] }, 2));
  });

  it('passes a reason of the server’s own on', () => {
    const { sequences } = readSample({ sequences: [{ tokens: [], stop_reason: 'abort' }] }, 1);
    expect(sequences[0]?.stopReason).toBe('abort');
  });

  it.each<readonly [string, unknown, readonly number[] | undefined]>([
    ['all of them', [null, -1, -2], [Number.NaN, -1, -2]],
    ['one fewer: the first is missing', [-1, -2], [Number.NaN, -1, -2]],
    ['none', [], undefined],
  ])('reads prompt log-probabilities: %s', (_, sent, expected) => {
    const { promptLogprobs } = readSample({ sequences: [], prompt_logprobs: sent }, 3);
    expect(promptLogprobs).toEqual(expected && Float32Array.from(expected));
  });

  it('repairs nothing where the prompt’s length is not known', () => {
    const body = { sequences: [], prompt_logprobs: [-1, null], topk_prompt_logprobs: [[[1, -1]]] };
    expect(readSample(body, undefined)).toMatchObject({
      promptLogprobs: Float32Array.of(-1, Number.NaN),
      topkPromptLogprobs: [[[1, -1]]],
    });
  });

  it.each<readonly [string, unknown, unknown]>([
    ['one fewer: the first is missing', [[[7, -1]], []], [undefined, [[7, -1]], []]],
    [
      'all of them',
      [
        null,
        null,
        [
          [7, -1],
          [8, null],
        ],
      ],
      [
        undefined,
        undefined,
        [
          [7, -1],
          [8, Number.NaN],
        ],
      ],
    ],
    ['none', [], undefined],
  ])('reads the likeliest prompt tokens: %s', (_, sent, expected) => {
    const { topkPromptLogprobs } = readSample({ sequences: [], topk_prompt_logprobs: sent }, 3);
    expect(topkPromptLogprobs).toEqual(expected);
  });

  it('minds neither unknown fields nor missing numbers', () => {
    const body = {
      sequences: [
        { tokens: [1, 2], logprobs: [null, -1], stop_reason: 'length', text: 'ab' },
        { tokens: [3], logprobs: [] },
      ],
      sample_sequence_ids: ['a', 'b'],
      type: 'anything',
    };
    expect(readSample(body, 2).sequences).toEqual([
      { tokens: Int32Array.of(1, 2), logprobs: Float32Array.of(Number.NaN, -1), stopReason: 'length' },
      { tokens: Int32Array.of(3), logprobs: undefined, stopReason: 'stop' },
    ]);
  });

  it.each<readonly [unknown, string]>([
    [undefined, 'The sample result does not follow the protocol: the body is missing'],
    [{}, 'The sample result does not follow the protocol: "sequences" is missing'],
    [{ sequences: [{}] }, 'The sample result does not follow the protocol: "sequences.0.tokens" is missing'],
    [{ sequences: [{ tokens: [1, 'x'] }] }, 'sequences[0].tokens[1] is not a token id'],
    [{ sequences: [{ tokens: [1], logprobs: ['x'] }] }, 'sequences[0].logprobs[0] is not a number'],
    [
      { sequences: [], prompt_logprobs: { 0: -1 } },
      'The sample result does not follow the protocol: "prompt_logprobs" is an object, which was not expected',
    ],
    [
      { sequences: [{ tokens: '12' }] },
      'The sample result does not follow the protocol: "sequences.0.tokens" is text, which was not expected',
    ],
    [{ sequences: [], topk_prompt_logprobs: ['x'] }, 'topk_prompt_logprobs[0] is not a list'],
    ...[[[1]], [[1.5, 0]], [[1, 'x']], [[1, -1, 2]], [1], [[null, -1]]].map(
      (row) =>
        [
          { sequences: [], topk_prompt_logprobs: [null, row] },
          'topk_prompt_logprobs[1][0] is not a token and its log-probability',
        ] as const,
    ),
  ])('refuses %j', (body, message) => {
    expect(thrown(() => readSample(body, 1))).toMatchObject({ code: 'response_invalid', message });
  });
});
