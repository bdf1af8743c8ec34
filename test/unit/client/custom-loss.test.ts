import { describe, expect, it } from 'vitest';
import { backwardData, forwardData, logprobsOf } from '../../../src/client/custom-loss/custom-loss.ts';
import type { CustomLoss, CustomLossResult } from '../../../src/index.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { checkedCustomBatch } from '../../../src/wire/checked-input.ts';
import { scriptedService } from '../../support/service.ts';
import { driveToRejection, rejection, thrown } from '../../support/settled.ts';

const DATA = [{ modelInput: [1, 2], lossFnInputs: { target_tokens: [2, 3] } }];
const SUM: CustomLoss = (_, logprobs) => ({
  loss: logprobs.flatMap((row) => [...row]).reduce((sum, logprob) => sum + logprob, 0),
  gradients: logprobs.map((row) => row.map(() => 1)),
});

async function setUp(script: Record<string, readonly Answer[]> = {}) {
  const base = scriptedService(script);
  const training = await base.clock.drive(base.service.createLoraTrainingClient({ baseModel: 'm' }));
  const weights = (path: 'forward' | 'forward_backward') =>
    base.bodies(path).map((body) => {
      const input = (body as Record<string, { data: { loss_fn_inputs: { weights: { data: number[] } } }[] }>)[
        `${path}_input`
      ];
      return input?.data.map((datum) => datum.loss_fn_inputs.weights.data);
    });
  const order = () =>
    base.requests.flatMap(({ path, body }) => (body['seq_id'] === undefined ? [] : [[path, body['seq_id']]]));
  return { ...base, training, weights, order };
}

describe('forwardBackwardCustom', () => {
  it('case 32: sends minus the gradient as weights, under two numbers, and gives loss and metrics', async () => {
    const { training, clock, weights, order, finish } = await setUp();
    const seen: unknown[] = [];
    const loss: CustomLoss = (data, logprobs) => {
      seen.push(data, logprobs);
      return { ...(SUM(data, logprobs) as CustomLossResult), metrics: { mine: 5, 'loss:sum': 6 } };
    };
    const output = await clock.drive(training.forwardBackwardCustom(DATA, loss));
    expect(seen).toEqual([DATA, [Float32Array.of(-1, -2)]]);
    expect(weights('forward')).toEqual([[[0, 0]]]);
    expect(weights('forward_backward')).toEqual([[[-1, -1]]]);
    expect(order()).toEqual([
      ['forward', 1],
      ['forward_backward', 2],
    ]);
    expect(output.metrics).toEqual({ 'loss:sum': 6, custom_loss: -3, mine: 5 });
    await finish();
  });

  it('keeps the weights of the caller in the forward pass, and sends a zero gradient as zero', async () => {
    const { training, clock, weights, finish } = await setUp();
    const data = [{ modelInput: [1, 2], lossFnInputs: { target_tokens: [2, 3], weights: [0.5, 1] } }];
    await clock.drive(training.forwardBackwardCustom(data, () => ({ loss: 0, gradients: [[0, 2]] })));
    expect(weights('forward')).toEqual([[[0.5, 1]]]);
    expect(weights('forward_backward')).toEqual([[[0, -2]]]);
    expect(Object.is(weights('forward_backward')[0]?.[0]?.[0], 0)).toBe(true);
    await finish();
  });

  it('is one turn: what is called later comes after both passes, however long the loss takes', async () => {
    const { training, clock, order, finish } = await setUp();
    const slow: CustomLoss = (data, logprobs) =>
      new Promise((resolve) => {
        clock.schedule(() => resolve(SUM(data, logprobs) as CustomLossResult), 30_000);
      });
    const custom = training.forwardBackwardCustom(DATA, slow);
    const update = training.optimStep();
    await clock.drive(Promise.all([custom, update]));
    expect(order()).toEqual([
      ['forward', 1],
      ['forward_backward', 2],
      ['optim_step', 3],
    ]);
    await finish();
  });

  it('case 32: gives its turn back where the loss throws, and the next request has the next number', async () => {
    const { training, clock, order, finish } = await setUp();
    const bug = new Error('mine');
    for (const loss of [
      () => {
        throw bug;
      },
      () => Promise.reject(bug),
    ] as CustomLoss[]) {
      expect(await driveToRejection(clock, training.forwardBackwardCustom(DATA, loss))).toBe(bug);
    }
    await clock.drive(training.optimStep());
    expect(order()).toEqual([
      ['forward', 1],
      ['forward', 2],
      ['optim_step', 3],
    ]);
    await finish();
  });

  it('is aborted in the middle of the loss, and sends nothing more', async () => {
    const { training, clock, order, finish } = await setUp();
    const controller = new AbortController();
    const endless: CustomLoss = () => new Promise(() => {});
    const work = rejection(training.forwardBackwardCustom(DATA, endless, { signal: controller.signal }));
    await clock.advance(1_000);
    controller.abort('enough');
    expect(await work).toBe('enough');
    await clock.drive(training.optimStep());
    expect(order()).toEqual([
      ['forward', 1],
      ['optim_step', 2],
    ]);
    await finish();
  });

  it('takes rows of targets without weights: both passes carry weights of their shape', async () => {
    const logprobs = { data: [-1, -2, -3, -4], dtype: 'float32', shape: [2, 2] };
    const { training, clock, bodies, finish } = await setUp({
      retrieve_future: [
        { status: 200, body: { model_id: 'sess-1:train:0' } },
        { status: 200, body: { loss_fn_outputs: [{ logprobs }], metrics: {} } },
        { status: 200, body: { metrics: {} } },
      ],
    });
    const data = [
      {
        modelInput: [1, 2],
        lossFnInputs: {
          target_tokens: [
            [2, 3],
            [4, 5],
          ],
        },
      },
    ];
    await clock.drive(training.forwardBackwardCustom(data, () => ({ loss: 0, gradients: [[1, 2, 3, 4]] })));
    const weights = (path: 'forward' | 'forward_backward') =>
      (bodies(path) as Record<string, { data: { loss_fn_inputs: object }[] }>[]).map(
        (body) => body[`${path}_input`]?.data[0]?.loss_fn_inputs,
      );
    const target_tokens = { data: [2, 3, 4, 5], dtype: 'int64', shape: [2, 2] };
    const tensor = (values: number[]) => ({ data: values, dtype: 'float32', shape: [2, 2] });
    expect(weights('forward')).toEqual([{ target_tokens, weights: tensor([0, 0, 0, 0]) }]);
    expect(weights('forward_backward')).toEqual([{ target_tokens, weights: tensor([-1, -2, -3, -4]) }]);
    expect(data[0]?.lossFnInputs).not.toHaveProperty('weights');
    await finish();
  });

  it.each<readonly [unknown, string]>([
    [{ loss: Number.NaN, gradients: [[1, 1]] }, '"customLoss().loss" must be a finite number, got NaN'],
    [undefined, '"customLoss()" must be an object with loss and gradients, got undefined'],
    [{ loss: 1 }, '"customLoss().gradients" must hold one array for each of the 1 data, got undefined'],
    [
      { loss: 1, gradients: [] },
      '"customLoss().gradients" must hold one array for each of the 1 data, got 0',
    ],
    [
      { loss: 1, gradients: [[1]] },
      '"customLoss().gradients[0]" must hold 2 numbers, one for each target token, got 1',
    ],
    [
      { loss: 1, gradients: [undefined] },
      '"customLoss().gradients[0]" must hold 2 numbers, one for each target token, got undefined',
    ],
    [{ loss: 1, gradients: [[1, '2']] }, '"customLoss().gradients[0][1]" must be a finite number, got "2"'],
    [
      { loss: 1, gradients: [[1, 1e39]] },
      '"customLoss().gradients[0][1] as a float32" must be a finite number, got -Infinity',
    ],
    [
      { loss: 1, gradients: [[1, 1]], metrics: { fine: Number.NaN, mine: '5' } },
      '"customLoss().metrics.mine" must be a number, got "5"',
    ],
    [
      { loss: 1, gradients: [[1, 1]], metrics: null },
      '"customLoss().metrics" must be an object of numbers, got null',
    ],
  ])('refuses %j as the result of a loss', async (result, message) => {
    const { training, clock, order, finish } = await setUp();
    const work = training.forwardBackwardCustom(DATA, () => result as CustomLossResult);
    expect(await driveToRejection(clock, work)).toMatchObject({ code: 'input_invalid', message });
    expect(order()).toEqual([['forward', 1]]);
    await finish();
  });

  it('refuses what cannot be right before anything is sent', async () => {
    const { training, clock, order, finish } = await setUp();
    expect(thrown(() => training.forwardBackwardCustom([], SUM))).toMatchObject({ field: 'data' });
    const noLoss = () => training.forwardBackwardCustom(DATA, 'ppo' as unknown as CustomLoss);
    expect(thrown(noLoss)).toMatchObject({ message: '"customLoss" must be a function, got "ppo"' });
    await clock.advance(0);
    expect(order()).toEqual([]);
    await finish();
  });

  it.each<readonly [string, unknown, string]>([
    ['none', [], 'no log-probabilities for the 2 targets of data[0]'],
    [
      'too few',
      [{ logprobs: { data: [-1], dtype: 'float32', shape: [1] } }],
      '1 log-probabilities for the 2 targets of data[0]',
    ],
  ])('fails where the server gives %s', async (_, outputs, message) => {
    const { training, clock, order, finish } = await setUp({
      retrieve_future: [
        { status: 200, body: { model_id: 'sess-1:train:0' } },
        { status: 200, body: { loss_fn_outputs: outputs, metrics: {} } },
      ],
    });
    expect(await driveToRejection(clock, training.forwardBackwardCustom(DATA, SUM))).toMatchObject({
      code: 'response_invalid',
      message: `The server returned ${message}`,
    });
    expect(order()).toEqual([['forward', 1]]);
    await finish();
  });
});

describe('the data of the two passes', () => {
  const [sparse] = checkedCustomBatch([
    {
      modelInput: [1, 2],
      lossFnInputs: {
        target_tokens: {
          data: [7],
          dtype: 'int64',
          shape: [2, 3],
          crowIndices: [0, 0, 1],
          colIndices: [2],
        },
      },
    },
  ]);
  const data = sparse === undefined ? [] : [sparse];

  it('have a weight for each target of a sparse tensor, those it leaves out among them', () => {
    const weights = { data: new Float32Array(6), dtype: 'float32', shape: [2, 3] };
    expect(forwardData(data)).toEqual([{ ...sparse, lossFnInputs: { ...sparse?.lossFnInputs, weights } }]);
    const gradients = [[1, 2, 3, 4, 5, 6]];
    expect(backwardData(data, { loss: 1, gradients })[0]?.lossFnInputs['weights']).toEqual({
      ...weights,
      data: Float32Array.of(-1, -2, -3, -4, -5, -6),
    });
  });

  it('need a log-probability for each of them', () => {
    const output = (length: number) => ({
      lossFnOutputType: '',
      lossFnOutputs: [
        { logprobs: { data: new Float32Array(length), dtype: 'float32', shape: [length] } as const },
      ],
      metrics: {},
    });
    expect(logprobsOf(data, output(6))).toEqual([new Float32Array(6)]);
    expect(thrown(() => logprobsOf(data, output(1)))).toMatchObject({
      message: 'The server returned 1 log-probabilities for the 6 targets of data[0]',
    });
  });
});
