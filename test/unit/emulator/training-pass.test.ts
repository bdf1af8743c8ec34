import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { type EmulatorCalls, emulatorCalls } from '../../support/emulator-calls.ts';
import {
  floats,
  jsonInput,
  outputOf,
  protobufBody,
  type TestPass,
  targetTokens,
} from './training-request.ts';

// Passes over HTTP, in both encodings: what they come to, and what is refused.

const PROTOBUF = { 'content-type': 'application/x-protobuf' };

let calls: EmulatorCalls;
let modelId: string;
beforeEach(async () => {
  calls = emulatorCalls();
  ({ modelId } = await calls.model());
});

const WEIGHTED: TestPass = {
  data: [
    {
      tokens: [1, 2, 3],
      tensors: { target_tokens: targetTokens([2, 3, 4]), weights: floats([1, 0, 0.1]) },
    },
    { tokens: [9], tensors: { target_tokens: targetTokens([8]), weights: floats([-0.3]) } },
  ],
  lossFn: 'cross_entropy',
};
const SOFT: TestPass = {
  data: [
    {
      tokens: [1, 2],
      tensors: {
        target_tokens: targetTokens([2, 3, 4, 5, 6, 7], [2, 3]),
        weights: floats([0.5, 0.25, 0.25, 1, 0, 0], [2, 3]),
      },
    },
    { tokens: [4, 5], tensors: { target_tokens: targetTokens([5, 6]), weights: floats([1, 1]) } },
  ],
  lossFn: 'cross_entropy',
};
const REWARDED: TestPass = {
  data: [
    {
      tokens: [1, 2, 3],
      tensors: {
        target_tokens: targetTokens([2, 3, 4]),
        logprobs: floats([-5, -6, -5.5]),
        advantages: floats([1, -1, 0]),
      },
    },
  ],
  lossFn: 'ppo',
  config: { clip_low_threshold: 0.9, clip_high_threshold: 1.1 },
};

const post = (body: unknown, path = 'forward_backward') => calls.call(path, body);
const postProtobuf = (bytes: Uint8Array, headers = {}) =>
  calls.call('forward_backward', bytes, { headers: { ...PROTOBUF, ...headers } });

/** The result of a future, in JSON or decoded from protobuf. */
async function retrieve(requestId: string, accept: string) {
  for (;;) {
    const { status, body, bytes, headers } = await calls.call(
      'retrieve_future',
      { request_id: requestId },
      { headers: { accept } },
    );
    if (status === 408) continue;
    if (headers.get('content-type') === 'application/x-protobuf') return outputOf(bytes);
    return body;
  }
}

/** Send it and wait for its result, in JSON both ways. */
async function run(pass: TestPass, seq_id: number, path = 'forward_backward') {
  const key = path === 'forward' ? 'forward_input' : 'forward_backward_input';
  return calls.result(path, { [key]: jsonInput(pass), model_id: modelId, seq_id });
}

/** The length of the gradient that has added up. */
async function gradientNorm(seq_id: number): Promise<number> {
  const body = { adam_params: { learning_rate: 0 }, model_id: modelId, seq_id };
  return (await calls.result('optim_step', body)).metrics['grad_norm:mean'];
}

describe('either encoding', () => {
  it.each([
    ['weighted', WEIGHTED],
    ['soft', SOFT],
    ['rewarded', REWARDED],
  ])('brings the same bits, both ways: %s', async (_, pass) => {
    const json = await run(pass, 1);
    const norm = await gradientNorm(2);
    const { body } = await postProtobuf(protobufBody(pass, modelId, 3));
    expect(body).toEqual({ request_id: expect.any(String), model_id: modelId });
    expect(await retrieve(body.request_id, 'application/x-protobuf, application/json')).toEqual(json);
    expect(await retrieve(body.request_id, 'application/json')).toEqual(json);
    expect(await gradientNorm(4)).toBe(norm);
    expect(norm).toBeGreaterThan(0);
  });

  it('has log-probs in the shape of the targets, one record of outputs a datum', async () => {
    const { loss_fn_outputs: outputs, metrics, loss_fn_output_type } = await run(SOFT, 1);
    expect(outputs.map(({ logprobs }: { logprobs: { shape: number[] } }) => logprobs.shape)).toEqual([
      [2, 3],
      [2],
    ]);
    expect(loss_fn_output_type).toBe('ArrayRecord');
    const [soft, hard] = outputs.map(({ logprobs }: { logprobs: { data: number[] } }) => logprobs.data);
    const weights = [0.5, 0.25, 0.25, 1, 0, 0];
    const loss =
      -soft.reduce((sum: number, x: number, i: number) => sum + x * (weights[i] ?? 0), 0) - hard[0] - hard[1];
    expect(metrics).toEqual({ 'loss:sum': expect.closeTo(loss, 10) });
    // Each target's log-prob is what it is alone.
    const alone = await run(
      { ...WEIGHTED, data: [{ tokens: [1, 2], tensors: { target_tokens: targetTokens([3, 6]) } }] },
      2,
    );
    expect(alone.loss_fn_outputs[0].logprobs.data).toEqual([soft[1], soft[4]]);
  });

  it('names its metrics with their reduction', async () => {
    const { metrics } = await run(REWARDED, 1);
    expect(metrics).toEqual({
      'loss:sum': expect.any(Number),
      'tokens:sum': 2,
      'clipped:sum': expect.any(Number),
    });
    expect(Object.keys((await run({ ...REWARDED, lossFn: 'dro', config: {} }, 2)).metrics)).toEqual([
      'loss:sum',
      'tokens:sum',
    ]);
  });

  it('may bring a sparse tensor', async () => {
    const [{ tokens, tensors }] = SOFT.data as [TestPass['data'][number]];
    const dense = await run({ ...SOFT, data: [{ tokens, tensors }] }, 1);
    const weights = {
      data: [0.5, 0.25, 0.25, 1],
      dtype: 'float32',
      shape: [2, 3],
      sparse_crow_indices: [0, 3, 4],
      sparse_col_indices: [0, 1, 2, 0],
    };
    const sparse = jsonInput({
      ...SOFT,
      data: [{ tokens, tensors: { ...tensors, weights: weights as never } }],
    });
    const body = { forward_backward_input: sparse, model_id: modelId, seq_id: 2 };
    expect(await calls.result('forward_backward', body)).toEqual(dense);
    const half = { ...weights, sparse_col_indices: undefined };
    const input = jsonInput({ ...SOFT, data: [{ tokens, tensors: { ...tensors, weights: half as never } }] });
    expect((await post({ forward_backward_input: input, model_id: modelId, seq_id: 3 })).body.detail).toBe(
      'body.forward_backward_input.data[0].loss_fn_inputs.weights needs both sparse_crow_indices and sparse_col_indices, or neither',
    );
  });
});

describe('a pass that is forward only', () => {
  it('does not add to the gradient, however it is asked for', async () => {
    const trained = await run(WEIGHTED, 1);
    const norm = await gradientNorm(2);
    const results = [
      await run(WEIGHTED, 3, 'forward'),
      await calls.result('forward_backward', {
        forward_backward_input: jsonInput(WEIGHTED),
        model_id: modelId,
        seq_id: 4,
        forward_only: true,
      }),
      await retrieve((await postProtobuf(protobufBody(WEIGHTED, modelId, 5, true))).body.request_id, ''),
    ];
    expect(results).toEqual([trained, trained, trained]);
    expect(await gradientNorm(6)).toBe(0);
    await calls.result('forward_backward', {
      forward_backward_input: jsonInput(WEIGHTED),
      model_id: modelId,
      seq_id: 7,
      forward_only: false,
    });
    expect(await gradientNorm(8)).toBe(norm);
  });
});

describe('a repetition', () => {
  const requestId = async (answer: Promise<{ status: number; body: { request_id: string } }>) => {
    const { status, body } = await answer;
    expect(status).toBe(200);
    return body.request_id;
  };

  it('is recognised by its number and content, in whatever encoding it comes', async () => {
    const bytes = protobufBody(SOFT, modelId, 1);
    const first = await requestId(postProtobuf(bytes));
    expect(await requestId(postProtobuf(bytes))).toBe(first);
    const json = { forward_backward_input: jsonInput(SOFT), model_id: modelId, seq_id: 1 };
    expect(await requestId(post(json))).toBe(first);
    const norm = await gradientNorm(2);
    await run(SOFT, 3);
    expect(await gradientNorm(4)).toBe(norm);
  });

  it.each([
    [
      'other targets',
      { ...WEIGHTED, data: [{ tokens: [1], tensors: { target_tokens: targetTokens([9]) } }] },
      false,
    ],
    [
      'other weights',
      {
        ...WEIGHTED,
        data: WEIGHTED.data.map(({ tokens, tensors }) => ({
          tokens,
          tensors: { ...tensors, weights: floats(tokens.map(() => 0.7)) },
        })),
      },
      false,
    ],
    ['another loss', { ...WEIGHTED, lossFn: 'gspo' }, false],
    ['forward only', WEIGHTED, true],
    ['one datum less', { ...WEIGHTED, data: WEIGHTED.data.slice(0, 1) }, false],
    ['another setting', { ...REWARDED, config: { clip_low_threshold: 0.5 } }, false],
  ] as const)('is not one with %s', async (_, other, forwardOnly) => {
    const pass = other.lossFn === 'ppo' ? REWARDED : WEIGHTED;
    await requestId(postProtobuf(protobufBody(pass, modelId, 1)));
    expect(await postProtobuf(protobufBody(other, modelId, 1, forwardOnly))).toMatchObject({
      status: 409,
      body: { detail: 'Sequence id 1 was used for another request' },
    });
  });

  it('of what made the model, or of one forgotten long ago, is refused: it would never run', async () => {
    const input = { forward_backward_input: jsonInput(WEIGHTED), model_id: modelId };
    expect((await post({ ...input, seq_id: 0 })).status).toBe(409);
    // Without a number, which protobuf writes as 0, it is the next in line.
    const { body } = await postProtobuf(protobufBody(WEIGHTED, modelId, 0));
    expect(await retrieve(body.request_id, '')).toMatchObject({ metrics: expect.anything() });
    expect((await post({ ...input, seq_id: 1 })).status).toBe(409);
    expect((await post({ ...input, seq_id: 2 })).status).toBe(200);
  });
});

describe('a request that is wrong', () => {
  const at = 'body.forward_backward_input.data[0].loss_fn_inputs';
  const [first] = REWARDED.data as [TestPass['data'][number]];
  const withTensors = (tensors: TestPass['data'][number]['tensors'], pass = REWARDED): TestPass => ({
    ...pass,
    data: [{ tokens: first.tokens, tensors }],
  });
  const { advantages, logprobs, target_tokens } = first.tensors as Record<string, ReturnType<typeof floats>>;

  it.each([
    [
      { ...REWARDED, config: { clip_low: 1 } },
      'body.forward_backward_input.loss_fn_config.clip_low is no setting of ppo; it has clip_low_threshold, clip_high_threshold',
    ],
    [
      { ...WEIGHTED, config: { beta: 1 } },
      'body.forward_backward_input.loss_fn_config.beta is no setting of cross_entropy; it has none',
    ],
    [
      withTensors({ target_tokens: target_tokens as never, logprobs: logprobs as never }),
      `${at}.advantages is missing; ppo needs it`,
    ],
    [
      withTensors({ advantages: advantages as never, logprobs: logprobs as never }),
      `${at}.target_tokens is missing`,
    ],
    [
      withTensors({ ...first.tensors, weights: floats([1, 1, 1]) }),
      `${at}.weights is no tensor of ppo; it takes target_tokens, logprobs, advantages, clip_low_threshold, clip_high_threshold`,
    ],
    [
      withTensors({ ...first.tensors, advantages: floats([1, 1]) }),
      `${at}.advantages has the shape [2]; it must have that of target_tokens, [3]`,
    ],
    [
      withTensors({ ...first.tensors, advantages: floats([1, 1, 1], [3, 1]) }),
      `${at}.advantages has the shape [3, 1]; it must have that of target_tokens, [3]`,
    ],
    [
      withTensors({ ...first.tensors, advantages: floats([1, 1, 1], [4]) }),
      `${at}.advantages has 3 values; its shape [4] holds 4`,
    ],
    [
      withTensors({
        target_tokens: targetTokens([1, 2, 3, 4, 5, 6], [3, 2]),
        logprobs: floats(Array(6).fill(0), [3, 2]),
        advantages: floats(Array(6).fill(0), [3, 2]),
      }),
      `${at}.target_tokens has the shape [3, 2]; for 3 tokens and ppo it must be [3]`,
    ],
    [
      withTensors({ target_tokens: targetTokens([], [3, 0]) }, WEIGHTED),
      `${at}.target_tokens has the shape [3, 0]; for 3 tokens and cross_entropy it must be [3] or [3, K]`,
    ],
    [
      withTensors({ target_tokens: targetTokens([1, 2, 3], [3, 1, 1]) }, WEIGHTED),
      `${at}.target_tokens has the shape [3, 1, 1]; for 3 tokens and cross_entropy it must be [3] or [3, K]`,
    ],
    [
      withTensors({ target_tokens: floats([1, 2, 3]) }, WEIGHTED),
      `${at}.target_tokens must have the dtype int64`,
    ],
    [
      withTensors({ target_tokens: targetTokens([1, 2.5, 3]) }, WEIGHTED),
      `${at}.target_tokens[1] is 2.5, which is no token id`,
    ],
    [
      withTensors({ target_tokens: targetTokens([1, 2, 2 ** 32 + 1]) }, WEIGHTED),
      `${at}.target_tokens[2] is 4294967297, which is no token id`,
    ],
    [
      withTensors({ target_tokens: { ...targetTokens([1, 2, 3]), dtype: 'int32' as never } }, WEIGHTED),
      `${at}.target_tokens.dtype is "int32"; it must be "int64" or "float32"`,
    ],
    [
      withTensors({ target_tokens: { ...targetTokens([1, 2, 3]), data: [1, null, 3] as never } }, WEIGHTED),
      `${at}.target_tokens.data[1] is not a finite number`,
    ],
    [
      { ...WEIGHTED, data: [{ ...first, tokens: [1, 2, 2 ** 40] }] },
      'body.forward_backward_input.data[0].model_input.chunks[0].tokens[2] is 1099511627776, which is no token id',
    ],
  ] as const)('is a 422 that names what is wrong, and takes no number: %#', async (pass, detail) => {
    const body = { forward_backward_input: jsonInput(pass as TestPass), model_id: modelId, seq_id: 1 };
    const answer = await post(body);
    expect([answer.status, answer.body]).toEqual([422, { detail }]);
    expect(await run(WEIGHTED, 1)).toMatchObject({ metrics: expect.anything() });
  });

  it('may be in protobuf, too', async () => {
    const bad = { ...REWARDED, config: { clip_high_threshold: Number.NaN } };
    expect((await postProtobuf(protobufBody(bad, modelId, 1))).body.detail).toBe(
      'body.loss_fn_config.clip_high_threshold is NaN; it must be finite',
    );
    const infinite = withTensors({ ...first.tensors, advantages: floats([1, Number.NEGATIVE_INFINITY, 0]) });
    expect((await postProtobuf(protobufBody(infinite, modelId, 1))).body.detail).toBe(
      'body.data[0].loss_fn_inputs.advantages[1] is -Infinity; it must be finite',
    );
    const cut = protobufBody(WEIGHTED, modelId, 1).slice(0, -3);
    expect(await postProtobuf(cut)).toMatchObject({
      status: 422,
      body: { detail: 'The body is not a valid protobuf message: it is cut short' },
    });
    expect((await postProtobuf(protobufBody(WEIGHTED, 'nobody', 1))).status).toBe(404);
    expect((await postProtobuf(protobufBody({ ...WEIGHTED, data: [] }, modelId, 1))).body.detail).toBe(
      'body.data must hold at least one datum',
    );
  });

  it('is a failure of the operation where the model alone is to blame', async () => {
    const image = {
      model_input: {
        chunks: [
          { tokens: [1], type: 'encoded_text' },
          { dmel: 'AA==', type: 'dmel' },
        ],
      },
      loss_fn_inputs: { target_tokens: targetTokens([1]) },
    };
    const input = { ...jsonInput(WEIGHTED), data: [image] };
    expect(await calls.result('forward', { forward_input: input, model_id: modelId, seq_id: 1 })).toEqual({
      error:
        'body.forward_input.data[0].model_input.chunks[1] is of the kind "dmel"; this model reads text only',
      category: 'user',
    });
    const unknown = { ...image, model_input: { chunks: [{ type: 'sound' }] } };
    const refused = await post(
      { forward_input: { ...input, data: [unknown] }, model_id: modelId, seq_id: 2 },
      'forward',
    );
    expect([refused.status, refused.body.detail]).toEqual([
      422,
      'body.forward_input.data[0].model_input.chunks[0].type is "sound", which is no kind of chunk',
    ]);
    const infinite = withTensors({ ...first.tensors, logprobs: floats([-2000, 0, 0]) });
    expect(await run({ ...infinite, lossFn: 'importance_sampling', config: {} }, 2)).toEqual({
      error: expect.stringMatching(
        /^The loss importance_sampling or its gradient is not a finite number from data\[0\], target 0/,
      ),
      category: 'user',
    });
    expect(await gradientNorm(3)).toBe(0);
  });
});

it('thresholds may be given token by token', async () => {
  const [{ tokens, tensors }] = REWARDED.data as [TestPass['data'][number]];
  const own = {
    ...tensors,
    clip_low_threshold: floats([0.9, 0.9, 0.9]),
    clip_high_threshold: floats([1.1, 1.1, 1.1]),
  };
  const { loss_fn_outputs, metrics } = await run({ lossFn: 'ppo', data: [{ tokens, tensors: own }] }, 1);
  const ratio = Math.exp(loss_fn_outputs[0].logprobs.data[0] + 5);
  const other = Math.exp(loss_fn_outputs[0].logprobs.data[1] + 6);
  const [high, low] = [Math.fround(1.1), Math.fround(0.9)];
  const expected =
    -Math.min(ratio, Math.min(Math.max(ratio, low), high)) -
    Math.min(-other, -Math.min(Math.max(other, low), high));
  expect(metrics['loss:sum']).toBeCloseTo(expected, 9);
});

describe('a compressed body', () => {
  const decompress = (bytes: Uint8Array, encoding: string): Uint8Array => {
    if (encoding !== 'zstd' || bytes[0] !== 0x5a) throw new Error('no');
    return bytes.slice(1);
  };
  const compressed = (bytes: Uint8Array) => Uint8Array.from([0x5a, ...bytes]);
  const ZSTD = { 'content-encoding': 'zstd' };

  it('is not supported unless somebody can undo it', async () => {
    expect(await postProtobuf(protobufBody(WEIGHTED, modelId, 1), ZSTD)).toMatchObject({
      status: 415,
      body: { detail: 'Content-Encoding "zstd" is not supported' },
    });
    expect(
      (await postProtobuf(protobufBody(WEIGHTED, modelId, 1), { 'content-encoding': 'identity' })).status,
    ).toBe(200);
  });

  it.each([
    ['at once', decompress],
    ['later', async (bytes: Uint8Array, encoding: string) => decompress(bytes, encoding)],
  ])('is undone %s, and the same request as the plain one', async (_, option) => {
    calls = emulatorCalls({ decompress: option });
    ({ modelId } = await calls.model());
    const plain = protobufBody(WEIGHTED, modelId, 1);
    const { body } = await postProtobuf(compressed(plain), ZSTD);
    expect(await retrieve(body.request_id, '')).toMatchObject({ loss_fn_outputs: expect.anything() });
    expect((await postProtobuf(plain)).body.request_id).toBe(body.request_id);
    expect(await postProtobuf(plain, ZSTD)).toMatchObject({
      status: 422,
      body: { detail: 'The body is not valid zstd' },
    });
  });
});

it('gives the same bits for any batch, in either encoding', async () => {
  const token = fc.integer({ min: 0, max: 255 });
  const datum = fc
    .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 3 }))
    .chain(([length, k]) =>
      fc.record({
        tokens: fc.array(token, { minLength: length, maxLength: length }),
        tensors: fc.record({
          target_tokens: fc
            .array(token, { minLength: length * k, maxLength: length * k })
            .map((values) => targetTokens(values, k === 1 ? [length] : [length, k])),
          weights: fc
            .array(fc.float({ noNaN: true, min: -4, max: 4 }), {
              minLength: length * k,
              maxLength: length * k,
            })
            .map((values) => floats(values, k === 1 ? [length] : [length, k])),
        }),
      }),
    );
  let seq = 1;
  await fc.assert(
    fc.asyncProperty(fc.array(datum, { minLength: 1, maxLength: 4 }), async (data) => {
      const pass: TestPass = { data, lossFn: 'cross_entropy' };
      const json = await run(pass, seq++);
      const { body } = await postProtobuf(protobufBody(pass, modelId, seq++));
      expect(await retrieve(body.request_id, 'application/x-protobuf')).toEqual(json);
    }),
    { numRuns: 25 },
  );
});
