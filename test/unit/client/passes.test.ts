import { describe, expect, it } from 'vitest';
import { createTrainingRequests, fillerRequest } from '../../../src/client/training-requests.ts';
import { decodeForwardBackwardRequest } from '../../../src/emulator/protobuf/forward-backward-request.ts';
import type { Datum, ServiceClientOptions } from '../../../src/index.ts';
import { exploreInterleavings } from '../../../src/testing/interleavings.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import type { ClientConfig } from '../../../src/wire/json/client-config.ts';
import { testRuntime } from '../../support/runtime.ts';
import { healthyScript, scriptedService } from '../../support/service.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';
import { forbidUnhandledRejections } from '../../support/unhandled.ts';

forbidUnhandledRejections();

const MODEL = 'sess-1:train:0';
const datum = (token: number, length = 2): Datum<'cross_entropy'> => ({
  modelInput: Array.from({ length }, () => token),
  lossFnInputs: { target_tokens: Array.from({ length }, () => token) },
});
const PROTOBUF = { 'client/config': [{ status: 200, body: { fwdbwd_max_chunk_len: 1 } }] } as const;

async function setUp(
  script: Record<string, readonly Answer[]> = {},
  options: Partial<ServiceClientOptions> = {},
) {
  const base = scriptedService(script, options);
  const training = await base.clock.drive(base.service.createLoraTrainingClient({ baseModel: 'm' }));
  /** Passes as the server sees them: route, number, tokens of each datum. */
  const passes = () =>
    base.requests
      .filter(({ path }) => path === 'forward' || path === 'forward_backward')
      .map(({ path, body, bytes, headers }) => {
        if (headers.get('content-type')?.includes('protobuf')) {
          const { sequenceId, forwardOnly, data } = decodeForwardBackwardRequest(bytes);
          return { path, form: 'protobuf', sequenceId, forwardOnly, data: data.length };
        }
        const input = body[`${path}_input`] as { data: unknown[] };
        return {
          path,
          form: 'json',
          sequenceId: body['seq_id'],
          forwardOnly: path === 'forward',
          data: input.data.length,
        };
      });
  return { ...base, training, passes };
}

describe('the requests of a pass', () => {
  const data = [1, 2, 3, 4, 5].map((token) => datum(token));

  it.each<readonly [string, Partial<ClientConfig>, readonly number[]]>([
    ['all in one where nothing forbids it', {}, [5]],
    ['so many data', { maxChunkLength: 2 }, [2, 2, 1]],
    // Two tokens of 4 bytes, and two targets of 8.
    ['so many bytes', { maxChunkBytes: 48 }, [2, 2, 1]],
    ['so many tokens', { maxChunkTokens: 4 }, [2, 2, 1]],
    ['one of each that is larger alone', { maxChunkTokens: 1 }, [1, 1, 1, 1, 1]],
  ])('carry %s', (_, config, sizes) => {
    const { runtime } = testRuntime({}, {}, {}, { config });
    const pass = createTrainingRequests(runtime, MODEL).forward(
      'forward_backward',
      data,
      'cross_entropy',
      undefined,
    );
    const { requests, accumulates } = pass.batch();
    expect([pass.tokens, accumulates]).toEqual([10, true]);
    const decoded = requests.map(({ protobuf }, index) =>
      decodeForwardBackwardRequest(protobuf?.encode(index + 1) ?? new Uint8Array()),
    );
    expect(decoded.map(({ data }) => data.length)).toEqual(sizes);
    expect(requests.map(({ bytes }) => bytes)).toEqual(sizes.map((size) => size * 24));
  });

  it('are the same in either form', () => {
    const { runtime } = testRuntime({});
    const requests = createTrainingRequests(runtime, MODEL);
    const options = { lossFnConfig: { a: 0.5 } };
    for (const route of ['forward', 'forward_backward'] as const) {
      const [request] = requests.forward(route, [datum(7)], 'cross_entropy', options).batch().requests;
      expect([request?.path, request?.protobuf?.path]).toEqual([
        `/api/v1/${route}`,
        '/api/v1/forward_backward',
      ]);
      expect(request?.body(3)).toEqual({
        [`${route}_input`]: {
          data: [
            {
              loss_fn_inputs: { target_tokens: { data: [7, 7], dtype: 'int64', shape: [2] } },
              model_input: { chunks: [{ tokens: [7, 7], type: 'encoded_text' }] },
            },
          ],
          loss_fn: 'cross_entropy',
          loss_fn_config: { a: 0.5 },
        },
        model_id: MODEL,
        seq_id: 3,
      });
      expect(decodeForwardBackwardRequest(request?.protobuf?.encode(3) ?? new Uint8Array())).toMatchObject({
        modelId: MODEL,
        sequenceId: 3,
        forwardOnly: route === 'forward',
        lossFn: 'cross_entropy',
        lossFnConfig: new Map([['a', 0.5]]),
      });
    }
    expect(requests.forward('forward', data, 'cross_entropy', undefined).batch().accumulates).toBe(false);
  });

  it('ask what is only known late once, when their turn has come', () => {
    const { runtime } = testRuntime({});
    let asked = 0;
    const late = () => ({ sampling_session_seq_id: asked++ });
    const request = createTrainingRequests(runtime, MODEL).weights('save_weights_for_sampler', {}, late);
    expect(asked).toBe(0);
    const first = request.body(1);
    expect(first).toEqual({
      model_id: MODEL,
      sampling_session_seq_id: 0,
      seq_id: 1,
      type: 'save_weights_for_sampler',
    });
    expect(request.body(2)).toEqual({ ...first, seq_id: 2 });
    expect(asked).toBe(1);
  });
});

describe('a pass with rows of targets', () => {
  const rows: Datum<'cross_entropy'> = {
    modelInput: [1, 2],
    lossFnInputs: {
      target_tokens: [
        [1, 2],
        [3, 4],
      ],
      weights: [
        [1, 0],
        [0, 1],
      ],
    },
  };
  const answering = (...lengths: readonly (number | undefined)[]) => ({
    retrieve_future: [
      async (request: Request) => {
        const { request_id } = (await request.json()) as { request_id: string };
        if (request_id === 'create_model') return Response.json({ model_id: MODEL });
        const outputs = lengths.map((length) =>
          length === undefined ? {} : { logprobs: { data: Array.from({ length }, () => -1) } },
        );
        return Response.json({ loss_fn_outputs: outputs, metrics: {} });
      },
    ],
  });

  it.each([[4, 2], [4, undefined], [4]])(
    'has a log-probability for each, or none: %j',
    async (...lengths) => {
      const { training, clock, finish } = await setUp(answering(...lengths));
      const pass = training.forwardBackward([rows, datum(1)], 'cross_entropy').result();
      expect((await clock.drive(pass)).lossFnOutputs).toHaveLength(lengths.length);
      await finish();
    },
  );

  it('fails where the server took them for one target each: its gradient is of something else', async () => {
    const { training, clock, finish } = await setUp(answering(2, 2));
    for (const pass of [
      training.forwardBackward([datum(1), rows], 'cross_entropy'),
      training.forward([datum(1), rows], 'cross_entropy'),
    ])
      expect(await driveToRejection(clock, pass.result())).toMatchObject({
        code: 'response_invalid',
        retryable: false,
        message: expect.stringMatching(
          /The server returned 2 log-probabilities for the 4 targets of data\[1\]/,
        ),
      });
    await finish();
  });
});

describe('what fills a hole', () => {
  it('is a forward pass over one token of no weight, in either form', () => {
    const filler = fillerRequest(MODEL);
    expect([filler.path, filler.protobuf?.path]).toEqual(['/api/v1/forward', '/api/v1/forward_backward']);
    expect(decodeForwardBackwardRequest(filler.protobuf?.encode(9) ?? new Uint8Array())).toMatchObject({
      modelId: MODEL,
      sequenceId: 9,
      forwardOnly: true,
      lossFn: 'cross_entropy',
    });
    expect(filler.body(9)).toMatchObject({
      model_id: MODEL,
      seq_id: 9,
      forward_input: { data: [{ loss_fn_inputs: { weights: { data: [0] } } }], loss_fn: 'cross_entropy' },
    });
  });

  it('goes out where a chunk is refused: later calls go on behind it', async () => {
    const refuseSecond: Answer = async (request) => {
      const bytes = new Uint8Array(await request.clone().arrayBuffer());
      const { sequenceId, forwardOnly } = decodeForwardBackwardRequest(bytes);
      if (sequenceId === 2 && !forwardOnly) return Response.json({ detail: 'bad datum' }, { status: 413 });
      return Response.json({ request_id: 'forward_backward' });
    };
    const { training, passes, bodies, clock, finish } = await setUp({
      ...PROTOBUF,
      forward_backward: [refuseSecond],
    });
    const error = await driveToRejection(
      clock,
      training.forwardBackward(
        [1, 2, 3].map((t) => datum(t)),
        'cross_entropy',
      ),
    );
    expect(error).toMatchObject({
      code: 'batch_incomplete',
      chunks: 3,
      acceptedChunks: 1,
      cause: { status: 413 },
    });
    const sent = passes().map(({ sequenceId, forwardOnly }) => [sequenceId, forwardOnly]);
    expect(sent.toSorted()).toEqual([
      [1, true],
      [2, false],
      [2, true],
      [3, false],
    ]);
    await clock.drive(training.optimStep());
    expect(bodies('optim_step')).toMatchObject([{ seq_id: 4 }]);
    await finish();
  });

  it('is no cause to lament where no gradient has accumulated', async () => {
    const { training, clock, finish } = await setUp({
      ...PROTOBUF,
      forward_backward: [
        { status: 200, body: { request_id: 'forward' } },
        { status: 413, body: { detail: 'too large' } },
        { status: 200, body: { request_id: 'forward' } },
      ],
    });
    const error = await driveToRejection(
      clock,
      training.forward(
        [1, 2, 3].map((t) => datum(t)),
        'cross_entropy',
      ),
    );
    expect(error).toMatchObject({ code: 'http_status', status: 413 });
    await clock.drive(training.optimStep());
    await finish();
  });
});

describe('a pass in chunks', () => {
  it('is one future, whose result is that of all chunks', async () => {
    const forwardBackward: Answer = { status: 200, body: { request_id: 'forward' } };
    const { training, passes, clock, finish } = await setUp({
      ...PROTOBUF,
      forward_backward: [forwardBackward],
    });
    const future = training.forward(
      [1, 2, 3].map((t) => datum(t)),
      'cross_entropy',
    );
    const { lossFnOutputs, metrics } = await clock.drive(future);
    expect([lossFnOutputs.length, metrics]).toEqual([3, { 'loss:sum': 3 }]);
    expect(passes()).toEqual(
      [2, 3, 1].map((sequenceId) => ({
        path: 'forward_backward',
        form: 'protobuf',
        sequenceId,
        forwardOnly: true,
        data: 1,
      })),
    );
    expect(future.toJSON()).toEqual({
      version: 1,
      kind: 'forward',
      requestIds: Array.from({ length: 3 }, () => 'forward'),
    });
    await finish();
  });

  it('case 30: of 1,025 data is two requests, whose metrics are weighted by their outputs', async () => {
    const output = { logprobs: { data: [-1], dtype: 'float32', shape: [1] } };
    const parts: Record<string, object> = {
      'of 1': { loss_fn_outputs: Array.from({ length: 1_024 }, () => output), metrics: { 'loss:mean': 1 } },
      'of 2': { loss_fn_outputs: [output], metrics: { 'loss:mean': 3 } },
    };
    const { training, passes, clock, finish } = await setUp({
      'client/config': [{ status: 200, body: {} }],
      forward_backward: [
        async (request) => {
          const { sequenceId } = decodeForwardBackwardRequest(new Uint8Array(await request.arrayBuffer()));
          return Response.json({ request_id: `of ${sequenceId}` });
        },
      ],
      retrieve_future: [
        async (request) => {
          const { request_id } = (await request.json()) as { request_id: string };
          return Response.json(parts[request_id] ?? { model_id: MODEL });
        },
      ],
    });
    const data = Array.from({ length: 1_025 }, (_, index) => datum(index, 1));
    const { metrics, lossFnOutputs } = await clock.drive(training.forwardBackward(data, 'cross_entropy'));
    expect(passes().map(({ sequenceId, data }) => [sequenceId, data])).toEqual([
      [2, 1],
      [1, 1_024],
    ]);
    expect(lossFnOutputs).toHaveLength(1_025);
    expect(metrics['loss:mean']).toBeCloseTo(1.00195, 5);
    await finish();
  });

  it('case 31: and a call behind it go in order, and find their results, in whatever order answers come', async () => {
    let base: Awaited<ReturnType<typeof setUp>>;
    const { schedules } = await exploreInterleavings(
      async (pass) => {
        base = await setUp(
          {
            optim_step: [
              async (request) => {
                const { seq_id } = (await request.clone().json()) as { seq_id: number };
                await pass(`submit ${seq_id}`);
                return Response.json({ request_id: `step ${seq_id}` });
              },
            ],
            forward_backward: [
              async (request) => {
                const { seq_id } = (await request.clone().json()) as { seq_id: number };
                await pass(`submit ${seq_id}`);
                return Response.json({ request_id: `pass ${seq_id}` });
              },
            ],
            retrieve_future: [
              async (request) => {
                const { request_id } = (await request.clone().json()) as { request_id: string };
                if (request_id === 'create_model') return Response.json({ model_id: MODEL });
                await pass(`poll ${request_id}`);
                const [, number] = request_id.split(' ');
                return Response.json({ metrics: { 'of:sum': Number(number) } });
              },
            ],
          },
          { clientConfig: { maxChunkLength: 1 } },
        );
        const { training } = base;
        return [
          async () => (await training.forwardBackward([datum(1), datum(2)], 'cross_entropy')).metrics,
          async () => (await training.optimStep()).metrics,
        ];
      },
      async (_, results) => {
        expect(results).toEqual([{ 'of:sum': 3 }, { 'of:sum': 3 }]);
        const submitted = base.requests.flatMap(({ path, body }) =>
          path === 'forward_backward' || path === 'optim_step' ? [body['seq_id']] : [],
        );
        expect(submitted).toEqual([2, 1, 3]);
        await base.finish();
      },
      { restTurns: 4 },
    );
    expect(schedules).toBeGreaterThan(5);
  });

  it('that is not taken whole is followed by no step', async () => {
    const { training, bodies, clock, finish } = await setUp({
      ...PROTOBUF,
      forward_backward: [
        { status: 200, body: { request_id: 'forward_backward' } },
        { status: 413, body: { detail: 'too large' } },
        { status: 200, body: { request_id: 'forward_backward' } },
      ],
    });
    const step = training.trainStep(
      [1, 2, 3].map((t) => datum(t)),
      'cross_entropy',
    );
    const both = [rejection(step.forwardBackward), rejection(step.optimStep), rejection(step)];
    expect(await clock.drive(Promise.all(both))).toMatchObject([
      { code: 'batch_incomplete' },
      { code: 'operation_failed' },
      { code: 'batch_incomplete' },
    ]);
    expect(bodies('optim_step')).toEqual([]);
    await finish();
  });

  it('fails with the first part that fails', async () => {
    const { training, script, clock, finish } = await setUp(PROTOBUF);
    let polls = 0;
    script['retrieve_future'] = [
      (request) => {
        polls += 1;
        if (polls === 2) return Response.json({ error: 'no such loss', category: 'user' });
        return new Promise((_, reject) => {
          request.signal.addEventListener('abort', () => reject(request.signal.reason));
        });
      },
    ];
    const error = await driveToRejection(
      clock,
      training.forward(
        [1, 2, 3].map((t) => datum(t)),
        'cross_entropy',
      ),
    );
    expect(error).toMatchObject({ code: 'operation_failed' });
    expect(polls).toBe(3);
    await finish();
  });
});

describe('a pass with a loss of one’s own', () => {
  const logprobs = { data: [-1, -2], dtype: 'float32', shape: [2] };
  const forward = { loss_fn_outputs: [{ logprobs }], metrics: {} };
  const results: Answer = async (request) => {
    const { request_id } = (await request.clone().json()) as { request_id: string };
    return request_id === 'forward'
      ? Response.json(forward)
      : (healthyScript()['retrieve_future'] as [(request: Request) => Promise<Response>])[0](request);
  };
  const data = [datum(1), datum(2)];
  const loss = () => ({ loss: 5, gradients: data.map(() => [1, -2]) });

  it('is two passes of one turn, each in chunks, and nothing comes between', async () => {
    const byRoute: Answer = async (request) => {
      const bytes = new Uint8Array(await request.clone().arrayBuffer());
      return Response.json({
        request_id: decodeForwardBackwardRequest(bytes).forwardOnly ? 'forward' : 'forward_backward',
      });
    };
    const { training, passes, bodies, requests, clock, finish } = await setUp({
      ...PROTOBUF,
      forward_backward: [byRoute],
      retrieve_future: [results],
    });
    const future = training.forwardBackwardCustom(data, loss);
    const step = training.optimStep();
    const [{ metrics }] = await clock.drive(Promise.all([future, step]));
    expect(metrics).toMatchObject({ custom_loss: 5, 'loss:sum': 4 });
    expect(passes().map(({ sequenceId, forwardOnly }) => [sequenceId, forwardOnly])).toEqual([
      [2, true],
      [1, true],
      [4, false],
      [3, false],
    ]);
    expect(bodies('optim_step')).toMatchObject([{ seq_id: 5 }]);
    const labels = requests
      .map(({ headers }) => headers.get('x-tinker-request-type'))
      .filter((label) => label !== null);
    expect(labels).toEqual([
      'CreateModel',
      'Forward',
      'Forward',
      'ForwardBackward',
      'ForwardBackward',
      'OptimStep',
    ]);
    await finish();
  });

  it.each<readonly [string, () => unknown, object]>([
    [
      'throws',
      () => {
        throw new Error('mine');
      },
      { message: 'mine' },
    ],
    ['rejects', () => Promise.reject(new Error('mine')), { message: 'mine' }],
    [
      'gives nothing',
      () => undefined,
      { code: 'input_invalid', field: expect.stringMatching(/^customLoss/) },
    ],
    [
      'gives too few gradients',
      () => ({ loss: 1, gradients: [] }),
      { code: 'input_invalid', field: 'customLoss().gradients' },
    ],
  ])('adds no gradient where the loss %s, and gives its turn back', async (_, own, expected) => {
    const { training, passes, bodies, clock, finish } = await setUp({ retrieve_future: [results] });
    const future = training.forwardBackwardCustom([datum(1)], own as never);
    const next = training.optimStep();
    expect(await driveToRejection(clock, future)).toMatchObject(expected);
    expect(future.toJSON()).toMatchObject({ requestIds: [] });
    await clock.drive(next);
    expect(passes()).toMatchObject([{ sequenceId: 1, path: 'forward' }]);
    expect(bodies('optim_step')).toMatchObject([{ seq_id: 2 }]);
    await finish();
  });

  it('adds no gradient where the server does not tell each log-probability', async () => {
    const { training, passes, clock, finish } = await setUp({ retrieve_future: [results] });
    const failed = training.forwardBackwardCustom(data, loss);
    expect(await driveToRejection(clock, failed)).toMatchObject({ code: 'response_invalid' });
    expect(passes()).toHaveLength(1);
    await finish();
  });

  it('is given up while the loss runs, and gives its turn back', async () => {
    const { training, passes, clock, finish } = await setUp({ retrieve_future: [results] });
    const controller = new AbortController();
    const future = training.forwardBackwardCustom([datum(1)], () => new Promise(() => {}), {
      signal: controller.signal,
    });
    const failed = rejection(future);
    const next = training.optimStep();
    await clock.advance(100);
    expect(future.reason).toBe('the custom loss runs');
    controller.abort('enough');
    expect(await failed).toBe('enough');
    await clock.drive(next);
    expect(passes()).toHaveLength(1);
    await finish();
  });
});
