import { describe, expect, it } from 'vitest';
import type { DialectName, EmulatorDialect, EmulatorOptions } from '../../../src/emulator/index.ts';
import { emulatorCalls } from '../../support/emulator-calls.ts';
import { protobufBody, targetTokens } from './training-request.ts';

const STEP = { adam_params: {}, type: 'optim_step' };
const TARGETS = { data: [2, 3], dtype: 'int64', shape: [2] };
const PASS = {
  forward_backward_input: {
    data: [
      {
        model_input: { chunks: [{ tokens: [1, 2], type: 'encoded_text' }] },
        loss_fn_inputs: { target_tokens: TARGETS },
      },
    ],
    loss_fn: 'cross_entropy',
  },
};
const SAVE = { path: 'one', type: 'save_weights' };

const start = (dialect: DialectName | Partial<EmulatorDialect>, options: EmulatorOptions = {}) =>
  emulatorCalls({ dialect, ...options });

type Calls = ReturnType<typeof emulatorCalls>;

const answerTo = async (
  { call }: Calls,
  path: string,
  body?: unknown,
  options?: Parameters<Calls['call']>[2],
) => {
  const { status, body: answer } = await call(path, body, options);
  return [status, answer];
};

describe('a pass in protobuf', () => {
  it.each([
    [400, { detail: 'The Content-Type is not supported' }],
    [415, { detail: 'The Content-Type is not supported' }],
    [500, undefined],
  ] as const)('is answered by %d', async (fwdbwdRequest, body) => {
    const calls = start({ fwdbwdRequest });
    const headers = { 'content-type': 'application/x-protobuf' };
    const answer = await calls.call('forward_backward', Uint8Array.of(8, 1), { headers });
    expect([answer.status, answer.body]).toEqual([fwdbwdRequest, body]);
    if (fwdbwdRequest === 500) {
      expect(new TextDecoder().decode(answer.bytes)).toBe('Internal Server Error');
      expect(answer.headers.get('content-type')).toBe('text/plain');
    }
  });

  it('is refused where it is packed, and read where it is not', async () => {
    const calls = start({ zstd: 422 }, { decompress: (bytes) => bytes });
    const headers = { 'content-type': 'application/x-protobuf', 'content-encoding': 'zstd' };
    expect((await calls.call('forward_backward', Uint8Array.of(8, 1), { headers })).body).toEqual({
      detail: 'The Content-Encoding is not supported',
    });
  });
});

describe('a route that is not there', () => {
  it('is a 404, or a 405 where another method has it', async () => {
    const calls = start({
      absentRoutes: { 'GET samplers*': 404, '* *publish': 405, 'POST weights_info': 404 },
      forwardRoute: false,
      heartbeat: 'absent',
    });
    expect(await answerTo(calls, 'samplers/x')).toEqual([404, { detail: 'Not Found' }]);
    expect(await answerTo(calls, 'training_runs/r/checkpoints/weights/w/publish', {})).toEqual([
      405,
      { detail: 'Method Not Allowed' },
    ]);
    expect(await answerTo(calls, 'weights_info', {})).toEqual([404, { detail: 'Not Found' }]);
    expect(await answerTo(calls, 'forward', {})).toEqual([404, { detail: 'Not Found' }]);
    expect(await answerTo(calls, 'session_heartbeat', {})).toEqual([404, { detail: 'Not Found' }]);
    // Others are as they were.
    expect((await calls.call('healthz')).status).toBe(200);
    expect((await calls.call('weights_info_2', {})).body).toEqual({ detail: 'Not Found' });
  });

  it('may look like another route', async () => {
    const calls = start({ absentRoutes: { 'GET checkpoints': 404 } });
    expect((await calls.call('checkpoints')).status).toBe(404);
    expect((await calls.call('training_runs')).status).toBe(200);
  });
});

describe('strict fields', () => {
  it('are refused together, by their names', async () => {
    const calls = start({ strictFields: true });
    const body = { ...SAVE, model_id: 'm', seq_id: 1, overwrite: true, ttl_seconds: 60 };
    expect(await answerTo(calls, 'save_weights', body)).toEqual([
      422,
      {
        detail: [
          {
            type: 'extra_forbidden',
            loc: ['body', 'overwrite'],
            msg: 'Extra inputs are not permitted',
            input: true,
          },
          {
            type: 'extra_forbidden',
            loc: ['body', 'ttl_seconds'],
            msg: 'Extra inputs are not permitted',
            input: 60,
          },
        ],
      },
    ]);
    const peek = { request_id: 'request-1', allow_metadata_only: false };
    expect((await calls.call('retrieve_future', peek)).status).toBe(422);
  });
});

describe('a repetition', () => {
  const twice = async (calls: Calls, path: string, body: object) => [
    await calls.call(path, body),
    await calls.call(path, body),
  ];

  it.each([
    ['same-id-409', true, 409],
    ['same-id-422', true, 422],
    ['passes', true, 409],
  ] as const)('of a step is known again with %s', async (idempotency, isSame, status) => {
    const calls = start({ idempotency });
    const { modelId } = await calls.model();
    const body = { ...STEP, model_id: modelId, seq_id: 1 };
    const [first, second] = await twice(calls, 'optim_step', body);
    expect(first?.body.request_id === second?.body.request_id).toBe(isSame);
    expect((await calls.call('optim_step', { ...body, adam_params: { beta1: 0.5 } })).status).toBe(status);
  });

  it('runs twice where nothing is known again', async () => {
    const norm = async (idempotency: EmulatorDialect['idempotency'], times: number): Promise<number> => {
      const calls = start({ idempotency });
      const { modelId } = await calls.model();
      for (let i = 0; i < times; i++)
        await calls.ok('forward_backward', { ...PASS, model_id: modelId, seq_id: 1 });
      const { metrics } = await calls.result('optim_step', { ...STEP, model_id: modelId, seq_id: 2 });
      return metrics['grad_norm:mean'];
    };
    const once = await norm('none', 1);
    expect(await norm('same-id-409', 2)).toBe(once);
    expect(await norm('none', 2)).toBeCloseTo(2 * once, 5);
  });

  it('of a pass in protobuf runs twice, too', async () => {
    const pass = {
      data: [{ tokens: [1, 2], tensors: { target_tokens: targetTokens([2, 3]) } }],
      lossFn: 'cross_entropy',
    };
    const headers = { 'content-type': 'application/x-protobuf' };
    const norm = async (times: number): Promise<number> => {
      const calls = start({ idempotency: 'none' });
      const { modelId } = await calls.model();
      for (let i = 0; i < times; i++)
        expect(
          (await calls.call('forward_backward', protobufBody(pass, modelId, 1), { headers })).status,
        ).toBe(200);
      const { metrics } = await calls.result('optim_step', { ...STEP, model_id: modelId, seq_id: 2 });
      return metrics['grad_norm:mean'];
    };
    expect(await norm(2)).toBeCloseTo(2 * (await norm(1)), 5);
  });

  it('of a save or a load is refused where only passes are known again', async () => {
    const calls = start({ idempotency: 'passes' });
    const { modelId } = await calls.model();
    const save = { ...SAVE, model_id: modelId, seq_id: 1 };
    expect((await twice(calls, 'save_weights', save)).map(({ status }) => status)).toEqual([200, 409]);
    expect((await calls.call('save_weights', save)).body).toEqual({
      detail: "Checkpoint 'one' already exists",
    });
    const path = `tinker://${modelId}/weights/one`;
    const load = { model_id: modelId, seq_id: 2, path, optimizer: false, type: 'load_weights' };
    expect((await twice(calls, 'load_weights', load)).map(({ status }) => status)).toEqual([200, 400]);
    expect((await calls.call('load_weights', load)).body).toEqual({
      detail: 'LoadWeights is not permitted with seq_id 2',
    });
  });

  it.each(['none', 'passes'] as const)(
    'of a sample or a model makes another with %s',
    async (idempotency) => {
      const calls = start({ idempotency });
      const session_id = await calls.session();
      const model = { session_id, model_seq_id: 0, base_model: 'emulator/tiny' };
      expect((await twice(calls, 'create_model', model)).map(({ body }) => body.model_id)).toEqual([
        `${session_id}:train:0`,
        `${session_id}:train:1`,
      ]);
      const sampler = { session_id, sampling_session_seq_id: 0, base_model: 'emulator/tiny' };
      const { sampling_session_id } = await calls.ok('create_sampling_session', sampler);
      const prompt = { chunks: [{ tokens: [1], type: 'encoded_text' }] };
      const sample = { sampling_session_id, seq_id: 0, prompt, sampling_params: { max_tokens: 1 } };
      const [first, second] = await twice(calls, 'asample', sample);
      expect(first?.body.request_id).not.toBe(second?.body.request_id);
    },
  );
});

describe('an order of requests', () => {
  it('lets a model load only before everything else', async () => {
    const calls = start({ ordering: 'load-first' });
    const { modelId } = await calls.model();
    const load = { model_id: modelId, path: 'tinker://r/weights/w', optimizer: false, type: 'load_weights' };
    expect(await answerTo(calls, 'load_weights', { ...load, seq_id: 2 })).toEqual([
      400,
      { detail: 'LoadWeights is not permitted with seq_id 2' },
    ]);
    expect((await calls.call('load_weights', { ...load, seq_id: 1 })).status).toBe(200);
  });

  it.each([undefined, 0, -1, 1.5, '1'])('refuses the number %j where there must be one', async (seq_id) => {
    const calls = start({ ordering: 'numbered' });
    const { modelId } = await calls.model();
    const [status, answer] = await answerTo(calls, 'optim_step', { ...STEP, model_id: modelId, seq_id });
    expect(status).toBe(400);
    expect(answer.detail).toContain('seq_id must be an integer of at least 1');
  });
});

describe('the answer to a submission', () => {
  it.each([
    ['model-id', { model_id: expect.stringMatching(/:train:0$/) }],
    ['null-model-id', { model_id: null }],
    ['bare', {}],
  ] as const)('says of the model %s', async (submitReply, says) => {
    const calls = start({ submitReply });
    const { modelId } = await calls.model();
    const answer = await calls.ok('optim_step', { ...STEP, model_id: modelId, seq_id: 1 });
    expect(answer).toEqual({ request_id: expect.any(String), ...says });
  });

  it.each(['future_id', 'id'] as const)('calls the future %s', async (requestIdField) => {
    const calls = start({ requestIdField });
    const session_id = await calls.session();
    const body = { session_id, model_seq_id: 0, base_model: 'emulator/tiny' };
    expect(await calls.ok('create_model', body)).toEqual({
      [requestIdField]: 'request-1',
      model_id: `${session_id}:train:0`,
    });
  });

  it('loads nothing where loading is deprecated', async () => {
    const calls = start('tinkercloud');
    const { status, body } = await calls.call('load_weights', { model_id: 'm', path: 'p' });
    expect([status, body.success, 'request_id' in body]).toEqual([200, false, false]);
  });

  it('names as many sequences as are asked for, each once', async () => {
    const calls = start({ sampleSequenceIds: true });
    const session_id = await calls.session();
    const sampler = { session_id, sampling_session_seq_id: 0, base_model: 'emulator/tiny' };
    const { sampling_session_id } = await calls.ok('create_sampling_session', sampler);
    const prompt = { chunks: [{ tokens: [1], type: 'encoded_text' }] };
    const sample = { sampling_session_id, prompt, num_samples: 2, sampling_params: { max_tokens: 1 } };
    expect((await calls.ok('asample', sample)).sample_sequence_ids).toEqual(['sequence-1', 'sequence-2']);
    expect((await calls.ok('asample', sample)).sample_sequence_ids).toEqual(['sequence-3', 'sequence-4']);
  });
});

describe('a sample', () => {
  const prompt = { chunks: [{ tokens: [116, 104, 101], type: 'encoded_text' }] };
  const sampled = async (
    dialect: Partial<EmulatorDialect>,
    params: object,
    base: object,
    options: EmulatorOptions = {},
  ) => {
    const calls = start(dialect, options);
    const session_id = await calls.session();
    const { modelId } = await calls.model({}, session_id);
    const save = { model_id: modelId, path: 's', seq_id: 1, type: 'save_weights_for_sampler' };
    const { path } = await calls.result('save_weights_for_sampler', save);
    const session = { session_id, sampling_session_seq_id: 0, model_path: path, ...base };
    const { sampling_session_id } = await calls.ok('create_sampling_session', session);
    const request = {
      sampling_session_id,
      seq_id: 0,
      prompt,
      sampling_params: { max_tokens: 8, seed: 5, ...params },
    };
    return { calls, request };
  };

  it('with a temperature of 0 has one of 1 where that is the default', async () => {
    const tokens = async (temperatureOfZero: 0 | 1, temperature: number) => {
      const { calls, request } = await sampled({ temperatureOfZero }, { temperature }, {});
      return (await calls.result('asample', request)).sequences[0].tokens;
    };
    expect(await tokens(1, 0)).toEqual(await tokens(0, 1));
    expect(await tokens(0, 0)).not.toEqual(await tokens(0, 1));
    expect(await tokens(1, 0.5)).toEqual(await tokens(0, 0.5));
  });

  it('keeps a seed of 64 bits where its temperature is changed', async () => {
    const text = (seed: string) => `{"max_tokens":8,"temperature":0,"seed":${seed}}`;
    const tokens = async (seed: string) => {
      const { calls, request } = await sampled({ temperatureOfZero: 1 }, {}, {});
      const body = JSON.stringify({ ...request, sampling_params: 0 }).replace(
        '"sampling_params":0',
        `"sampling_params":${text(seed)}`,
      );
      return (await calls.result('asample', body)).sequences[0].tokens;
    };
    expect(await tokens('9007199254740993')).not.toEqual(await tokens('9007199254740992'));
  });

  it('of saved weights needs the name of their model where the server cannot find it', async () => {
    const nameless = await sampled({ samplingNeedsBaseModel: true }, {}, {});
    expect(await answerTo(nameless.calls, 'asample', nameless.request)).toEqual([
      400,
      { detail: 'base_model is required' },
    ]);
    const named = await sampled({ samplingNeedsBaseModel: true }, {}, { base_model: 'emulator/tiny' });
    expect((await named.calls.call('asample', named.request)).status).toBe(200);
  });

  it('of too many is refused, or fails', async () => {
    const headers = { 'x-tinker-sampling-backpressure': '1' };
    for (const backpressure of ['429', 'failure'] as const) {
      const { calls, request } = await sampled(
        { backpressure },
        {},
        {},
        { limits: { concurrentSamples: 1 }, latencyMs: 10 },
      );
      const ask = (seq_id: number) => calls.call('asample', { ...request, seq_id }, { headers });
      await ask(1);
      const { status, body, headers: answered } = await ask(2);
      expect([status, answered.get('retry-after')]).toEqual(
        backpressure === '429' ? [429, '1'] : [200, null],
      );
      if (backpressure === '429') continue;
      const { body: failed } = await calls.call('retrieve_future', { request_id: body.request_id });
      expect(failed).toEqual({ error: expect.stringContaining('Rate limit exceeded'), category: 'user' });
    }
  });
});
