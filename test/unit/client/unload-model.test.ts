import { describe, expect, it } from 'vitest';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { scriptedService } from '../../support/service.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';

const MODEL = 'sess-1:train:0';

async function setUp(script: Record<string, readonly Answer[]> = {}, options = {}) {
  const answers: Record<string, unknown> = {
    create_model: { model_id: MODEL },
    optim_step: {},
    unload: { model_id: MODEL },
  };
  const base = scriptedService(
    {
      unload_model: [{ status: 200, body: { request_id: 'unload' } }],
      retrieve_future: [
        async (request) => {
          const { request_id } = (await request.clone().json()) as { request_id: string };
          return Response.json(answers[request_id]);
        },
      ],
      ...script,
    },
    options,
  );
  return {
    ...base,
    training: await base.clock.drive(base.service.createLoraTrainingClient({ baseModel: 'm' })),
  };
}

describe('unload', () => {
  it('gives the model’s place free, and takes no number', async () => {
    const { training, clock, bodies, requests, finish } = await setUp();
    expect(await clock.drive(training.unload())).toEqual({ modelId: MODEL });
    expect(bodies('unload_model')).toEqual([{ model_id: MODEL, type: 'unload_model' }]);
    expect(requests.at(-1)?.headers.get('x-tinker-request-type')).toBe('UnloadModel');
    await clock.drive(training.optimStep());
    expect(bodies('optim_step')).toMatchObject([{ seq_id: 1 }]);
    await finish();
  });

  it('waits for what was submitted before, and is waited for by what comes after', async () => {
    const slow = (id: string): Answer => ({ status: 200, body: { request_id: id }, afterMs: 100 });
    const { training, clock, requests, finish } = await setUp({
      optim_step: [slow('optim_step')],
      unload_model: [slow('unload')],
    });
    const before = requests.length;
    const start = clock.monotonic();
    await clock.drive(Promise.all([training.optimStep(), training.unload(), training.optimStep()]));
    const submitted = requests.slice(before).filter(({ path }) => path !== 'retrieve_future');
    expect(submitted.map(({ path, startedAt }) => [path, (startedAt ?? 0) - start])).toEqual([
      ['optim_step', 0],
      ['unload_model', 100],
      ['optim_step', 200],
    ]);
    await finish();
  });

  it('does not wait for results', async () => {
    const { training, clock, bodies, script, finish } = await setUp();
    script['retrieve_future'] = ['nothing'];
    const step = rejection(training.optimStep());
    const unloaded = rejection(training.unload());
    await clock.advance(10);
    expect(bodies('unload_model')).toHaveLength(1);
    await finish();
    expect(await Promise.all([step, unloaded])).toMatchObject([
      { code: 'client_closed' },
      { code: 'client_closed' },
    ]);
  });

  it.each<readonly [number, unknown]>([
    [404, { detail: 'Not Found' }],
    [405, { detail: 'Method Not Allowed' }],
    [501, {}],
  ])('is something that not every server can: %d', async (status, body) => {
    const { training, clock, finish } = await setUp({ unload_model: [{ status, body }] });
    expect(await driveToRejection(clock, training.unload())).toMatchObject({
      code: 'unsupported_by_server',
      route: 'POST /api/v1/unload_model',
      cause: { status },
    });
    // The turn is given back.
    await clock.drive(training.optimStep());
    await finish();
  });

  it('fails with the server’s words where there is no such model', async () => {
    const { training, clock, finish } = await setUp({
      unload_model: [{ status: 404, body: { detail: 'No model' } }],
    });
    expect(await driveToRejection(clock, training.unload())).toMatchObject({
      code: 'http_status',
      status: 404,
    });
    await finish();
  });

  it('works for a client whose order is lost, too: it is how to be rid of the model', async () => {
    const { training, clock, finish } = await setUp(
      { optim_step: [{ status: 503 }] },
      { retryBudgetMs: 1_000 },
    );
    expect(await driveToRejection(clock, training.optimStep())).toMatchObject({ code: 'submit_ambiguous' });
    expect(await driveToRejection(clock, training.optimStep())).toMatchObject({ code: 'client_poisoned' });
    expect(await clock.drive(training.unload())).toEqual({ modelId: MODEL });
    await finish();
  });

  it('is given up in the queue, and holds up nobody', async () => {
    const { training, clock, bodies, finish } = await setUp({
      optim_step: [{ status: 200, body: { request_id: 'optim_step' }, afterMs: 100 }],
    });
    const controller = new AbortController();
    const step = training.optimStep();
    const unloaded = rejection(training.unload({ signal: controller.signal }));
    const next = training.optimStep();
    await clock.advance(10);
    controller.abort('enough');
    expect(await unloaded).toBe('enough');
    await clock.drive(Promise.all([step, next]));
    expect(bodies('unload_model')).toEqual([]);
    await finish();
  });
});
