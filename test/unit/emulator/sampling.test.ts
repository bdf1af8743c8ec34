import { beforeEach, describe, expect, it } from 'vitest';
import { EMPTY_CELL } from '../../../src/emulator/protobuf/sample-response.ts';
import { type EmulatorCalls, emulatorCalls } from '../../support/emulator-calls.ts';
import { oracleDecode } from '../wire/proto/oracle.ts';

// Sampling over HTTP (protocol 2.6), in both encodings of results (4.5, 4.8).

let calls: EmulatorCalls;
let samplerId: string;
beforeEach(async () => start());

async function start(options = {}): Promise<void> {
  calls = emulatorCalls(options);
  samplerId = await sampler();
}

async function sampler(): Promise<string> {
  const session_id = await calls.session();
  const body = { session_id, sampling_session_seq_id: 0, base_model: 'emulator/tiny' };
  return (await calls.ok('create_sampling_session', body)).sampling_session_id;
}

function request(details: object = {}, params: object = {}, tokens: readonly number[] = [5, 6, 7]) {
  return {
    sampling_session_id: samplerId,
    prompt: { chunks: [{ tokens, type: 'encoded_text' }] },
    sampling_params: { max_tokens: 4, seed: 9, ...params },
    ...details,
  };
}

const sample = (details?: object, params?: object, tokens?: readonly number[]) =>
  calls.result('asample', request(details, params, tokens));

interface WireSample {
  readonly sequences: readonly { stopReason: number; tokens: Uint8Array; logprobs: Uint8Array }[];
  readonly promptLogprobs?: Uint8Array;
  readonly topkPromptLogprobs?: {
    tokenIds: Uint8Array;
    logprobs: Uint8Array;
    k: number;
    promptLength: number;
  };
  readonly promptCacheHitTokens: number;
}

const int32s = (bytes: Uint8Array): number[] => Array.from(new Int32Array(bytes.slice().buffer));
const float32s = (bytes: Uint8Array): number[] => Array.from(new Float32Array(bytes.slice().buffer));

/** A result in protobuf, in the words of JSON, as a client reads it (protocol 4.5). */
async function inProtobuf(requestId: string) {
  const poll = () =>
    calls.call(
      'retrieve_future',
      { request_id: requestId },
      { headers: { accept: 'application/x-protobuf' } },
    );
  let answer = await poll();
  while (answer.status === 408) answer = await poll();
  expect(answer.headers.get('content-type')).toBe('application/x-protobuf');
  const { sequences, promptLogprobs, topkPromptLogprobs, promptCacheHitTokens } = oracleDecode(
    'SampleResponse',
    answer.bytes,
  ) as unknown as WireSample;
  return {
    sequences: sequences.map(({ stopReason, tokens, logprobs }) => ({
      stop_reason: stopReason === 0 ? 'stop' : 'length',
      tokens: int32s(tokens),
      logprobs: float32s(logprobs),
    })),
    ...(promptLogprobs && {
      prompt_logprobs: float32s(promptLogprobs).map((logprob) => (Number.isNaN(logprob) ? null : logprob)),
    }),
    ...(topkPromptLogprobs && { topk_prompt_logprobs: rowsOf(topkPromptLogprobs) }),
    prompt_cache_hit_tokens: promptCacheHitTokens,
    type: 'sample',
  };
}

function rowsOf({ tokenIds, logprobs, k, promptLength }: NonNullable<WireSample['topkPromptLogprobs']>) {
  const [ids, values] = [int32s(tokenIds), float32s(logprobs)];
  expect([ids.length, values.length]).toEqual([k * promptLength, k * promptLength]);
  return Array.from({ length: promptLength }, (_, row) => {
    const cells = Array.from({ length: k }, (_, cell) => [ids[row * k + cell], values[row * k + cell]]);
    const known = cells.filter(([id, value]) => id !== 0 || value !== EMPTY_CELL);
    return known.length === 0 ? null : known;
  });
}

describe('either encoding', () => {
  it.each([
    ['plain', {}],
    ['with log-probs of the prompt', { prompt_logprobs: true }],
    ['with the likeliest tokens of the prompt', { topk_prompt_logprobs: 3 }],
    ['with both, of several samples', { prompt_logprobs: true, topk_prompt_logprobs: 300, num_samples: 3 }],
  ])('says the same: %s', async (_, details) => {
    const { request_id } = await calls.ok('asample', request(details));
    const protobuf = await inProtobuf(request_id);
    expect(await calls.ok('retrieve_future', { request_id })).toEqual(protobuf);
    expect(protobuf.sequences).toHaveLength('num_samples' in details ? 3 : 1);
  });

  it('has nothing for the first token, and as many cells as there are tokens', async () => {
    const { prompt_logprobs, topk_prompt_logprobs } = await sample({
      prompt_logprobs: true,
      topk_prompt_logprobs: 300,
    });
    expect(prompt_logprobs).toEqual([null, expect.any(Number), expect.any(Number)]);
    expect(topk_prompt_logprobs.map((row: unknown[] | null) => row?.length)).toEqual([undefined, 256, 256]);
    for (const [at, row] of [topk_prompt_logprobs[1], topk_prompt_logprobs[2]].entries()) {
      const found = row.find(([token]: [number]) => token === [6, 7][at]);
      expect(found[1]).toBe(prompt_logprobs[at + 1]);
      expect(
        row.reduce((sum: number, [, logprob]: [number, number]) => sum + Math.exp(logprob), 0),
      ).toBeCloseTo(1, 5);
    }
  });

  it('knows of a stop, and of a sample without a token', async () => {
    const { sequences } = await sample({}, { max_tokens: 1 });
    const [first] = sequences[0].tokens;
    const { request_id } = await calls.ok('asample', request({}, { stop: [first] }));
    const empty = { stop_reason: 'stop', tokens: [], logprobs: [] };
    expect((await inProtobuf(request_id)).sequences).toEqual([empty]);
    expect((await calls.ok('retrieve_future', { request_id })).sequences).toEqual([empty]);
  });

  it('of a prompt of one token has nothing to say but that', async () => {
    const details = { prompt_logprobs: true, topk_prompt_logprobs: 2 };
    expect(await sample(details, {}, [1])).toMatchObject({
      prompt_logprobs: [null],
      topk_prompt_logprobs: [null],
    });
  });
});

describe('seeds', () => {
  it('give a sequence that does not depend on how many there are', async () => {
    const { sequences: many } = await sample({ num_samples: 5 });
    const { sequences: few } = await sample({ num_samples: 2 });
    expect(few).toEqual(many.slice(0, 2));
    expect(new Set(many.map(({ tokens }: { tokens: number[] }) => tokens.join())).size).toBe(5);
  });

  it('may have 64 bits, and are folded: what a double would confuse is told apart', async () => {
    const seeded = async (seed: string) => {
      const text = JSON.stringify(request({}, { max_tokens: 12 })).replace('"seed":9', `"seed": ${seed}`);
      return (await calls.result('asample', text)).sequences[0].tokens.join();
    };
    expect(await seeded('9')).toBe(await seeded('9'));
    // 2^53, 2^53 + 1: one double. Beyond 2^63 - 2 they start again.
    const [a, b] = [await seeded('9007199254740992'), await seeded('9007199254740993')];
    expect(a).not.toBe(b);
    expect(await seeded('9223372036854775816')).toBe(await seeded('9'));
    expect(await seeded('-1')).toBe(await seeded('9223372036854775806'));
  });

  it('are drawn where none is given', async () => {
    const { sequences: one } = await sample({}, { seed: undefined, max_tokens: 20 });
    const { sequences: other } = await sample({}, { seed: null, max_tokens: 20 });
    expect(one).not.toEqual(other);
  });
});

describe('sequence ids', () => {
  it('of 63 bits are told apart, and known again', async () => {
    const submit = async (seq: string) => {
      const text = JSON.stringify(request({ seq_id: 0 })).replace('"seq_id":0', `"seq_id":${seq}`);
      return (await calls.ok('asample', text)).request_id;
    };
    const ids = ['9223372036854775807', '9223372036854775806', '9007199254740993', '9007199254740992', '0'];
    const first: string[] = [];
    for (const id of ids) first.push(await submit(id));
    expect(new Set(first).size).toBe(ids.length);
    for (const [index, id] of ids.entries()) expect(await submit(id)).toBe(first[index]);
  });

  it('belong to one request each', async () => {
    await calls.ok('asample', request({ seq_id: 7 }));
    expect((await calls.call('asample', request({ seq_id: 7 }, { seed: 10 }))).status).toBe(409);
  });
});

describe('a prompt', () => {
  it('has hits in the cache where an earlier one began alike, in blocks of 16, but for its last token', async () => {
    const hits = async (tokens: readonly number[]) =>
      (await sample({ num_samples: 3 }, {}, tokens)).prompt_cache_hit_tokens;
    const long = Array.from({ length: 50 }, (_, i) => i);
    expect(await hits(long)).toBe(0);
    expect(await hits(long)).toBe(48);
    expect(await hits(long.slice(0, 48))).toBe(32);
    expect(await hits([...long.slice(0, 20), 99])).toBe(16);
    expect(await hits([99, ...long])).toBe(0);
    // Not only the latest prompt is remembered, but not for ever either.
    expect(await hits(long)).toBe(48);
    for (let other = 100; other < 164; other++) await sample({}, { max_tokens: 1 }, [other]);
    expect(await hits(long)).toBe(0);
    expect(await hits(long)).toBe(48);
    // Each sampler has a memory of its own.
    samplerId = await sampler();
    expect(await hits(long)).toBe(0);
  });

  it('longer than the context is the user’s failure; one that fills it leaves no room', async () => {
    expect(await sample({}, {}, Array(65).fill(1))).toEqual({
      error: 'The prompt has 65 tokens; the context of "emulator/tiny" holds 64',
      category: 'user',
    });
    const full = await sample({ prompt_logprobs: true }, {}, Array(64).fill(1));
    expect(full.sequences).toEqual([{ stop_reason: 'length', tokens: [], logprobs: [] }]);
    expect(full.prompt_logprobs).toHaveLength(64);
    const { sequences } = await sample({}, { max_tokens: undefined }, Array(60).fill(1));
    expect(sequences[0].tokens).toHaveLength(4);
  });

  it.each([
    ['image', { type: 'image', data: 'AA==', format: 'png' }],
    ['image_asset_pointer', { type: 'image_asset_pointer', location: 'a', format: 'png' }],
    ['dmel', { type: 'dmel', dmel: 'AA==' }],
  ])('with a chunk of the kind %s fails by its name', async (kind, chunk) => {
    const prompt = { chunks: [{ tokens: [1], type: 'encoded_text' }, chunk] };
    expect(await sample({ prompt })).toEqual({
      error: `body.prompt.chunks[1] is of the kind "${kind}"; this model reads text only`,
      category: 'user',
    });
  });
});

it.each([
  [{ num_samples: 0 }, {}, 'num_samples must be at least 1, got 0'],
  [{ num_samples: 1e9 }, {}, 'num_samples must be at most 65536, got 1000000000'],
  [{ topk_prompt_logprobs: -1 }, {}, 'topk_prompt_logprobs must be at least 0, got -1'],
  [{ prompt: { chunks: [] } }, {}, 'body.prompt must hold at least one token'],
  [{ prompt: { chunks: [{ type: 'image' }] } }, {}, 'body.prompt.chunks[0].data must be a string'],
  [{ seq_id: 1.5 }, {}, 'body.seq_id must be an integer'],
  [{}, { seed: 1.5 }, 'body.sampling_params.seed must be an integer'],
  [{}, { seed: '9007199254740993' }, 'body.sampling_params.seed must be an integer'],
  [{}, { max_tokens: 0 }, 'max_tokens must be at least 1, got 0'],
  [{}, { temperature: -1 }, 'temperature must be at least 0, got -1'],
  [{}, { top_p: 0 }, 'top_p must be above 0 and at most 1, got 0'],
  [{}, { top_p: 1.5 }, 'top_p must be above 0 and at most 1, got 1.5'],
  [{}, { top_k: -2 }, 'top_k must be at least -1, got -2'],
  [{}, { stop: [''] }, 'body.sampling_params.stop must hold non-empty strings or token ids'],
  [{}, { stop: 5 }, 'body.sampling_params.stop must be a string or an array'],
])('refuses %j with %j', async (details, params, detail) => {
  const answer = await calls.call('asample', request(details, params));
  expect([answer.status, answer.body]).toEqual([422, { detail }]);
});

it('runs thousands of samples of one prompt', async () => {
  const { sequences } = await sample({ num_samples: 2000 }, { max_tokens: 1 }, [1]);
  expect(sequences).toHaveLength(2000);
  expect(new Set(sequences.map(({ tokens }: { tokens: number[] }) => tokens[0])).size).toBeGreaterThan(100);
});

it('does not sample for somebody else', async () => {
  expect((await calls.as('tml-other').call('asample', request())).status).toBe(404);
});

describe('under pressure', () => {
  const PRESSURE = { 'x-tinker-sampling-backpressure': '1' };
  const asample = (seq_id: number, headers = {}) => calls.call('asample', request({ seq_id }), { headers });

  it('refuses those who ask to be told, and lets others wait', async () => {
    await start({ latencyMs: 1000, limits: { concurrentSamples: 2 } });
    const first = await asample(0, PRESSURE);
    const second = await asample(1);
    expect([first.status, second.status]).toEqual([200, 200]);
    const refused = await asample(2, PRESSURE);
    expect([refused.status, refused.headers.get('retry-after'), refused.body]).toEqual([
      429,
      '1',
      { detail: '2 sample requests are under way; this server takes 2. Try again later' },
    ]);
    expect((await asample(3)).status).toBe(200);
    // A repetition is no further request.
    expect((await asample(0, PRESSURE)).body).toEqual(first.body);
    expect((await asample(2, { 'x-tinker-sampling-backpressure': '0' })).status).toBe(200);
    await calls.clock.advance(3000);
    expect((await asample(4, PRESSURE)).status).toBe(200);
    await calls.clock.advance(2000);
    expect(calls.clock.pending).toBe(0);
  });

  it('counts those that failed no longer', async () => {
    await start({ latencyMs: 10, limits: { concurrentSamples: 1 } });
    for (let seq = 0; seq < 3; seq++) {
      const answer = await calls.call('asample', request({ seq_id: seq }, {}, [256]), { headers: PRESSURE });
      expect(answer.status).toBe(200);
      await calls.clock.advance(10);
    }
    expect((await asample(3, PRESSURE)).status).toBe(200);
  });
});
