import { describe, expect, it } from 'vitest';
import { type ResolvedSample, readSample, sampleBody } from '../../../../src/wire/json/sampling.ts';
import { thrown } from '../../../support/settled.ts';

const SAMPLE: ResolvedSample = {
  prompt: [Int32Array.of(5, 6)],
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

  it.each<readonly [unknown, string]>([
    [undefined, 'The sample result does not follow the protocol: the body is not what was expected'],
    [{}, 'The sample result does not follow the protocol: "sequences" is not what was expected'],
    [
      { sequences: [{}] },
      'The sample result does not follow the protocol: "sequences.0.tokens" is not what was expected',
    ],
    [{ sequences: [{ tokens: [1, 'x'] }] }, 'sequences[0].tokens[1] is not a token id'],
    [{ sequences: [{ tokens: [1], logprobs: ['x'] }] }, 'sequences[0].logprobs[0] is not a number'],
    [
      { sequences: [], topk_prompt_logprobs: [[[1]]] },
      'The topk_prompt_logprobs row does not follow the protocol: "0" is not what was expected',
    ],
  ])('refuses %j', (body, message) => {
    const error = thrown(() => readSample(body, 1)) as Error;
    expect(error).toMatchObject({ code: 'response_invalid' });
    expect(error.message.replace('"0.1"', '"0"')).toBe(message);
  });
});
