import { describe, expect, it } from 'vitest';
import type { EmulatorDialect } from '../../../src/emulator/index.ts';
import { emulatorCalls } from '../../support/emulator-calls.ts';

const STEP = { adam_params: {}, type: 'optim_step' };
const NOWHERE = { path: 'tinker://nobody/weights/none', optimizer: false, type: 'load_weights' };

const start = (dialect: Partial<EmulatorDialect>, latencyMs = 0, holdMs = 100) =>
  emulatorCalls({ dialect, latencyMs, holdMs });

describe('a poll without a result', () => {
  const ID = 'request-1';
  const tryAgain = { type: 'try_again', request_id: ID, queue_state: 'active' };
  it.each([
    ['408-try-again', 408, tryAgain],
    ['408', 408, undefined],
    ['408-detail', 408, { detail: 'Timeout waiting for result' }],
    ['200-try-again', 200, tryAgain],
    ['200-bare', 200, { type: 'try_again' }],
  ] as const)('is answered in the form %s', async (pending, status, body) => {
    const { call, session } = start({ pending }, 5_000);
    const session_id = await session();
    await call('create_model', { session_id, model_seq_id: 0, base_model: 'emulator/tiny' });
    const answer = await call('retrieve_future', { request_id: ID });
    expect([answer.status, answer.body]).toEqual([status, body]);
    if (body === undefined) expect(answer.bytes).toHaveLength(0);
  });

  it('is answered with a queue’s numbers, in the body and in headers', async () => {
    const { call, session } = start({ pending: '408-queue' }, 5_000);
    const session_id = await session();
    await call('create_model', { session_id, model_seq_id: 0, base_model: 'emulator/tiny' });
    const { status, body, headers } = await call('retrieve_future', { request_id: ID });
    expect(status).toBe(408);
    expect(body).toMatchObject({ ...tryAgain, status: 'queued', queue_position: 3, progress: {} });
    expect([
      headers.get('retry-after'),
      headers.get('x-queue-position'),
      headers.get('x-queue-state'),
    ]).toEqual(['1', '3', 'active']);
  });

  it('hears of a pause, in upper case where little is said', async () => {
    const { call, session, emulator } = start({ pending: '200-bare' }, 5_000);
    const session_id = await session();
    emulator.pause('paused_rate_limit', 'too many');
    await call('create_model', { session_id, model_seq_id: 0, base_model: 'emulator/tiny' });
    expect((await call('retrieve_future', { request_id: ID })).body).toEqual({
      type: 'try_again',
      queue_state: 'PAUSED_RATE_LIMIT',
      queue_state_reason: 'too many',
    });
    emulator.resume();
  });
});

describe('a failure', () => {
  const error = 'There is no checkpoint at "tinker://nobody/weights/none"';
  it.each([
    ['200-error', 200, { error, category: 'User' }],
    ['400-detail', 400, { detail: error }],
    ['400-error', 400, { error }],
    ['400-error-message', 400, { type: 'RequestFailedResponse', error_message: error }],
    ['500-detail', 500, { detail: error }],
  ] as const)('is told in the form %s', async (failure, status, body) => {
    const { call, ok, model } = start({ failure, failureCategories: { user: 'User', server: 'Server' } });
    const { modelId } = await model();
    const { request_id } = await ok('load_weights', { ...NOWHERE, model_id: modelId, seq_id: 1 });
    const answer = await call('retrieve_future', { request_id });
    expect([answer.status, answer.body]).toEqual([status, body]);
  });
});

describe('the form of errors', () => {
  it('leaves alone what futures say of themselves', async () => {
    const waiting = start({ errors: 'error', pending: '408-detail' }, 5_000);
    const session_id = await waiting.session();
    await waiting.call('create_model', { session_id, model_seq_id: 0, base_model: 'emulator/tiny' });
    expect((await waiting.call('retrieve_future', { request_id: 'request-1' })).body).toEqual({
      detail: 'Timeout waiting for result',
    });
    const failing = start({ errors: 'detail-list', failure: '500-detail' });
    const { modelId } = await failing.model();
    const { request_id } = await failing.ok('load_weights', { ...NOWHERE, model_id: modelId, seq_id: 1 });
    expect((await failing.call('retrieve_future', { request_id })).body).toEqual({
      detail: expect.stringContaining('There is no checkpoint'),
    });
  });

  it('is what an id that nobody gave out is told in', async () => {
    const { call } = start({ errors: 'error' });
    expect((await call('retrieve_future', { request_id: 'nobody' })).body).toEqual({
      error: 'Future not found',
    });
  });
});

describe('a result', () => {
  it('is fetched once only where it is one-shot', async () => {
    const { call, ok, model } = start({ resultRetention: 'one-shot', expiredFuture: '200-error' });
    const { modelId } = await model();
    const { request_id } = await ok('optim_step', { ...STEP, model_id: modelId, seq_id: 1 });
    expect((await call('retrieve_future', { request_id })).body).toHaveProperty('metrics');
    expect((await call('retrieve_future', { request_id })).body).toEqual({
      error: 'The result has expired',
      category: 'user',
    });
  });

  it('is kept for so long', async () => {
    const { clock, call, ok, model } = start({ keptMs: 1_000, expiredFuture: 410 });
    const { modelId } = await model();
    const { request_id } = await ok('optim_step', { ...STEP, model_id: modelId, seq_id: 1 });
    await clock.advance(999);
    expect((await call('retrieve_future', { request_id })).status).toBe(200);
    await clock.advance(1);
    expect((await call('retrieve_future', { request_id })).status).toBe(410);
  });

  it.each([
    [404, 404],
    [410, 410],
    [400, 400],
    ['200-error', 200],
    ['pending', 408],
  ] as const)('that was never asked for is answered by %s', async (unknownFuture, status) => {
    const { call } = start({ unknownFuture, expiredFuture: 404 });
    expect((await call('retrieve_future', { request_id: 'request-99' })).status).toBe(status);
  });

  it.each([
    ['request', 'request-1'],
    ['integer', '1'],
    ['zero-based', '0'],
    ['uuid', '00000001-4d1e-4f60-8a2b-7c1e4b2a9d60'],
    ['hex', 'req_7c1e4b2a9d6000000001'],
    ['composed', 'upstream-a@sess-1:train/0:op1'],
  ] as const)(
    'goes by an id of the form %s, and is known by it when it is gone',
    async (requestIdForm, id) => {
      const { call, ok, session } = start({
        requestIdForm,
        resultRetention: 'one-shot',
        unknownFuture: 404,
        expiredFuture: 410,
      });
      const session_id = await session();
      const body = { session_id, model_seq_id: 0, base_model: 'emulator/tiny' };
      expect((await ok('create_model', body)).request_id).toBe(id);
      expect((await call('retrieve_future', { request_id: id })).status).toBe(200);
      expect((await call('retrieve_future', { request_id: id })).status).toBe(410);
      expect((await call('retrieve_future', { request_id: `${id}7` })).status).toBe(404);
    },
  );

  it('has an id that is a number where the form says so', async () => {
    const { call, ok, session } = start({ requestIdForm: 'number' });
    const session_id = await session();
    const body = { session_id, model_seq_id: 0, base_model: 'emulator/tiny' };
    expect((await ok('create_model', body)).request_id).toBe(1);
    expect((await call('retrieve_future', { request_id: '1' })).status).toBe(200);
    expect((await call('retrieve_future', { request_id: 1 })).status).toBe(422);
  });
});

describe('inline execution', () => {
  it('answers when the work is done', async () => {
    const { clock, call, model } = start({ inlineExecution: true }, 3_000);
    const { modelId } = await model();
    const before = clock.monotonic();
    const { body } = await call('optim_step', { ...STEP, model_id: modelId, seq_id: 1 });
    expect(clock.monotonic() - before).toBe(3_000);
    const result = await call('retrieve_future', { request_id: body.request_id });
    expect(result.body).toHaveProperty('metrics');
    expect(clock.monotonic() - before).toBe(3_000);
  });

  it('answers with a failure', async () => {
    const { call, model } = start({ inlineExecution: true, errors: 'error' });
    const { modelId } = await model();
    const answer = await call('load_weights', { ...NOWHERE, model_id: modelId, seq_id: 1 });
    expect([answer.status, answer.body]).toEqual([
      400,
      { error: 'There is no checkpoint at "tinker://nobody/weights/none"' },
    ]);
  });

  it('is given up with the request', async () => {
    const { clock, emulator, model } = start({ inlineExecution: true }, 3_000);
    const { modelId } = await model();
    const controller = new AbortController();
    const reason = new Error('left');
    const answer = emulator.fetch(
      new Request('https://h/api/v1/optim_step', {
        method: 'POST',
        body: JSON.stringify({ ...STEP, model_id: modelId, seq_id: 1 }),
        headers: { 'x-api-key': 'tml-first' },
        signal: controller.signal,
      }),
    );
    const left = expect(answer).rejects.toBe(reason);
    await clock.advance(1_000);
    controller.abort(reason);
    await left;
    await clock.advance(5_000);
    expect(clock.pending).toBe(0);
  });
});
