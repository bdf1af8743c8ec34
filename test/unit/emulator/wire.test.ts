import { beforeEach, describe, expect, it } from 'vitest';
import { createEmulator, type Emulator, type EmulatorOptions } from '../../../src/emulator/index.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import { createVirtualClock, type VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { SMALL } from '../../support/offline.ts';

// The emulator held to the protocol's own words (protocol.md), without the client: bodies are written out here.

let clock: VirtualClock;
let emulator: Emulator;
beforeEach(() => start());

function start(options: EmulatorOptions = {}): void {
  clock = createVirtualClock();
  emulator = createEmulator({ model: SMALL, clock, random: seededRandom(1), ...options });
}

async function call(
  path: string,
  body?: unknown,
  options: { method?: string; headers?: Record<string, string>; base?: string; signal?: AbortSignal } = {},
) {
  const {
    method = body === undefined ? 'GET' : 'POST',
    base = 'https://host/services/any',
    headers = {},
    signal = null,
  } = options;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const request = new Request(`${base}/api/v1/${path}`, {
    method,
    headers,
    signal,
    ...(body === undefined ? {} : { body: text }),
  });
  const response = await clock.drive(emulator.fetch(request));
  return { status: response.status, body: await response.json() };
}

const ok = async (path: string, body?: unknown) => {
  const answer = await call(path, body);
  expect([path, answer.status, answer.body]).toEqual([path, 200, answer.body]);
  return answer.body;
};

const session = async (): Promise<string> =>
  (await ok('create_session', { tags: [], user_metadata: {}, sdk_version: '0.25.0', type: 'create_session' }))
    .session_id;

/** Poll until the future is settled. */
async function result(requestId: string) {
  for (;;) {
    const { status, body } = await call('retrieve_future', {
      request_id: requestId,
      allow_metadata_only: true,
    });
    if (status !== 408) return body;
    expect(body).toEqual({ type: 'try_again', request_id: requestId, queue_state: 'active' });
  }
}

async function model(): Promise<{ modelId: string; sessionId: string }> {
  const sessionId = await session();
  const { request_id } = await ok('create_model', {
    session_id: sessionId,
    model_seq_id: 0,
    base_model: 'emulator/tiny',
    lora_config: { rank: 4, seed: 1, train_unembed: true, train_mlp: true, train_attn: true },
    type: 'create_model',
  });
  const { model_id } = await result(request_id);
  expect(model_id).toBe(`${sessionId}:train:0`);
  return { modelId: model_id, sessionId };
}

const INPUT = {
  data: [
    {
      loss_fn_inputs: {
        target_tokens: { data: [2, 3, 4], dtype: 'int64', shape: [3] },
        weights: { data: [1, 0, 0.5], dtype: 'float32', shape: [3] },
      },
      model_input: {
        chunks: [
          { tokens: [1, 2], type: 'encoded_text' },
          { tokens: [3], type: 'encoded_text' },
        ],
      },
    },
  ],
  loss_fn: 'cross_entropy',
};

describe('service', () => {
  it('answers health, capabilities and config', async () => {
    expect(await ok('healthz')).toEqual({ status: 'ok' });
    expect(await ok('get_server_capabilities')).toEqual({
      supported_models: [{ model_name: 'emulator/tiny', max_context_length: 64 }],
    });
    expect(await ok('client/config', { sdk_version: '0.25.0' })).toEqual({});
  });

  it.each([
    ['no_such_route', {}, 404, 'Not Found'],
    ['healthz', {}, 405, 'Method Not Allowed'],
    ['create_session', '{"tags": [', 400, 'The body is not JSON'],
    ['create_session', '[]', 422, 'The body is not a JSON object'],
    ['create_session', { tags: 'x', sdk_version: '1' }, 422, 'body.tags must be an array'],
    ['session_heartbeat', {}, 422, 'body.session_id must be a string'],
    ['optim_step', { model_id: 'nobody' }, 404, 'Model "nobody" is unknown'],
    ['asample', { sampling_session_id: 'none' }, 404, 'Sampling session "none" is unknown or was closed'],
    ['retrieve_future', { request_id: 'nothing' }, 404, 'Future not found'],
    ['retrieve_future', { request_id: 'request-99' }, 404, 'Future not found'],
  ])('answers %s with %j by %i', async (path, body, status, detail) => {
    expect(await call(path, body)).toEqual({ status, body: { detail } });
  });

  it('asks for its key under any base path', async () => {
    start({ apiKey: 'tml-key' });
    expect((await call('healthz')).status).toBe(401);
    expect((await call('healthz', undefined, { headers: { 'x-api-key': 'tml-other' } })).status).toBe(401);
    const headers = { 'x-api-key': 'tml-key' };
    for (const base of ['http://127.0.0.1:1', 'https://host/a/b/c']) {
      expect((await call('healthz', undefined, { headers, base })).status).toBe(200);
    }
  });

  it('forgets a session that is silent for too long, and keeps one that is not', async () => {
    start({ sessionTimeoutMs: 60_000 });
    const sessionId = await session();
    const beat = () => call('session_heartbeat', { session_id: sessionId, type: 'session_heartbeat' });
    for (let i = 0; i < 4; i++) {
      await clock.advance(50_000);
      expect(await beat()).toEqual({ status: 200, body: { type: 'session_heartbeat' } });
    }
    await clock.advance(60_001);
    expect((await beat()).status).toBe(404);
  });
});

describe('futures', () => {
  it('take time on the clock, and hold a poll no longer than they may', async () => {
    start({ latencyMs: 50_000, holdMs: 20_000 });
    const sessionId = await session();
    const { request_id } = await ok('create_model', {
      session_id: sessionId,
      model_seq_id: 0,
      base_model: 'emulator/tiny',
    });
    const startedAt = clock.monotonic();
    expect((await call('retrieve_future', { request_id })).status).toBe(408);
    expect(clock.monotonic() - startedAt).toBe(20_000);
    await result(request_id);
    expect(clock.monotonic() - startedAt).toBe(50_000);
    // Kept for a repeated poll.
    expect((await call('retrieve_future', { request_id })).status).toBe(200);
    expect(clock.pending).toBe(0);
  });

  it('let go of a poll whose client went away', async () => {
    start({ latencyMs: 1000 });
    const { request_id } = await ok('create_model', {
      session_id: await session(),
      model_seq_id: 0,
      base_model: 'emulator/tiny',
    });
    const away = new AbortController();
    const poll = emulator.fetch(
      new Request('https://h/api/v1/retrieve_future', {
        method: 'POST',
        body: JSON.stringify({ request_id }),
        signal: away.signal,
      }),
    );
    await clock.advance(10);
    expect(clock.pending).toBe(2);
    away.abort();
    await poll;
    expect(clock.pending).toBe(1);
    await clock.advance(1000);
  });

  it('say that a delivered result has expired once many came after it', async () => {
    const { sessionId } = await model();
    const { sampling_session_id } = await ok('create_sampling_session', {
      session_id: sessionId,
      sampling_session_seq_id: 0,
      base_model: 'emulator/tiny',
    });
    const sample = async (seq_id: number): Promise<string> => {
      const { request_id } = await ok('asample', {
        sampling_session_id,
        seq_id,
        prompt: { chunks: [{ tokens: [1] }] },
        sampling_params: { max_tokens: 1 },
      });
      await result(request_id);
      return request_id;
    };
    const first = await sample(0);
    for (let i = 1; i <= 300; i++) await sample(i);
    expect(await call('retrieve_future', { request_id: first })).toEqual({
      status: 410,
      body: { detail: 'The result has expired' },
    });
  });
});

describe('training', () => {
  it('answers a pass and a step as the protocol words them', async () => {
    const { modelId } = await model();
    const pass = await ok('forward_backward', {
      forward_backward_input: INPUT,
      model_id: modelId,
      seq_id: 1,
    });
    expect(pass).toEqual({ request_id: expect.any(String), model_id: modelId });
    const output = await result(pass.request_id);
    const [{ logprobs }] = output.loss_fn_outputs;
    expect(output).toEqual({
      loss_fn_output_type: 'ArrayRecord',
      loss_fn_outputs: [
        {
          logprobs: {
            data: [expect.any(Number), expect.any(Number), expect.any(Number)],
            dtype: 'float32',
            shape: [3],
          },
        },
      ],
      metrics: { 'loss:sum': expect.any(Number) },
    });
    expect(output.metrics['loss:sum']).toBe(-(logprobs.data[0] + 0.5 * logprobs.data[2]));
    const step = await ok('optim_step', {
      adam_params: { learning_rate: 0.01 },
      model_id: modelId,
      seq_id: 2,
      type: 'optim_step',
    });
    const { metrics } = await result(step.request_id);
    expect(metrics['grad_norm:mean']).toBeGreaterThan(0);
    const again = await ok('forward', { forward_input: INPUT, model_id: modelId, seq_id: 3 });
    expect((await result(again.request_id)).metrics['loss:sum']).toBeLessThan(output.metrics['loss:sum']);
  });

  it('runs requests by sequence id, once each', async () => {
    const { modelId } = await model();
    const pass = { forward_backward_input: INPUT, model_id: modelId };
    const step = { adam_params: { learning_rate: 0.01 }, model_id: modelId, seq_id: 3, type: 'optim_step' };
    const third = (await ok('optim_step', step)).request_id;
    expect((await call('retrieve_future', { request_id: third })).status).toBe(408);
    const first = (await ok('forward_backward', { ...pass, seq_id: 1 })).request_id;
    expect((await ok('forward_backward', { ...pass, seq_id: 1 })).request_id).toBe(first);
    await ok('forward_backward', { ...pass, seq_id: 2 });
    const twice = (await result(third)).metrics['grad_norm:mean'];
    expect(await call('optim_step', { ...step, adam_params: { learning_rate: 1 } })).toEqual({
      status: 409,
      body: { detail: 'Sequence id 3 was used for another request' },
    });

    const other = await model();
    await ok('forward_backward', { ...pass, model_id: other.modelId, seq_id: 1 });
    const single = await ok('optim_step', { ...step, model_id: other.modelId, seq_id: 2 });
    expect(twice / (await result(single.request_id)).metrics['grad_norm:mean']).toBeCloseTo(2, 4);
  });

  it.each([
    [{ ...INPUT, data: [] }, 'body.forward_input.data must hold at least one datum'],
    [{ data: INPUT.data }, 'body.forward_input.loss_fn must be a string'],
    [
      {
        ...INPUT,
        data: [{ ...INPUT.data[0], model_input: { chunks: [{ tokens: [1], type: 'encoded_text' }] } }],
      },
      'body.forward_input.data[0].loss_fn_inputs.target_tokens has the shape [3]; for 1 tokens and cross_entropy it must be [1] or [1, K]',
    ],
  ])('refuses a pass it cannot read, without taking its number: %#', async (forward_input, detail) => {
    const { modelId } = await model();
    expect(await call('forward', { forward_input, model_id: modelId, seq_id: 1 })).toEqual({
      status: 422,
      body: { detail },
    });
    const next = await ok('forward', { forward_input: INPUT, model_id: modelId, seq_id: 1 });
    expect((await result(next.request_id)).metrics).toBeDefined();
  });

  it.each([
    [
      'forward',
      { forward_input: { ...INPUT, loss_fn: 'gspo' } },
      'Loss "gspo" is not available; this emulator has cross_entropy, importance_sampling, ppo, cispo, dro',
    ],
    [
      'forward',
      {
        forward_input: {
          ...INPUT,
          data: [
            { ...INPUT.data[0], model_input: { chunks: [{ data: 'AA==', format: 'png', type: 'image' }] } },
          ],
        },
      },
      'body.forward_input.data[0].model_input.chunks[0] is of the kind "image"; this model reads text only',
    ],
    ['save_weights', { path: 'a/b' }, expect.stringContaining('Checkpoint name "a/b" must match')],
    [
      'load_weights',
      { path: 'weights', optimizer: false },
      '"weights" is not a checkpoint path: tinker://RUN/weights/NAME',
    ],
    [
      'load_weights',
      { path: 'tinker://r/sampler_weights/x' },
      '"tinker://r/sampler_weights/x" is of kind sampler_weights; this needs one of kind weights',
    ],
  ])('fails %s with %j through its future, and goes on', async (path, body, error) => {
    const { modelId } = await model();
    const { request_id } = await ok(path, { ...body, model_id: modelId, seq_id: 1 });
    expect(await result(request_id)).toEqual({ error, category: 'user' });
    const next = await ok('forward', { forward_input: INPUT, model_id: modelId, seq_id: 2 });
    expect((await result(next.request_id)).metrics).toBeDefined();
  });

  it('saves for the sampler under a name or for this session only, and for so long', async () => {
    const { modelId, sessionId } = await model();
    const save = async (body: object) =>
      result(
        (
          await ok('save_weights_for_sampler', {
            model_id: modelId,
            type: 'save_weights_for_sampler',
            ...body,
          })
        ).request_id,
      );
    const named = await save({ path: 'named', seq_id: 1, ttl_seconds: 60 });
    expect(named).toEqual({
      path: `tinker://${modelId}/sampler_weights/named`,
      type: 'save_weights_for_sampler',
    });
    expect(await save({ sampling_session_seq_id: 4, seq_id: 2 })).toEqual({
      sampling_session_id: `${sessionId}:sample:4`,
      type: 'save_weights_for_sampler',
    });
    const open = (seq: number) =>
      call('create_sampling_session', {
        session_id: sessionId,
        sampling_session_seq_id: seq,
        model_path: named.path,
      });
    expect((await open(5)).status).toBe(200);
    await clock.advance(60_000);
    expect(await open(6)).toEqual({
      status: 400,
      body: { detail: `There is no checkpoint at "${named.path}"` },
    });
  });
});

it('samples as the protocol words it', async () => {
  const { sessionId } = await model();
  const { sampling_session_id } = await ok('create_sampling_session', {
    session_id: sessionId,
    sampling_session_seq_id: 1,
    base_model: 'emulator/tiny',
    type: 'create_sampling_session',
  });
  const body = {
    num_samples: 2,
    prompt: { chunks: [{ tokens: [5, 6, 7], type: 'encoded_text' }] },
    sampling_params: { max_tokens: 4, seed: 9, temperature: 1, top_k: -1, top_p: 1 },
    sampling_session_id,
    seq_id: 0,
    prompt_logprobs: true,
    topk_prompt_logprobs: 2,
    type: 'sample',
  };
  const { request_id } = await ok('asample', body);
  expect((await ok('asample', body)).request_id).toBe(request_id);
  const sampled = await result(request_id);
  const four = [0, 0, 0, 0].map(() => expect.any(Number));
  const row = [
    [expect.any(Number), expect.any(Number)],
    [expect.any(Number), expect.any(Number)],
  ];
  expect(sampled).toEqual({
    sequences: [0, 1].map(() => ({ stop_reason: 'length', tokens: four, logprobs: four })),
    prompt_logprobs: [null, expect.any(Number), expect.any(Number)],
    topk_prompt_logprobs: [null, row, row],
    prompt_cache_hit_tokens: 0,
    type: 'sample',
  });
  const [[best], [second]] = [sampled.topk_prompt_logprobs[1], sampled.topk_prompt_logprobs[2]].map((cells) =>
    cells.map(([, lp]: number[]) => lp),
  );
  expect(best).toBeGreaterThanOrEqual(sampled.prompt_logprobs[1]);
  expect(second).toBeGreaterThanOrEqual(sampled.prompt_logprobs[2]);

  // The context is 64: what does not fit is not generated, and a prompt that fills it is refused.
  const long = await ok('asample', {
    ...body,
    seq_id: 1,
    num_samples: 1,
    prompt: { chunks: [{ tokens: Array(60).fill(1) }] },
    sampling_params: { max_tokens: 50 },
  });
  const { sequences } = await result(long.request_id);
  expect([sequences[0].tokens.length, sequences[0].stop_reason]).toEqual([4, 'length']);
  const over = await ok('asample', {
    ...body,
    seq_id: 2,
    prompt: { chunks: [{ tokens: Array(65).fill(1) }] },
  });
  expect(await result(over.request_id)).toMatchObject({ category: 'user' });
  const unknown = await ok('asample', { ...body, seq_id: 3, prompt: { chunks: [{ tokens: [256] }] } });
  expect(await result(unknown.request_id)).toMatchObject({ category: 'user' });
});

it('keeps the last sixty-four sets of weights to sample from', async () => {
  const { sessionId } = await model();
  const open = async (seq: number): Promise<string> =>
    (
      await ok('create_sampling_session', {
        session_id: sessionId,
        sampling_session_seq_id: seq,
        base_model: 'emulator/tiny',
      })
    ).sampling_session_id;
  const ids: string[] = [];
  for (let seq = 0; seq < 65; seq++) ids.push(await open(seq));
  const sample = (sampling_session_id: string | undefined) =>
    call('asample', {
      sampling_session_id,
      prompt: { chunks: [{ tokens: [1] }] },
      sampling_params: { max_tokens: 1 },
    });
  expect((await sample(ids[0])).status).toBe(404);
  expect((await sample(ids[1])).status).toBe(200);
});
