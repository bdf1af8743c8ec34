import { describe, expect, it } from 'vitest';
import type { FutureHandle, ServiceClientOptions } from '../../../src/index.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { scriptedService } from '../../support/service.ts';
import { rejection, thrown } from '../../support/settled.ts';

type Kind = Exclude<FutureHandle['kind'], 'unknown'>;

/** What another process kept. */
const handle = (
  kind: Kind,
  more: Omit<Partial<FutureHandle>, 'kind'> = {},
): FutureHandle & { readonly kind: Kind } => ({ version: 1, requestIds: ['r-1'], ...more, kind });

const PASS = {
  loss_fn_output_type: 'x',
  loss_fn_outputs: [{ logprobs: { data: [-1], dtype: 'float32', shape: [1] } }],
  metrics: { 'loss:sum': 1 },
};
const SAMPLE = {
  sequences: [{ tokens: [1], logprobs: [-1], stop_reason: 'length' }],
  prompt_logprobs: [null, -2],
};

/** Results by their request's id. */
function setUp(results: Record<string, unknown>, options: Partial<ServiceClientOptions> = {}) {
  const answer: Answer = async (request) => {
    const { request_id } = (await request.clone().json()) as { request_id: string };
    return Response.json(results[request_id]);
  };
  return scriptedService({ retrieve_future: [answer] }, options);
}

describe('an operation of another process', () => {
  it.each<readonly [Kind, string, Omit<Partial<FutureHandle>, 'kind'>, unknown, unknown]>([
    ['create_model', 'CreateModel', {}, { model_id: 'm:1' }, 'm:1'],
    ['create_model', 'CreateModel', {}, {}, 'r-1'],
    [
      'forward',
      'Forward',
      {},
      PASS,
      {
        lossFnOutputType: 'x',
        lossFnOutputs: [{ logprobs: { data: Float32Array.of(-1), dtype: 'float32', shape: [1] } }],
        metrics: { 'loss:sum': 1 },
      },
    ],
    [
      'forward_backward',
      'ForwardBackward',
      {},
      { metrics: { 'loss:sum': 2 } },
      { metrics: { 'loss:sum': 2 } },
    ],
    [
      'forward_backward',
      'ForwardBackward',
      { metrics: { custom_loss: 5, 'loss:sum': 7 } },
      { metrics: { 'loss:sum': 2, 'other:sum': 3 } },
      { metrics: { 'loss:sum': 7, 'other:sum': 3, custom_loss: 5 } },
    ],
    [
      'optim_step',
      'OptimStep',
      {},
      { metrics: { 'grad_norm:mean': 3 } },
      { metrics: { 'grad_norm:mean': 3 } },
    ],
    ['save_weights', 'SaveWeights', {}, { path: 'tinker://r/weights/n' }, { path: 'tinker://r/weights/n' }],
    ['load_weights', 'LoadWeights', {}, { path: 'tinker://a/weights/x' }, { path: 'tinker://a/weights/x' }],
    ['unload_model', 'UnloadModel', {}, { model_id: 'm:1' }, { modelId: 'm:1' }],
    ['sample', 'Sample', { promptLength: 2 }, SAMPLE, { promptLogprobs: Float32Array.of(Number.NaN, -2) }],
    // Of a prompt with images nobody knows how many there must be.
    ['sample', 'Sample', {}, { sequences: [], prompt_logprobs: null }, { sequences: [] }],
    ['compute_logprobs', 'Sample', { promptLength: 2 }, SAMPLE, Float32Array.of(Number.NaN, -2)],
    ['compute_logprobs', 'Sample', { promptLength: 1 }, { sequences: [] }, Float32Array.of(Number.NaN)],
  ])('is waited for by its handle: %s as %s', async (kind, type, more, result, expected) => {
    const { service, clock, requests, finish } = setUp({ 'r-1': result });
    const given = JSON.parse(JSON.stringify(handle(kind, more)));
    const resumed = service.resume(given);
    expect(await clock.drive(resumed)).toEqual(
      typeof expected === 'object' && !ArrayBuffer.isView(expected)
        ? expect.objectContaining(expected as object)
        : expected,
    );
    // No session, no submission: nothing but the poll.
    expect(requests.map(({ path }) => path)).toEqual(['client/config', 'retrieve_future']);
    expect(requests[1]?.headers.get('x-tinker-request-type')).toBe(type);
    expect(resumed.requestId).toBe('r-1');
    expect(resumed.toJSON()).toEqual(given);
    await finish();
  });

  it('that went in chunks comes whole, in their order', async () => {
    const { service, clock, finish } = setUp({
      a: { ...PASS, metrics: { 'loss:sum': 1 } },
      b: { loss_fn_outputs: [], metrics: { 'loss:sum': 2 } },
      c: { ...PASS, metrics: { 'loss:sum': 4 } },
    });
    const resumed = service.resume(handle('forward_backward', { requestIds: ['a', 'b', 'c'] }) as never);
    const { metrics, lossFnOutputs } = (await clock.drive(resumed)) as never as {
      metrics: object;
      lossFnOutputs: unknown[];
    };
    expect([metrics, lossFnOutputs.length]).toEqual([{ 'loss:sum': 7 }, 2]);
    await finish();
  });

  it('that is resumed twice comes twice', async () => {
    const { service, clock, finish } = setUp({ 'r-1': { metrics: {} } });
    const given = { version: 1, kind: 'optim_step', requestIds: ['r-1'] } as const;
    const both = Promise.all([service.resume(given).result(), service.resume(given).result()]);
    expect(await clock.drive(both)).toHaveLength(2);
    await finish();
  });

  it('is a future like any other: it fails, times out, is aborted, and is told of', async () => {
    const { service, clock, events, finish } = scriptedService({
      retrieve_future: [{ status: 200, body: { error: 'no', category: 'user' } }, 'nothing'],
    });
    const given = { version: 1, kind: 'optim_step', requestIds: ['r-1'] } as const;
    const failed = service.resume(given);
    expect(await clock.drive(rejection(failed))).toMatchObject({
      code: 'operation_failed',
      requestId: 'r-1',
    });
    expect(failed.status).toBe('failed');
    expect(events).toMatchObject([
      { type: 'operation_failed', path: '/api/v1/retrieve_future', requestId: 'r-1' },
    ]);
    const late = rejection(service.resume(given, { timeoutMs: 1_000 }));
    expect(await clock.drive(late)).toMatchObject({ code: 'timed_out', mayContinue: true });
    const controller = new AbortController();
    const aborted = rejection(service.resume(given, { signal: controller.signal }));
    await clock.advance(10);
    controller.abort('enough');
    expect(await aborted).toBe('enough');
    await finish();
  });

  it('is asked about as a large result from the second time on, when the server’s settings are known', async () => {
    const { service, clock, bodies, requests, finish } = scriptedService({
      'client/config': [{ status: 200 }],
      retrieve_future: [{ status: 408 }, { status: 200, body: PASS }],
    });
    await clock.drive(service.resume({ version: 1, kind: 'forward', requestIds: ['r-1'] }));
    expect(bodies('retrieve_future').at(-1)).toEqual({ request_id: 'r-1', allow_metadata_only: true });
    expect(requests.at(-1)?.headers.get('accept')).toContain('application/x-protobuf');
    await finish();
  });

  it('is not resubmitted where its result is lost: nobody here knows what it was', async () => {
    const { service, clock, requests, finish } = scriptedService({ retrieve_future: [{ status: 410 }] });
    const resumed = rejection(
      service.resume({ version: 1, kind: 'sample', requestIds: ['r-1'], promptLength: 2 }),
    );
    expect(await clock.drive(resumed)).toMatchObject({ code: 'result_expired' });
    expect(requests.filter(({ path }) => path === 'asample')).toHaveLength(0);
    await finish();
  });

  it.each<readonly [Kind]>([['optim_step'], ['save_weights'], ['sample'], ['create_model']])(
    'that never has more than one part is refused with two: %s',
    async (kind) => {
      const { service, requests, finish } = setUp({});
      const two = handle(kind, { requestIds: ['a', 'b'], promptLength: 2 });
      expect(thrown(() => service.resume(two))).toMatchObject({
        code: 'input_invalid',
        field: 'handle.requestIds',
      });
      expect(requests).toHaveLength(0);
      await finish();
    },
  );

  it('is refused at once where the handle is none', async () => {
    const { service, finish } = setUp({});
    const unknown = { version: 1, kind: 'unknown', requestIds: ['r'] } as never;
    expect(thrown(() => service.resume(unknown))).toMatchObject({ field: 'handle.kind' });
    await finish();
  });

  it('cannot come as protobuf where the operation has none', async () => {
    const answer: Answer = () =>
      new Response(Uint8Array.of(1), { headers: { 'content-type': 'application/x-protobuf' } });
    for (const kind of ['optim_step', 'save_weights', 'load_weights', 'unload_model'] as const) {
      const { service, clock, finish } = scriptedService({ retrieve_future: [answer] });
      expect(await clock.drive(rejection(service.resume(handle(kind))))).toMatchObject({
        code: 'response_invalid',
      });
      await finish();
    }
  });
});

describe('the handle of a future', () => {
  const DATA = [{ modelInput: [1, 2], lossFnInputs: { target_tokens: [2, 3] } }];

  async function running() {
    const base = scriptedService({ unload_model: [{ status: 200, body: { request_id: 'unload_model' } }] });
    const [healthy] = base.script['retrieve_future'] as [(request: Request) => Promise<Response>];
    base.script['retrieve_future'] = [
      async (request) => {
        const { request_id } = (await request.clone().json()) as { request_id: string };
        if (request_id === 'first') return new Response('', { status: 410 });
        return request_id === 'unload_model' ? Response.json({}) : healthy(request);
      },
    ];
    const training = await base.clock.drive(base.service.createLoraTrainingClient({ baseModel: 'm' }));
    const sampler = await base.clock.drive(base.service.createSamplingClient({ baseModel: 'm' }));
    return { ...base, training, sampler };
  }

  it.each<
    readonly [
      string,
      FutureHandle['kind'],
      (base: Awaited<ReturnType<typeof running>>) => { toJSON(): FutureHandle },
    ]
  >([
    ['forward', 'forward', ({ training }) => training.forward(DATA, 'cross_entropy')],
    [
      'forward_backward',
      'forward_backward',
      ({ training }) => training.forwardBackward(DATA, 'cross_entropy'),
    ],
    ['optim_step', 'optim_step', ({ training }) => training.optimStep()],
    ['save_weights', 'save_weights', ({ training }) => training.saveState('n')],
    ['save_weights_for_sampler', 'save_weights', ({ training }) => training.saveWeightsForSampler('n')],
    ['load_weights', 'load_weights', ({ training }) => training.loadState('tinker://a/weights/x')],
    ['unload_model', 'unload_model', ({ training }) => training.unload()],
    ['asample', 'sample', ({ sampler }) => sampler.sample({ prompt: [1, 2], maxTokens: 1 })],
    ['asample', 'compute_logprobs', ({ sampler }) => sampler.computeLogprobs([1, 2])],
  ])('holds the server’s id from when it has accepted %s, and its kind: %s', async (path, kind, start) => {
    const base = await running();
    const future = start(base);
    const length = kind === 'sample' || kind === 'compute_logprobs' ? { promptLength: 2 } : {};
    expect(future.toJSON()).toEqual({ version: 1, kind, requestIds: [], ...length });
    expect(thrown(() => base.service.resume(future.toJSON() as never))).toMatchObject({
      field: 'handle.requestIds',
    });
    await base.clock.drive(future as never).catch(() => {});
    expect(future.toJSON()).toEqual({ version: 1, kind, requestIds: [path], ...length });
    await base.finish();
  });

  it('of a loss of one’s own has its metrics, once there are any', async () => {
    const { training, service, clock, finish } = await running();
    const future = training.forwardBackwardCustom(DATA, () => ({
      loss: 5,
      gradients: [[0, 0]],
      metrics: { mine: Number.NaN },
    }));
    expect(future.toJSON()).toEqual({ version: 1, kind: 'forward_backward', requestIds: [] });
    const output = await clock.drive(future);
    const through = JSON.parse(JSON.stringify(future));
    expect(through.metrics).toEqual({ custom_loss: 5, mine: null });
    expect(await clock.drive(service.resume(through))).toEqual(output);
    await finish();
  });

  it('of a sample that was lost and is submitted anew has no id until it has the new one', async () => {
    const base = await running();
    const { sampler, clock, script } = base;
    script['asample'] = [
      { status: 200, body: { request_id: 'first' } },
      { status: 200, body: { request_id: 'asample' }, afterMs: 100 },
    ];
    const future = sampler.sample({ prompt: [1, 2], maxTokens: 1 });
    const seen: string[][] = [];
    const watch = async (): Promise<void> => {
      for await (const event of future.events())
        if (event.type === 'status') seen.push([event.status, ...future.toJSON().requestIds]);
    };
    const watched = watch();
    await clock.drive(future);
    await watched;
    expect(seen).toContainEqual(['queued', 'first']);
    expect(future.toJSON().requestIds).toEqual(['asample']);
    expect(seen.filter(([status]) => status === 'submitting')).toEqual([['submitting'], ['submitting']]);
    await base.finish();
  });
});
