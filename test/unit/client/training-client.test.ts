import { describe, expect, it } from 'vitest';
import type { ApiFuture, Datum, TrainingClient } from '../../../src/index.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { type ScriptedService, scriptedService } from '../../support/service.ts';
import { driveToRejection, rejection, thrown } from '../../support/settled.ts';

const MODEL = 'sess-1:train:0';
const DATA: Datum<'cross_entropy'>[] = [{ modelInput: [1, 2], lossFnInputs: { target_tokens: [2, 3] } }];
const WIRE_DATA = [
  {
    loss_fn_inputs: { target_tokens: { data: [2, 3], dtype: 'int64', shape: [2] } },
    model_input: { chunks: [{ tokens: [1, 2], type: 'encoded_text' }] },
  },
];
const ADAM = {
  learning_rate: 0.0001,
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-12,
  weight_decay: 0,
  grad_clip_norm: 0,
};
const REFUSED: Answer = { status: 400, body: { detail: 'bad' } };

async function setUp(script: Record<string, readonly Answer[]> = {}, options = {}) {
  const base = scriptedService(script, options);
  const create = base.service.createLoraTrainingClient({ baseModel: 'm' });
  return { ...base, training: await base.clock.drive(create) };
}

interface Call {
  readonly name: string;
  readonly path: string;
  run(training: TrainingClient): ApiFuture<unknown> | Promise<unknown>;
  readonly body: object;
  readonly result: unknown;
}

const CALLS: readonly Call[] = [
  {
    name: 'forward',
    path: 'forward',
    run: (training) => training.forward(DATA, 'cross_entropy'),
    body: { forward_input: { data: WIRE_DATA, loss_fn: 'cross_entropy' }, model_id: MODEL, seq_id: 1 },
    result: {
      lossFnOutputType: 'x',
      lossFnOutputs: [{ logprobs: { data: Float32Array.of(-1, -2), dtype: 'float32', shape: [2] } }],
      metrics: { 'loss:sum': 1 },
    },
  },
  {
    name: 'forwardBackward',
    path: 'forward_backward',
    run: (training) => training.forwardBackward(DATA, 'cross_entropy', { lossFnConfig: { a: 0.5 } }),
    body: {
      forward_backward_input: { data: WIRE_DATA, loss_fn: 'cross_entropy', loss_fn_config: { a: 0.5 } },
      model_id: MODEL,
      seq_id: 1,
    },
    result: { lossFnOutputType: 'x', lossFnOutputs: [], metrics: { 'loss:sum': 2 } },
  },
  {
    name: 'optimStep',
    path: 'optim_step',
    run: (training) => training.optimStep(),
    body: { adam_params: ADAM, model_id: MODEL, seq_id: 1, type: 'optim_step' },
    result: { metrics: { 'grad_norm:mean': 3 } },
  },
  {
    name: 'optimStep with parameters',
    path: 'optim_step',
    run: (training) =>
      training.optimStep({
        learningRate: 0,
        beta1: 0,
        beta2: 0.5,
        eps: 1e-8,
        weightDecay: 0.1,
        gradClipNorm: 1,
      }),
    body: {
      adam_params: {
        learning_rate: 0,
        beta1: 0,
        beta2: 0.5,
        eps: 1e-8,
        weight_decay: 0.1,
        grad_clip_norm: 1,
      },
      model_id: MODEL,
      seq_id: 1,
      type: 'optim_step',
    },
    result: { metrics: { 'grad_norm:mean': 3 } },
  },
  {
    name: 'saveState',
    path: 'save_weights',
    run: (training) => training.saveState('n', { ttlSeconds: 5 }),
    body: { model_id: MODEL, path: 'n', ttl_seconds: 5, seq_id: 1, type: 'save_weights' },
    result: { path: 'tinker://r/weights/n' },
  },
  {
    name: 'saveState over another',
    path: 'save_weights',
    run: (training) => training.saveState('n', { overwrite: true }),
    body: { model_id: MODEL, path: 'n', overwrite: true, seq_id: 1, type: 'save_weights' },
    result: { path: 'tinker://r/weights/n' },
  },
  {
    name: 'loadState',
    path: 'load_weights',
    run: (training) => training.loadState('tinker://a/weights/x'),
    body: {
      model_id: MODEL,
      path: 'tinker://a/weights/x',
      optimizer: false,
      seq_id: 1,
      type: 'load_weights',
    },
    result: { path: 'tinker://a/weights/x' },
  },
  {
    name: 'loadState with the optimizer',
    path: 'load_weights',
    run: (training) => training.loadState('twinkle://x', { optimizer: true }),
    body: { model_id: MODEL, path: 'twinkle://x', optimizer: true, seq_id: 1, type: 'load_weights' },
    result: { path: 'tinker://a/weights/x' },
  },
  {
    name: 'saveWeightsForSampler',
    path: 'save_weights_for_sampler',
    run: (training) => training.saveWeightsForSampler('n'),
    body: { model_id: MODEL, path: 'n', seq_id: 1, type: 'save_weights_for_sampler' },
    result: { path: 'tinker://r/sampler_weights/n' },
  },
  {
    name: 'saveWeightsAndGetSamplingClient',
    path: 'save_weights_for_sampler',
    run: async (training) => (await training.saveWeightsAndGetSamplingClient()).samplingSessionId,
    body: { model_id: MODEL, sampling_session_seq_id: 0, seq_id: 1, type: 'save_weights_for_sampler' },
    result: 'sess-1:sample:9',
  },
  {
    name: 'getInfo',
    path: 'get_info',
    run: async (training) => (await training.getInfo()).modelId,
    body: { model_id: MODEL, type: 'get_info' },
    result: MODEL,
  },
];

describe.each(CALLS)('$name', ({ path, run, body, result }) => {
  it('sends the protocol’s body (appendix A), and gives the result', async () => {
    const { training, clock, bodies, finish } = await setUp();
    expect(await clock.drive(run(training))).toEqual(result);
    expect(bodies(path)).toEqual([body]);
    await finish();
  });

  it('rejects with what the server says against it', async () => {
    const { training, clock, finish } = await setUp({ [path]: [REFUSED] });
    expect(await driveToRejection(clock, run(training))).toMatchObject({
      code: 'http_status',
      message: `/api/v1/${path} answered 400: bad`,
    });
    await finish();
  });
});

describe('arguments that cannot be right', () => {
  it.each<readonly [string, (training: TrainingClient) => unknown, string]>([
    ['no data', (t) => t.forward([], 'cross_entropy'), '"data" must hold at least one datum, got none'],
    [
      'a loss’s number',
      (t) => t.forwardBackward(DATA, 'cross_entropy', { lossFnConfig: { clip: Number.NaN } }),
      '"lossFnConfig.clip" must be a finite number, got NaN',
    ],
    [
      'a learning rate',
      (t) => t.optimStep({ learningRate: -1 }),
      '"learningRate" must be a finite number >= 0, got -1',
    ],
    ['beta1', (t) => t.optimStep({ beta1: 1 }), '"beta1" must be a finite number >= 0 and < 1, got 1'],
    ['beta2', (t) => t.optimStep({ beta2: 1 }), '"beta2" must be a finite number >= 0 and < 1, got 1'],
    ['eps', (t) => t.optimStep({ eps: 0 }), '"eps" must be a finite number > 0, got 0'],
    [
      'weight decay',
      (t) => t.optimStep({ weightDecay: -1 }),
      '"weightDecay" must be a finite number >= 0, got -1',
    ],
    [
      'clipping',
      (t) => t.optimStep({ gradClipNorm: -1 }),
      '"gradClipNorm" must be a finite number >= 0, got -1',
    ],
    [
      'data of a step',
      (t) => t.trainStep([], 'cross_entropy'),
      '"data" must hold at least one datum, got none',
    ],
    [
      'parameters of a step',
      (t) => t.trainStep(DATA, 'cross_entropy', { learningRate: Number.NaN }),
      '"learningRate" must be a finite number >= 0, got NaN',
    ],
    ['a name', (t) => t.saveState(''), '"name" must be a non-empty string, got ""'],
    [
      'a lifetime',
      (t) => t.saveState('n', { ttlSeconds: 0.5 }),
      '"ttlSeconds" must be an integer >= 1, got 0.5',
    ],
    [
      'overwrite',
      (t) => t.saveState('n', { overwrite: 1 as unknown as boolean }),
      '"overwrite" must be true or false, got 1',
    ],
    ['a path', (t) => t.loadState(''), '"path" must be a non-empty string, got ""'],
    [
      'optimizer',
      (t) => t.loadState('p', { optimizer: 'yes' as unknown as boolean }),
      '"optimizer" must be true or false, got "yes"',
    ],
    ['a sampler’s name', (t) => t.saveWeightsForSampler(''), '"name" must be a non-empty string, got ""'],
    ['a limit', (t) => t.optimStep({}, { timeoutMs: 0 }), '"timeoutMs" must be a finite number > 0, got 0'],
  ])('are refused at once, and take no number: %s', async (_, run, message) => {
    const { training, clock, bodies, requests, finish } = await setUp();
    const before = requests.length;
    expect(thrown(() => run(training))).toMatchObject({ code: 'input_invalid', message });
    await clock.advance(0);
    expect(requests).toHaveLength(before);
    await clock.drive(training.optimStep());
    expect(bodies('optim_step')).toMatchObject([{ seq_id: 1 }]);
    await finish();
  });
});

describe('numbers', () => {
  it('count all kinds of requests of a model together, in call order', async () => {
    const { training, clock, requests, finish } = await setUp();
    const all = Promise.all([
      training.forwardBackward(DATA, 'cross_entropy'),
      training.optimStep(),
      training.saveState('n'),
      training.saveWeightsAndGetSamplingClient(),
      training.forward(DATA, 'cross_entropy'),
    ]);
    await clock.drive(all);
    const numbered = requests.filter(({ body, path }) => 'seq_id' in body && path !== 'asample');
    expect(numbered.map(({ path, body }) => [path, body['seq_id']])).toEqual([
      ['forward_backward', 1],
      ['optim_step', 2],
      ['save_weights', 3],
      ['save_weights_for_sampler', 4],
      ['forward', 5],
    ]);
    await finish();
  });

  it('are kept for the next request where an idempotency key cannot be sent', async () => {
    const ids = ['a', 'b', 'lauf–1'];
    const { training, clock, bodies, finish } = await setUp({}, { createId: () => ids.shift() ?? 'c' });
    const error = await driveToRejection(clock, training.optimStep());
    expect(error).toMatchObject({ code: 'input_invalid', field: 'createId' });
    await clock.drive(training.optimStep());
    expect(bodies('optim_step')).toMatchObject([{ seq_id: 1 }]);
    await finish();
  });

  it('of sampling sessions are the service’s, whoever opens them', async () => {
    const { service, training, clock, bodies, finish } = await setUp();
    await clock.drive(training.saveWeightsAndGetSamplingClient());
    await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
    const other = await clock.drive(service.createLoraTrainingClient({ baseModel: 'm' }));
    await clock.drive(other.saveWeightsAndGetSamplingClient());
    expect(bodies('save_weights_for_sampler')).toMatchObject([
      { sampling_session_seq_id: 0 },
      { sampling_session_seq_id: 2 },
    ]);
    expect(bodies('create_sampling_session')).toMatchObject([{ sampling_session_seq_id: 1 }]);
    await finish();
  });

  it('stay with a save that is sent again, the sampling session’s too', async () => {
    const { training, clock, bodies, finish } = await setUp({
      save_weights_for_sampler: [
        { status: 503 },
        { status: 200, body: { request_id: 'save_weights_for_sampler' } },
      ],
    });
    await clock.drive(training.saveWeightsAndGetSamplingClient());
    const [first, second] = bodies('save_weights_for_sampler');
    expect(second).toEqual(first);
    await finish();
  });

  it('are not given out for what the caller changes after the call', async () => {
    const { training, clock, bodies, finish } = await setUp();
    const tokens = Int32Array.of(1, 2);
    const lossFnConfig: Record<string, number> = { a: 1 };
    const future = training.forward(
      [{ modelInput: tokens, lossFnInputs: { target_tokens: tokens } }],
      'cross_entropy',
      {
        lossFnConfig,
      },
    );
    tokens.fill(9);
    lossFnConfig['a'] = 9;
    await clock.drive(future);
    expect(bodies('forward')).toMatchObject([
      {
        forward_input: {
          data: [{ model_input: { chunks: [{ tokens: [1, 2] }] } }],
          loss_fn_config: { a: 1 },
        },
      },
    ]);
    await finish();
  });
});

describe('trainStep', () => {
  const submissions = ({ requests }: ScriptedService) =>
    requests
      .filter(({ path }) => path === 'forward_backward' || path === 'optim_step')
      .map(({ path, body }) => [path, body['seq_id']]);

  it('submits both without waiting for a result, and gives both', async () => {
    const base = await setUp();
    const step = base.training.trainStep(DATA, 'cross_entropy', { learningRate: 0.5 });
    expect(await base.clock.drive(step)).toEqual({
      forwardBackward: { lossFnOutputType: 'x', lossFnOutputs: [], metrics: { 'loss:sum': 2 } },
      optimStep: { metrics: { 'grad_norm:mean': 3 } },
    });
    expect(await step.optimStep).toEqual({ metrics: { 'grad_norm:mean': 3 } });
    expect(submissions(base)).toEqual([
      ['forward_backward', 1],
      ['optim_step', 2],
    ]);
    expect(base.bodies('optim_step')).toMatchObject([{ adam_params: { learning_rate: 0.5 } }]);
    await base.finish();
  });

  it('does not wait for the forward result before it submits the step', async () => {
    const base = await setUp({
      retrieve_future: [{ status: 200, body: { model_id: MODEL } }, 'nothing'],
    });
    const step = base.training.trainStep(DATA, 'cross_entropy');
    const ended = rejection(step);
    await base.clock.advance(0);
    expect(submissions(base)).toHaveLength(2);
    await base.finish();
    expect(await ended).toMatchObject({ code: 'client_closed' });
  });

  it('does not send the step when the forward pass was refused, and goes on with its number', async () => {
    const base = await setUp({
      forward_backward: [REFUSED, { status: 200, body: { request_id: 'forward_backward' } }],
    });
    const step = base.training.trainStep(DATA, 'cross_entropy');
    const update = rejection(step.optimStep);
    expect(await driveToRejection(base.clock, step)).toMatchObject({ status: 400 });
    expect(await update).toMatchObject({
      code: 'operation_failed',
      message:
        'Not sent: the forward-backward pass before it was not submitted. The error of the pass, trainStep(…).forwardBackward, says why',
    });
    await base.clock.drive(base.training.trainStep(DATA, 'cross_entropy'));
    expect(submissions(base)).toEqual([
      ['forward_backward', 1],
      ['forward_backward', 1],
      ['optim_step', 2],
    ]);
    await base.finish();
  });

  it('does not send the step when the fate of the forward pass is unknown', async () => {
    const base = await setUp({ forward_backward: [{ status: 500 }] }, { retryBudgetMs: 0 });
    const step = base.training.trainStep(DATA, 'cross_entropy');
    const update = rejection(step.optimStep);
    expect(await driveToRejection(base.clock, step)).toMatchObject({
      code: 'submit_ambiguous',
      cause: { status: 500 },
    });
    expect(await update).toMatchObject({ code: 'client_poisoned' });
    expect(submissions(base)).toEqual([['forward_backward', 1]]);
    await base.finish();
  });

  it('sends neither after an abort in the queue, and leaves the others alone', async () => {
    const base = await setUp();
    const controller = new AbortController();
    const first = base.training.trainStep(DATA, 'cross_entropy');
    const aborted = base.training.trainStep(DATA, 'cross_entropy', {}, { signal: controller.signal });
    const ends = Promise.all([aborted.forwardBackward, aborted.optimStep].map(rejection));
    controller.abort('enough');
    await base.clock.drive(first);
    expect(await ends).toEqual(['enough', 'enough']);
    await base.clock.drive(base.training.optimStep());
    expect(submissions(base)).toEqual([
      ['forward_backward', 1],
      ['optim_step', 2],
      ['optim_step', 3],
    ]);
    await base.finish();
  });

  it('that nobody awaits harms nothing when it fails', async () => {
    // An unhandled rejection fails the whole run.
    const base = await setUp({ forward_backward: [REFUSED] });
    const step = base.training.trainStep(DATA, 'cross_entropy');
    await base.clock.advance(1_000);
    expect([step.forwardBackward.status, step.optimStep.status]).toEqual(['failed', 'failed']);
    await base.finish();
  });
});
