import { describe, expect, it } from 'vitest';
import type { ServiceClientOptions } from '../../src/index.ts';
import type { Answer } from '../../src/testing/scripted-fetch.ts';
import { answerAfter } from '../support/runtime.ts';
import { scriptedService } from '../support/service.ts';
import { driveToRejection, rejection } from '../support/settled.ts';

// Where two policies meet.

const OK: Answer = { status: 200, body: { request_id: 'optim_step' } };
const SAMPLED: Answer = { status: 200, body: { request_id: 'asample' } };

async function setUp(
  script: Record<string, readonly Answer[]> = {},
  options: Partial<ServiceClientOptions> = {},
) {
  const base = scriptedService(script, options);
  const { clock, service } = base;
  const training = await clock.drive(service.createLoraTrainingClient({ baseModel: 'm' }));
  const sampler = await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
  const sample = (call = {}) => sampler.sample({ prompt: [1], maxTokens: 1 }, call);
  const numbers = (path: string) => base.requests.flatMap((r) => (r.path === path ? [r.body['seq_id']] : []));
  const startedAt = clock.monotonic();
  const times = (path: string) =>
    base.requests.flatMap((r) => (r.path === path ? [(r.startedAt ?? Number.NaN) - startedAt] : []));
  return { ...base, training, sampler, sample, numbers, times };
}

describe('a limit that is thrown', () => {
  it('is a refusal: the training client goes on, and the number is used again', async () => {
    const { training, clock, numbers, finish } = await setUp({ optim_step: [{ status: 429 }, OK] });
    expect(await driveToRejection(clock, training.optimStep({}, { onLimit: 'throw' }))).toMatchObject({
      code: 'limit_reached',
      scope: 'rate',
    });
    await clock.drive(training.optimStep());
    expect(numbers('optim_step')).toEqual([1, 1]);
    await finish();
  });

  it('does not part a pass from its step: once the pass is in, the step waits', async () => {
    const { training, clock, numbers, finish } = await setUp({ optim_step: [{ status: 429 }, OK] });
    const data = [{ modelInput: [1, 2], lossFnInputs: { target_tokens: [2, 3] } }];
    await clock.drive(training.trainStep(data, 'cross_entropy', {}, { onLimit: 'throw' }));
    expect([numbers('forward_backward'), numbers('optim_step')]).toEqual([[1], [2, 2]]);
    await finish();
  });

  it('does not give up a sample that was accepted and lost', async () => {
    const { sample, clock, numbers, finish } = await setUp({
      asample: [SAMPLED, { status: 429 }, SAMPLED],
      retrieve_future: [
        { status: 200, body: { model_id: 'sess-1:train:0' } },
        { status: 410 },
        { status: 200, body: { sequences: [] } },
      ],
    });
    await clock.drive(sample({ onLimit: 'throw' }));
    expect(numbers('asample')).toEqual([0, 1, 1]);
    await finish();
  });

  it('holds for the opening of a session, where the service has it so', async () => {
    const base = scriptedService({ create_session: [{ status: 402 }] }, { onLimit: 'throw' });
    const error = await driveToRejection(base.clock, base.service.createSamplingClient({ baseModel: 'm' }));
    expect(error).toMatchObject({ code: 'limit_reached', scope: 'billing' });
    await base.finish();
  });
});

describe('the retry budget', () => {
  it('begins with the first attempt, not with the wait for another’s pause', async () => {
    const limited: Answer = { status: 429, headers: { 'retry-after': '60' } };
    const { service, training, clock, script, numbers, finish } = await setUp({}, { retryBudgetMs: 30_000 });
    const other = await clock.drive(service.createLoraTrainingClient({ baseModel: 'm' }));
    script['optim_step'] = [limited, OK];
    script['save_weights'] = [{ status: 503 }, { status: 200, body: { request_id: 'save_weights' } }];
    const first = training.optimStep();
    await clock.advance(100);
    // Waits a minute for its first attempt, which fails once.
    await clock.drive(other.saveState('n'));
    expect(numbers('save_weights')).toEqual([1, 1]);
    await clock.drive(first);
    await finish();
  });

  it('is not used up by a sample’s 429s, however slow they are', async () => {
    const { sample, clock, script, finish } = await setUp({}, { retryBudgetMs: 5_000 });
    script['asample'] = [
      ...Array<Answer>(60).fill(answerAfter(clock, 1_200, () => new Response('{}', { status: 429 }))),
      SAMPLED,
    ];
    await clock.drive(sample());
    await finish();
  });

  it('is not used up by a bill, however slowly it is told', async () => {
    const { service, clock, script, finish } = await setUp({}, { retryBudgetMs: 5_000 });
    script['get_server_capabilities'] = [
      ...Array<Answer>(60).fill(answerAfter(clock, 6_000, () => new Response('{}', { status: 402 }))),
      { status: 200, body: {} },
    ];
    await clock.drive(service.getServerCapabilities());
    await finish();
  });
});

describe('samples', () => {
  it('that were refused together come back spread out', async () => {
    let chance = 0;
    const random = () => {
      chance = (chance + 0.37) % 1;
      return chance;
    };
    const { sample, clock, times, events, finish } = await setUp(
      { asample: [...Array<Answer>(100).fill({ status: 429 }), SAMPLED] },
      { random },
    );
    await clock.drive(Promise.all(Array.from({ length: 100 }, () => sample())));
    const again = times('asample').slice(100);
    expect(again.every((at) => at >= 1_000 && at <= 1_500)).toBe(true);
    expect(new Set(again).size).toBeGreaterThan(30);
    // And are told of once.
    expect(events.map(({ type }) => type)).toEqual(['rate_limited']);
    await finish();
  });

  it('402: share the wait for a payment', async () => {
    const { sample, clock, times, finish } = await setUp({ asample: [{ status: 402 }, SAMPLED] });
    const first = sample();
    await clock.advance(100);
    const others = Array.from({ length: 20 }, () => sample());
    await clock.drive(Promise.all([first, ...others]));
    expect(times('asample').filter((at) => at < 5_000)).toEqual([0]);
    await finish();
  });
});

describe('what a time-out says', () => {
  it('of a request that is on its way: it may go on, and repeating it could apply it twice', async () => {
    const { training, clock, script, numbers, finish } = await setUp();
    script['optim_step'] = [answerAfter(clock, 2_000, () => Response.json({ request_id: 'optim_step' }))];
    const error = await driveToRejection(clock, training.optimStep({}, { timeoutMs: 1_000 }));
    expect(error).toMatchObject({ code: 'timed_out', mayContinue: true, requestId: undefined });
    expect((error as Error).message).toContain('sent, but not known to be accepted');
    await clock.drive(training.optimStep());
    expect(numbers('optim_step')).toEqual([1, 2]);
    await finish();
  });

  it('of one that was refused: it cannot go on', async () => {
    const { training, clock, finish } = await setUp({ optim_step: [{ status: 429 }] });
    expect(await driveToRejection(clock, training.optimStep({}, { timeoutMs: 1_000 }))).toMatchObject({
      mayContinue: false,
      lastStatus: 429,
    });
    await finish();
  });

  it('after lost connections, and after silence: status 0, and how often it was asked', async () => {
    const lost = await setUp({ retrieve_future: [{ status: 200, body: { model_id: 'm' } }, 'refused'] });
    expect(await driveToRejection(lost.clock, lost.sample({ timeoutMs: 5_000 }))).toMatchObject({
      lastStatus: 0,
      mayContinue: true,
    });
    await lost.finish();
    const silent = await setUp({ retrieve_future: [{ status: 200, body: { model_id: 'm' } }, 'nothing'] });
    expect(await driveToRejection(silent.clock, silent.sample({ timeoutMs: 200_000 }))).toMatchObject({
      polls: 4,
    });
    await silent.finish();
  });
});

describe('a key that cannot be had for a moment', () => {
  const flaky = (failures: number) => {
    let calls = 0;
    return async () => {
      calls += 1;
      // The first calls set the clients up.
      if (calls > 5 && calls <= 5 + failures) throw new TypeError('fetch failed');
      return 'tml-test';
    };
  };

  it('ends neither what was accepted nor what is to be sent, and opens no circuit', async () => {
    const base = await setUp({}, { apiKey: flaky(8), circuitBreaker: { failureThreshold: 2 } });
    await base.clock.drive(
      Promise.all([base.training.optimStep(), base.sample(), base.training.optimStep()]),
    );
    expect(base.numbers('optim_step')).toEqual([1, 2]);
    expect(base.events.filter(({ type }) => type === 'circuit')).toEqual([]);
    await base.finish();
  });
});

it('D2: a model that could not be created leaves nothing, and the next try works', async () => {
  const base = scriptedService({
    create_model: [
      { status: 400, body: { detail: 'no' } },
      { status: 200, body: { request_id: 'create_model' } },
    ],
  });
  const create = () => base.service.createLoraTrainingClient({ baseModel: 'm' });
  expect(await driveToRejection(base.clock, create())).toMatchObject({ status: 400 });
  expect(base.clock.pending).toBe(base.clock.pendingInBackground);
  expect(base.service.snapshot().operations).toEqual([]);
  expect((await base.clock.drive(create())).modelId).toBe('sess-1:train:0');
  await base.finish();
});

it('a call that never began, because it was aborted or closed, is no failure to tell of', async () => {
  const { sample, service, events, finish } = await setUp();
  expect(await rejection(sample({ signal: AbortSignal.abort('enough') }))).toBe('enough');
  await service.close();
  expect(await rejection(sample())).toMatchObject({ code: 'client_closed' });
  expect(events).toEqual([]);
  await finish();
});

it('a failure that the server may mend is retryable, one of the user’s is not', async () => {
  for (const [category, retryable] of [
    ['user', false],
    ['server', true],
    ['unknown', true],
  ] as const) {
    const polled: Answer = { status: 200, body: { error: 'no', category } };
    const base = await setUp({ retrieve_future: [{ status: 200, body: { model_id: 'm' } }, polled] });
    const future = base.training.optimStep();
    const news: string[] = [];
    const watching = (async () => {
      for await (const { type } of future.events()) news.push(type);
    })();
    expect(await driveToRejection(base.clock, future)).toMatchObject({ code: 'operation_failed', retryable });
    await watching;
    // An end, and no trouble on the way to it.
    expect(news).toEqual(['status', 'status', 'status']);
    await base.finish();
  }
});

it.each([
  [{ queue_state: 'weird' }, undefined],
  [{ queue_state: 'weird', queue_state_reason: 'because' }, ['weird', 'because']],
  [{ queue_state_reason: 'because' }, ['unknown', 'because']],
  [{ queue_state: 'paused_capacity' }, ['paused_capacity', 'the server is short of capacity']],
] as const)('5.9: of %j is told %j', async (said, told) => {
  const pending: Answer = { status: 200, body: { type: 'try_again', ...said } };
  const base = await setUp({
    retrieve_future: [{ status: 200, body: { model_id: 'm' } }, pending, { status: 200, body: {} }],
  });
  await base.clock.drive(base.training.optimStep());
  const events = base.events.flatMap((event) =>
    event.type === 'queue_state' ? [[event.queueState, event.reason]] : [],
  );
  expect(events).toEqual(told === undefined ? [] : [told]);
  await base.finish();
});
