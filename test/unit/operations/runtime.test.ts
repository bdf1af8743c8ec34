import { describe, expect, it } from 'vitest';
import { type ResilientRequest, sendResilient } from '../../../src/operations/runtime.ts';
import { testRuntime } from '../../support/runtime.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';

function setUp(answers: readonly Answer[], options: Parameters<typeof testRuntime>[1] = {}) {
  const base = testRuntime({ thing: answers }, options);
  const controller = new AbortController();
  const send = (request: Partial<ResilientRequest> = {}): Promise<unknown> =>
    sendResilient(base.runtime, {
      method: 'POST',
      path: '/api/v1/thing',
      body: { a: 1 },
      signal: controller.signal,
      ...request,
    });
  return { ...base, controller, send };
}

describe('sendResilient', () => {
  it('repeats the same request under one idempotency key, and tells of it', async () => {
    const { send, clock, requests, events, times } = setUp([
      { status: 503, text: 'down' },
      'refused',
      { status: 429, headers: { 'retry-after': '3' } },
      { status: 200, body: { ok: true } },
    ]);
    expect(await clock.drive(send({ headers: { 'x-own': '1' } }))).toEqual({ ok: true });
    expect(times).toEqual([0, 500, 1_500, 4_500]);
    expect(new Set(requests.map(({ headers }) => headers.get('x-idempotency-key')))).toEqual(
      new Set(['isotinker-id-1']),
    );
    expect(requests.every(({ body, headers }) => body['a'] === 1 && headers.get('x-own') === '1')).toBe(true);
    const retry = { type: 'retry', path: '/api/v1/thing' };
    expect(events).toEqual([
      { ...retry, attempts: 1, delayMs: 500, code: 'http_status', status: 503 },
      { ...retry, attempts: 2, delayMs: 1_000, code: 'connection_failed' },
      { ...retry, attempts: 3, delayMs: 3_000, code: 'http_status', status: 429 },
    ]);
    expect(clock.pending).toBe(0);
  });

  it('has another key for another call, and none for a GET', async () => {
    const { send, clock, requests } = setUp([{ status: 200 }]);
    await clock.drive(send());
    await clock.drive(send());
    await clock.drive(send({ method: 'GET', body: undefined }));
    const keys = requests.map(({ headers }) => headers.get('x-idempotency-key'));
    expect(keys).toEqual(['isotinker-id-1', 'isotinker-id-2', null]);
  });

  it('gives each attempt its own limit, and all of them the budget', async () => {
    const { send, clock, times } = setUp(['nothing'], { attemptTimeoutMs: 1_000, retryBudgetMs: 5_000 });
    expect(await driveToRejection(clock, send())).toMatchObject({
      code: 'timed_out',
      scope: 'attempt',
      attempts: 4,
    });
    expect(times).toEqual([0, 1_500, 3_500, 5_000]);
    expect(clock.pending).toBe(0);
  });

  it('tells of every attempt that failed', async () => {
    const { send, clock } = setUp([{ status: 503 }, { status: 400, body: { detail: 'no' } }]);
    const failures: unknown[] = [];
    await driveToRejection(clock, send({ onFailure: (error) => failures.push(error) }));
    expect(failures).toMatchObject([{ status: 503 }, { status: 400 }]);
  });

  it('aborts an attempt with its own signal and the waiting with the other', async () => {
    const attempt = new AbortController();
    const one = setUp(['nothing']);
    const inFlight = rejection(one.send({ attemptSignal: attempt.signal }));
    await one.clock.advance(10);
    one.controller.abort('caller');
    await one.clock.advance(10);
    attempt.abort('owner');
    expect(await inFlight).toBe('owner');
    expect(one.clock.pending).toBe(0);

    const other = setUp([{ status: 503 }]);
    const waiting = rejection(other.send({ attemptSignal: new AbortController().signal }));
    await other.clock.advance(10);
    other.controller.abort('caller');
    expect(await waiting).toBe('caller');
    expect(other.requests).toHaveLength(1);
    expect(other.clock.pending).toBe(0);
  });
});
