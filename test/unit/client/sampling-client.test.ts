import { describe, expect, it } from 'vitest';
import type { SampleRequest, SamplingClient } from '../../../src/index.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { scriptedService } from '../../support/service.ts';
import { driveToRejection, thrown } from '../../support/settled.ts';

async function setUp(script: Record<string, readonly Answer[]> = {}) {
  const base = scriptedService(script);
  const sampler: SamplingClient = await base.clock.drive(
    base.service.createSamplingClient({ baseModel: 'm' }),
  );
  return { ...base, sampler };
}

/** A server that answers every sample with this result. */
const sampled = (result: object): Record<string, readonly Answer[]> => ({
  retrieve_future: [{ status: 200, body: { sequences: [], ...result } }],
});

const BODY = {
  num_samples: 1,
  prompt: { chunks: [{ tokens: [5, 6], type: 'encoded_text' }] },
  sampling_params: { max_tokens: 3, temperature: 1, top_k: -1, top_p: 1 },
  sampling_session_id: 'sess-1:sample:9',
  seq_id: 0,
  prompt_logprobs: false,
  type: 'sample',
};

describe('sample', () => {
  it('sends the protocol’s body (appendix A), and gives the result', async () => {
    const { sampler, clock, bodies, requests, finish } = await setUp();
    const result = await clock.drive(sampler.sample({ prompt: [5, 6], maxTokens: 3, stop: 'a' }));
    expect(result.sequences).toEqual([
      { tokens: Int32Array.of(1), logprobs: Float32Array.of(-1), stopReason: 'length' },
    ]);
    expect(bodies('asample')).toEqual([
      { ...BODY, sampling_params: { ...BODY.sampling_params, stop: ['a'] } },
    ]);
    const [request] = requests.filter(({ path }) => path === 'asample');
    expect(request?.headers.get('x-tinker-sampling-backpressure')).toBe('1');
    await finish();
  });

  it('sends everything that is asked for', async () => {
    const { sampler, clock, bodies, finish } = await setUp();
    await clock.drive(
      sampler.sample({
        prompt: {
          chunks: [
            { type: 'encoded_text', tokens: [5] },
            { type: 'encoded_text', tokens: [6] },
          ],
        },
        maxTokens: 3,
        numSamples: 4,
        temperature: 0,
        topK: 7,
        topP: 0.5,
        seed: 0,
        stop: [1, 2],
        includePromptLogprobs: true,
        topkPromptLogprobs: 2,
      }),
    );
    expect(bodies('asample')).toEqual([
      {
        ...BODY,
        num_samples: 4,
        prompt: {
          chunks: [
            { tokens: [5], type: 'encoded_text' },
            { tokens: [6], type: 'encoded_text' },
          ],
        },
        sampling_params: { max_tokens: 3, seed: 0, stop: [1, 2], temperature: 0, top_k: 7, top_p: 0.5 },
        prompt_logprobs: true,
        topk_prompt_logprobs: 2,
      },
    ]);
    await finish();
  });

  it('numbers calls from 0, and keeps the number when one is sent again', async () => {
    const { sampler, clock, bodies, finish } = await setUp({
      asample: [{ status: 429 }, { status: 200, body: { request_id: 'asample' } }],
    });
    await clock.drive(sampler.sample({ prompt: [5], maxTokens: 1 }));
    await clock.drive(sampler.computeLogprobs([5, 6]));
    expect(bodies('asample')).toMatchObject([{ seq_id: 0 }, { seq_id: 0 }, { seq_id: 1 }]);
    await finish();
  });

  it('goes out at once, however many are under way', async () => {
    const { sampler, clock, bodies, finish } = await setUp({ asample: ['nothing'] });
    const calls = Array.from({ length: 20 }, () => sampler.sample({ prompt: [5], maxTokens: 1 }));
    await clock.advance(0);
    expect(bodies('asample')).toHaveLength(20);
    await finish();
    expect(calls.every(({ status }) => status === 'failed')).toBe(true);
  });

  it.each<readonly [string, unknown, readonly unknown[] | undefined]>([
    ['one string', 'a', ['a']],
    ['strings', ['a', 'b'], ['a', 'b']],
    ['token ids', [0, 5], [0, 5]],
    ['none', [], undefined],
    ['nothing', undefined, undefined],
  ])('sends stops as a list: %s', async (_, stop, sent) => {
    const { sampler, clock, bodies, finish } = await setUp();
    await clock.drive(sampler.sample({ prompt: [5, 6], maxTokens: 3, stop: stop as string }));
    const [body] = bodies('asample') as { sampling_params: { stop?: unknown } }[];
    expect(body?.sampling_params.stop).toEqual(sent);
    await finish();
  });

  it.each<readonly [Partial<Record<keyof SampleRequest, unknown>>, string]>([
    [{ prompt: [] }, '"prompt" must hold at least one token, got none'],
    [
      { prompt: 'text' },
      `"prompt" must be token ids or a ModelInput, got "text". Encode text with the model's tokenizer first`,
    ],
    [{ maxTokens: 0 }, '"maxTokens" must be an integer >= 1, got 0'],
    [{ maxTokens: undefined }, '"maxTokens" must be an integer >= 1, got undefined'],
    [{ numSamples: 0 }, '"numSamples" must be an integer >= 1, got 0'],
    [{ temperature: -1 }, '"temperature" must be a finite number >= 0, got -1'],
    [{ topK: 0 }, '"topK" must be an integer >= 1, or -1 for all tokens, got 0'],
    [{ topK: -2 }, '"topK" must be an integer >= 1, or -1 for all tokens, got -2'],
    [{ topP: 0 }, '"topP" must be a finite number > 0 and <= 1, got 0'],
    [{ topP: 1.1 }, '"topP" must be a finite number > 0 and <= 1, got 1.1'],
    [{ seed: 1.5 }, '"seed" must be an integer >= -9223372036854775808 and <= 18446744073709551615, got 1.5'],
    [
      { prompt: { chunks: [{ type: 'image', data: 'R0lG', format: 'gif' }] } },
      '"prompt.chunks[0].format" must be "png" or "jpeg", got "gif"',
    ],
    [{ includePromptLogprobs: 1 }, '"includePromptLogprobs" must be true or false, got 1'],
    [{ topkPromptLogprobs: -1 }, '"topkPromptLogprobs" must be an integer >= 0, got -1'],
    [{ stop: '' }, '"stop" must be a string, strings or token ids, none empty or mixed, got ""'],
    [{ stop: ['a', 5] }, '"stop" must be a string, strings or token ids, none empty or mixed, got "a", 5'],
    [{ stop: [-1] }, '"stop[0]" must be an integer >= 0 and <= 2147483647, got -1'],
    [{ stop: null }, '"stop" must be a string, strings or token ids, none empty or mixed, got null'],
  ])('refuses %j at once', async (changes, message) => {
    const { sampler, clock, bodies, finish } = await setUp();
    const request = { prompt: [5], maxTokens: 1, ...changes } as SampleRequest;
    expect(thrown(() => sampler.sample(request))).toMatchObject({ code: 'input_invalid', message });
    await clock.advance(0);
    expect(bodies('asample')).toEqual([]);
    await finish();
  });
});

describe('computeLogprobs', () => {
  it('samples one token and asks for the log-probabilities (appendix A)', async () => {
    const { sampler, clock, bodies, finish } = await setUp();
    expect(await clock.drive(sampler.computeLogprobs([5, 6]))).toEqual(Float32Array.of(Number.NaN, -2));
    expect(bodies('asample')).toEqual([
      { ...BODY, sampling_params: { ...BODY.sampling_params, max_tokens: 1 }, prompt_logprobs: true },
    ]);
    await finish();
  });

  it.each<readonly [string, readonly number[], unknown, readonly number[]]>([
    ['a server that leaves the first out', [5, 6, 7], [-1, -2], [Number.NaN, -1, -2]],
    ['a server that leaves the only one out', [5], [], [Number.NaN]],
    ['one token', [5], [null], [Number.NaN]],
  ])('gives one number per token: %s', async (_, prompt, sent, expected) => {
    const { sampler, clock, finish } = await setUp(sampled({ prompt_logprobs: sent }));
    expect(await clock.drive(sampler.computeLogprobs(prompt))).toEqual(Float32Array.from(expected));
    await finish();
  });

  it.each([[null], [[]], [undefined]])('fails where the server gives %j', async (sent) => {
    const { sampler, clock, finish } = await setUp(sampled({ prompt_logprobs: sent }));
    expect(await driveToRejection(clock, sampler.computeLogprobs([5, 6]))).toMatchObject({
      code: 'response_invalid',
      message: expect.stringContaining('The server returned no prompt log-probabilities for 2 tokens'),
    });
    await finish();
  });

  it('fails where the server gives another number of them', async () => {
    const { sampler, clock, finish } = await setUp(sampled({ prompt_logprobs: [-1, -2, -3, -4] }));
    expect(await driveToRejection(clock, sampler.computeLogprobs([5, 6]))).toMatchObject({
      code: 'response_invalid',
      message: expect.stringContaining('The server returned 4 prompt log-probabilities for 2 tokens'),
    });
    await finish();
  });
});
