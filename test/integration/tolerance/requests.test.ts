import { describe, expect, it } from 'vitest';
import type { FaultPlan } from '../../../src/emulator/index.ts';
import { isTinkerError } from '../../../src/index.ts';
import { CLIENT_OPTIONS } from '../../support/dialects.ts';
import { batch } from '../../support/offline.ts';
import { driveToRejection, thrown } from '../../support/settled.ts';
import { watched } from '../../support/watched.ts';

// Above each test: changes of the client that make it fail.

const typesOf = (calls: readonly { readonly headers: Headers }[]): (string | null)[] =>
  calls.map(({ headers }) => headers.get('content-type'));
const [PROTO, JSON_TYPE] = ['application/x-protobuf', 'application/json'];

/** What the usual first step comes to. */
async function usualLoss(): Promise<number | undefined> {
  const setup = watched({});
  const loss = await setup.step(await setup.training());
  await setup.finish();
  return loss;
}

// Breaks it: wire-format.ts, without `!settings.isServed ||`, or without `|| !protobufPasses`.
describe('servers.md 2.1 item 1', () => {
  it.each([
    ['has no settings', 404, 'auto', [JSON_TYPE]],
    ['says that it does not write protobuf', { proto_write_fwdbwd: false }, 'auto', [JSON_TYPE]],
    ['says nothing of it', {}, 'auto', [PROTO]],
    ['says nothing of it, to one who wants JSON', {}, 'json', [JSON_TYPE]],
    ['has no settings, to one who wants protobuf', 404, 'proto', [PROTO]],
  ] as const)('of a server that %s', async (_, clientConfig, wireFormat, types) => {
    const setup = watched({ dialect: { clientConfig } }, { wireFormat });
    expect(await setup.step(await setup.training())).toBe(await usualLoss());
    expect(typesOf(setup.to('forward_backward'))).toEqual(types);
    await setup.finish();
  });
});

// Breaks it: wire-format.ts, any status less in UNREAD; `accepted` without `unread.add`; a back-off before the next form.
describe('servers.md 2.1 item 2', () => {
  it.each([400, 404, 405, 406, 415, 422, 500] as const)(
    'goes on in JSON, under the same number and at once, after a %d, and stays with it',
    async (fwdbwdRequest) => {
      const setup = watched({ dialect: { fwdbwdRequest, errors: 'detail-list' } });
      const training = await setup.training();
      expect(await setup.step(training)).toBe(await usualLoss());
      const [first, second] = setup.to('forward_backward');
      expect(first?.status).toBe(fwdbwdRequest);
      // After a crash the server may close that connection, and is given the time to.
      const pauseMs = fwdbwdRequest === 500 ? 100 : 0;
      expect(second?.sentAt).toBe((first?.endedAt ?? Number.NaN) + pauseMs);
      expect(second?.body.seq_id).toBe(1);
      await setup.step(training);
      expect(typesOf(setup.to('forward_backward'))).toEqual([PROTO, JSON_TYPE, JSON_TYPE]);
      expect(setup.events).toContainEqual(expect.objectContaining({ type: 'wire_format', format: 'json' }));
      await setup.finish();
    },
  );

  it('goes on in JSON where connections break over protobuf', async () => {
    const faults: FaultPlan = ({ headers }) =>
      headers.get('content-type') === PROTO ? ('cut' as const) : undefined;
    const setup = watched({ faults });
    expect(await setup.step(await setup.training())).toBe(await usualLoss());
    expect(typesOf(setup.to('forward_backward'))).toEqual([PROTO, PROTO, JSON_TYPE]);
    await setup.finish();
  });

  it('keeps protobuf where JSON is refused too, and tells what was said of the JSON', async () => {
    const faults: FaultPlan = ({ path, attempt }) =>
      path === 'forward_backward' && attempt <= 2
        ? { status: 422, body: { detail: `bad datum ${attempt}` } }
        : undefined;
    const setup = watched({ faults });
    const training = await setup.training();
    const pass = training.forwardBackward(batch(2, 8), 'cross_entropy');
    expect(await driveToRejection(setup.clock, pass)).toMatchObject({
      status: 422,
      message: expect.stringContaining('bad datum 2'),
    });
    expect(await setup.step(training)).toBe(await usualLoss());
    expect(typesOf(setup.to('forward_backward'))).toEqual([PROTO, JSON_TYPE, PROTO]);
    await setup.finish();
  });

  it('does not give up a protobuf that was read before', async () => {
    const faults: FaultPlan = ({ path, attempt }) =>
      path === 'forward_backward' && attempt === 2 ? { status: 500, text: 'crash' } : undefined;
    const setup = watched({ faults });
    const training = await setup.training();
    await setup.step(training);
    await setup.step(training);
    expect(typesOf(setup.to('forward_backward'))).toEqual([PROTO, PROTO, PROTO]);
    await setup.finish();
  });
});

// Breaks it: wire-format.ts, `compressBodies &&` left out; 'zstd' alone in place of the list.
describe('servers.md 2.1 item 3', () => {
  const compress = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.of(0x28, ...bytes);
  const decompress = (bytes: Uint8Array): Uint8Array => bytes.subarray(1);
  const asking = { proto_compress_fwdbwd: true };
  it.each([
    ['not asked for', {}, 'accepted', 'both', [[PROTO, null]]],
    ['asked for', asking, 'accepted', 'both', [[PROTO, 'zstd']]],
    [
      'asked for and refused with 415',
      asking,
      415,
      'both',
      [
        [PROTO, 'zstd'],
        [PROTO, null],
      ],
    ],
    [
      'asked for and refused with 422',
      asking,
      422,
      'both',
      [
        [PROTO, 'zstd'],
        [PROTO, null],
      ],
    ],
    [
      'asked for and crashed over',
      asking,
      500,
      500,
      [
        [PROTO, 'zstd'],
        [PROTO, null],
        [JSON_TYPE, null],
      ],
    ],
  ] as const)('of zstd that is %s', async (_, clientConfig, zstd, fwdbwdRequest, sent) => {
    const setup = watched({ dialect: { zstd, fwdbwdRequest }, clientConfig, decompress }, { compress });
    expect(await setup.step(await setup.training())).toBe(await usualLoss());
    const calls = setup.to('forward_backward');
    expect(
      calls.map(({ headers }) => [headers.get('content-type'), headers.get('content-encoding')]),
    ).toEqual(sent);
    const others = setup.calls.filter(({ path }) => path !== 'forward_backward');
    expect(others.filter(({ headers }) => headers.has('content-encoding'))).toEqual([]);
    await setup.finish();
  });
});

// Breaks it: training-requests.ts, the path `/api/v1/forward_backward` for JSON; a fall-back on a 404.
describe('servers.md 2.1 item 4', () => {
  it('passes forward in JSON by /forward, and adds no gradient', async () => {
    const setup = watched({ dialect: { clientConfig: 404 } });
    const training = await setup.training();
    await setup.clock.drive(training.forward(batch(2, 8), 'cross_entropy'));
    const [call] = setup.to('forward');
    expect(Object.keys(call?.body)).toContain('forward_input');
    const { metrics } = await setup.clock.drive(training.optimStep());
    expect(metrics['grad_norm:mean']).toBe(0);
    await setup.finish();
  });

  it('fails loudly where there is no /forward, and goes on under the same number', async () => {
    const setup = watched({ dialect: 'openrl-legacy' }, CLIENT_OPTIONS['openrl-legacy']);
    const training = await setup.training();
    const forward = training.forward(batch(2, 8), 'cross_entropy');
    expect(await driveToRejection(setup.clock, forward)).toMatchObject({
      code: 'unsupported_by_server',
      route: 'POST /api/v1/forward',
      cause: { status: 404 },
    });
    const bySomeForm = setup.to('forward_backward').map(({ status }) => status);
    expect(bySomeForm.every((status) => status >= 400)).toBe(true);
    expect(await setup.step(training)).toBe(await usualLoss());
    expect(setup.to('forward_backward').at(-1)?.body.seq_id).toBe(1);
    await setup.finish();
  });
});

// Breaks it: strict-fields.ts, without its one more attempt, or without what is remembered; `overwrite: false` sent.
describe('servers.md 2.1 item 5', () => {
  const NEWER = ['overwrite', 'allow_metadata_only', 'topk_prompt_logprobs', 'project_id', 'ttl_seconds'];

  it('sends no null, and no newer field that is not set', async () => {
    const setup = watched({ dialect: { clientConfig: 404 } });
    const training = await setup.training();
    await setup.step(training);
    await setup.clock.drive(training.saveState('one'));
    const sampler = await setup.clock.drive(training.saveWeightsAndGetSamplingClient());
    await setup.clock.drive(sampler.sample({ prompt: [1], maxTokens: 1 }));
    const texts = setup.calls.map(({ bytes }) => new TextDecoder().decode(bytes));
    expect(texts.filter((text) => text.includes('null'))).toEqual([]);
    expect(setup.calls.filter(({ body }) => NEWER.some((name) => name in body))).toEqual([]);
    await setup.finish();
  });

  it('leaves out what a strict server refuses, once and for all, where it can do without', async () => {
    const setup = watched({ dialect: 'twinkle' }, CLIENT_OPTIONS.twinkle);
    const training = await setup.training();
    const save = { ttlSeconds: 60, overwrite: true };
    const first = await setup.clock.drive(training.saveState('one', save));
    expect(first.path).toMatch(/^twinkle:\/\/[^/]+\/weights\/one$/);
    await setup.clock.drive(training.saveState('two', save));
    const sent = setup
      .to('save_weights')
      .map(({ status, body }) => [status, 'overwrite' in body, 'ttl_seconds' in body]);
    expect(sent).toEqual([
      [422, true, true],
      [200, false, false],
      [200, false, false],
    ]);
    expect(setup.events.filter(({ type }) => type === 'field_dropped')).toHaveLength(2);
    await setup.finish();
  });
});

// Breaks it: any of these fields left out where it has its default, in wire/json.
describe('servers.md 2.1 item 6', () => {
  it('sends what servers default differently, or require', async () => {
    const setup = watched({ dialect: { clientConfig: 404 } });
    const training = await setup.training();
    await setup.step(training);
    const sampler = await setup.clock.drive(training.saveWeightsAndGetSamplingClient());
    await setup.clock.drive(sampler.sample({ prompt: [1, 2], maxTokens: 3 }));
    const body = (path: string) => setup.to(path)[0]?.body;
    expect(body('create_session')).toMatchObject({
      tags: [],
      user_metadata: {},
      sdk_version: expect.any(String),
    });
    const trained = { train_attn: true, train_mlp: true, train_unembed: true };
    expect(body('create_model')).toMatchObject({ model_seq_id: 0, lora_config: { rank: 4, ...trained } });
    const [datum] = body('forward_backward').forward_backward_input.data;
    expect(datum.model_input.chunks[0]).toMatchObject({ type: 'encoded_text' });
    expect(datum.loss_fn_inputs.target_tokens).toMatchObject({ dtype: 'int64', shape: [8] });
    expect(body('optim_step').adam_params).toEqual({
      learning_rate: 1e-4,
      beta1: 0.9,
      beta2: 0.95,
      eps: 1e-12,
      weight_decay: 0,
      grad_clip_norm: 0,
    });
    expect(body('asample')).toMatchObject({
      num_samples: 1,
      seq_id: 0,
      prompt: { chunks: [{ type: 'encoded_text', tokens: [1, 2] }] },
      sampling_params: { temperature: 1, top_p: 1, top_k: -1, max_tokens: 3 },
    });
    await setup.finish();
  });
});

// Breaks it: checked-sample.ts, a single string sent as it is.
describe('servers.md 2.1 item 7', () => {
  it('sends stops as an array of one kind', async () => {
    const setup = watched({});
    const sampler = await setup.clock.drive(
      setup.service.createSamplingClient({ baseModel: 'emulator/tiny' }),
    );
    const sample = (stop: string | string[] | number[]) =>
      setup.clock.drive(sampler.sample({ prompt: [1], maxTokens: 1, stop }));
    await sample('x');
    await sample(['x', 'yz']);
    await sample([5, 6]);
    const stops = setup.to('asample').map(({ body }) => body.sampling_params.stop);
    expect(stops).toEqual([['x'], ['x', 'yz'], [5, 6]]);
    const mixed = ['x', 5] as unknown as string[];
    expect(
      isTinkerError(
        thrown(() => sampler.sample({ prompt: [1], maxTokens: 1, stop: mixed })),
        'input_invalid',
      ),
    ).toBe(true);
    await setup.finish();
  });
});

// Breaks it: tensor.ts (JSON), the non-zero values alone sent as `data`.
describe('servers.md 2.1 item 8', () => {
  it('gives a server of JSON the whole of a sparse tensor', async () => {
    const tokens = [1, 2, 3];
    const targets = [
      [4, 5],
      [6, 7],
      [8, 9],
    ];
    const dense = [
      [0, 0.5],
      [0, 0],
      [2, 0],
    ];
    const sparse = {
      data: Float32Array.of(0.5, 2),
      dtype: 'float32',
      shape: [3, 2],
      crowIndices: [0, 1, 1, 2],
      colIndices: [1, 0],
    } as const;
    const losses: unknown[] = [];
    for (const dialect of ['openrl-legacy', 'hosted'] as const) {
      for (const weights of [dense, sparse]) {
        const setup = watched({ dialect }, CLIENT_OPTIONS[dialect]);
        const training = await setup.training();
        const data = [{ modelInput: tokens, lossFnInputs: { target_tokens: targets, weights } }];
        const { metrics } = await setup.clock.drive(training.forwardBackward(data, 'cross_entropy'));
        losses.push(metrics['loss:sum']);
        const json = setup.to('forward_backward').at(-1)?.body.forward_backward_input;
        if (json !== undefined)
          expect(json.data[0].loss_fn_inputs.weights).toEqual({
            data: dense.flat(),
            dtype: 'float32',
            shape: [3, 2],
          });
        await setup.finish();
      }
    }
    expect(new Set(losses)).toEqual(new Set([losses[0]]));
    expect(losses[0]).toBeGreaterThan(0);
  });
});

// Breaks it: futures.ts (JSON), ids only as strings; poll-request.ts, `Number(requestId)`.
describe('servers.md 2.1 item 9', () => {
  it.each(['integer', 'number', 'zero-based', 'uuid', 'hex', 'composed'] as const)(
    'gives back ids of the form %s as texts, as they came',
    async (requestIdForm) => {
      const setup = watched({ dialect: { requestIdForm } });
      expect(await setup.step(await setup.training())).toBe(await usualLoss());
      const asked = setup.to('retrieve_future').map(({ body }) => body.request_id);
      expect(asked.every((id) => typeof id === 'string')).toBe(true);
      expect(asked[0]).toMatch(
        {
          integer: /^1$/,
          number: /^1$/,
          'zero-based': /^0$/,
          uuid: /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/,
          hex: /^req_[0-9a-f]+$/,
          composed: /^upstream-a@sess-1:train\/0:op1$/,
        }[requestIdForm],
      );
      await setup.finish();
    },
  );
});

// Breaks it: turns.ts, `nextId = 0`, or a new number for a repetition.
describe('servers.md 2.1 item 10', () => {
  it('numbers from 1 on, for each model, and repeats under the same number', async () => {
    const faults: FaultPlan = ({ path, attempt }) =>
      path === 'optim_step' && attempt === 1 ? { status: 503, text: 'restarting' } : undefined;
    const setup = watched({ dialect: 'miles', faults });
    const [one, other] = [await setup.training(), await setup.training()];
    for (const training of [one, other, one]) await setup.step(training);
    const numbers = (path: string, id: string) =>
      setup.to(path).flatMap(({ body }) => (body.model_id === id ? [body.seq_id] : []));
    expect(numbers('forward_backward', one.modelId)).toEqual([1, 3]);
    expect(numbers('optim_step', one.modelId)).toEqual([2, 2, 4]);
    expect(numbers('forward_backward', other.modelId)).toEqual([1]);
    await setup.finish();
  });
});

// Breaks it: checked-input.ts, without any of the three checks.
describe('servers.md 2.1 item 11', () => {
  it('refuses what makes servers hang or crash, before it is sent', async () => {
    const setup = watched({ dialect: 'skyrl' });
    const training = await setup.training();
    const { length } = setup.calls;
    const pass = (data: unknown, loss: 'cross_entropy' | 'ppo' = 'cross_entropy') =>
      thrown(() => training.forwardBackward(data as ReturnType<typeof batch>, loss as 'cross_entropy'));
    const target_tokens = [2, 3];
    expect(pass([])).toMatchObject({ code: 'input_invalid', field: 'data' });
    expect(pass([{ modelInput: [1, 2], lossFnInputs: {} }])).toMatchObject({
      field: expect.stringContaining('target_tokens'),
    });
    expect(pass([{ modelInput: [1, 2], lossFnInputs: { target_tokens } }], 'ppo')).toMatchObject({
      code: 'input_invalid',
    });
    expect(pass([{ modelInput: [1, 2, 3], lossFnInputs: { target_tokens } }])).toMatchObject({
      code: 'input_invalid',
    });
    expect(setup.calls).toHaveLength(length);
    expect(await setup.step(training)).toBe(undefined);
    await setup.finish();
  });
});

// Breaks it: create-runtime.ts, a fixed limit; numbered-submission.ts, without `serverDeduplicates`.
describe('servers.md 2.1 item 12', () => {
  const slow = { latencyMs: 90_000 };

  it('has a limit of submissions that can be as long as a step of a server that blocks', async () => {
    const setup = watched(
      { dialect: 'arctic', ...slow },
      { ...CLIENT_OPTIONS.arctic, attemptTimeoutMs: 600_000 },
    );
    expect(await setup.step(await setup.training())).toBe(await usualLoss());
    await setup.finish();
  });

  it('sends a lost submission again to a server that knows it again, and to no other', async () => {
    const inline = { inlineExecution: true };
    const known = watched({ dialect: inline, ...slow });
    expect(await known.step(await known.training())).toBe(await usualLoss());
    expect(known.to('forward_backward').length).toBeGreaterThan(1);
    await known.finish();

    const faults: FaultPlan = ({ path }) => (path === 'forward_backward' ? { delayMs: 90_000 } : undefined);
    const unknown = watched({ dialect: 'arctic', faults }, { serverDeduplicates: false });
    const training = await unknown.training();
    const pass = training.forwardBackward(batch(2, 8), 'cross_entropy');
    expect(await driveToRejection(unknown.clock, pass)).toMatchObject({ code: 'submit_ambiguous' });
    expect(unknown.to('forward_backward')).toHaveLength(1);
    await unknown.finish();
  });
});

// Breaks it: chunking.ts without `maxTokens`; turns.ts without `parallelChunks`.
describe('servers.md 2.1 item 13', () => {
  const numbersOf = (setup: ReturnType<typeof watched>) =>
    setup.to('forward_backward').map(({ body }) => body.seq_id);

  it('cuts passes by tokens where the user says so, and by number and bytes where the server does', async () => {
    const json = { proto_write_fwdbwd: false };
    const byTokens = watched({ clientConfig: json }, { clientConfig: { maxChunkTokens: 16 } });
    expect(await byTokens.step(await byTokens.training(), batch(3, 8))).toBeGreaterThan(0);
    expect(byTokens.to('forward_backward')).toHaveLength(2);
    await byTokens.finish();
    const byNumber = watched({ clientConfig: { ...json, fwdbwd_max_chunk_len: 1 } });
    await byNumber.step(await byNumber.training(), batch(3, 8));
    expect(byNumber.to('forward_backward')).toHaveLength(3);
    await byNumber.finish();
    const byBytes = watched({ clientConfig: { ...json, fwdbwd_max_chunk_bytes_count: 1 } });
    await byBytes.step(await byBytes.training(), batch(2, 8));
    expect(byBytes.to('forward_backward')).toHaveLength(2);
    await byBytes.finish();
  });

  it('submits the parts one by one where the server wants that, else the first one last', async () => {
    const config = { proto_write_fwdbwd: false, fwdbwd_max_chunk_len: 1 };
    const faults: FaultPlan = ({ path }) => (path === 'forward_backward' ? { delayMs: 50 } : undefined);
    const serial = watched({ clientConfig: { ...config, parallel_fwdbwd_chunks: false }, faults });
    const loss = await serial.step(await serial.training(), batch(3, 8));
    expect(numbersOf(serial)).toEqual([1, 2, 3]);
    const calls = serial.to('forward_backward');
    expect(calls[1]?.sentAt).toBeGreaterThanOrEqual(calls[0]?.endedAt ?? Number.NaN);
    await serial.finish();
    const parallel = watched({ clientConfig: config, faults });
    expect(await parallel.step(await parallel.training(), batch(3, 8))).toBe(loss);
    expect(numbersOf(parallel)).toEqual([2, 3, 1]);
    await parallel.finish();
  });
});
