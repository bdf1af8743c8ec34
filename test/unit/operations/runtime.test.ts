import { describe, expect, it } from 'vitest';
import { type ResilientRequest, sendResilient } from '../../../src/operations/runtime.ts';
import { resolveBreakerConfig } from '../../../src/policy/breaker.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { testRuntime } from '../../support/runtime.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';

function setUp(
  answers: readonly Answer[],
  options: Parameters<typeof testRuntime>[1] = {},
  account: Parameters<typeof testRuntime>[2] = {},
) {
  const base = testRuntime({ thing: answers }, options, account);
  const controller = new AbortController();
  const send = (request: Partial<ResilientRequest> = {}): Promise<unknown> =>
    sendResilient(base.runtime, {
      method: 'POST',
      path: '/api/v1/thing',
      lane: 'rest',
      body: { a: 1 },
      scope: { signal: controller.signal, deadlineAt: Number.POSITIVE_INFINITY, onLimit: undefined },
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
      { type: 'rate_limited', lane: 'rest', pauseMs: 3_000, reason: '/api/v1/thing answered 429' },
      { ...retry, attempts: 3, delayMs: 3_000, code: 'http_status', status: 429 },
    ]);
    expect(clock.pending).toBe(0);
  });

  it('402: waits for the bill to be paid, outside of the budget, and then goes on', async () => {
    const bill: Answer = { status: 402, body: { detail: 'no credit' } };
    const { send, clock, times, events } = setUp([bill, bill, { status: 503 }, { status: 200 }], {
      retryBudgetMs: 1_000,
    });
    await clock.drive(send());
    expect(times).toEqual([0, 5_000, 10_000, 10_500]);
    expect(events.filter(({ type }) => type === 'billing_paused')).toMatchObject([
      { message: '/api/v1/thing answered 402: no credit. Check the billing of the account', pausedMs: 0 },
    ]);
  });

  it('402: fails at once where it is not to be waited for, and when it was waited for long enough', async () => {
    const bill: Answer = { status: 402, body: { detail: 'no credit' } };
    const never = setUp([bill], {}, { billingPauseMs: 0 });
    expect(await driveToRejection(never.clock, never.send())).toMatchObject({
      code: 'http_status',
      status: 402,
    });
    expect(never.times).toEqual([0]);
    const some = setUp([bill], {}, { billingPauseMs: 12_000 });
    expect(await driveToRejection(some.clock, some.send())).toMatchObject({
      code: 'http_status',
      status: 402,
    });
    expect(some.times).toEqual([0, 5_000, 10_000, 15_000]);
    const thrower = setUp([bill], { onLimit: 'throw' });
    expect(await driveToRejection(thrower.clock, thrower.send())).toMatchObject({
      code: 'limit_reached',
      scope: 'billing',
      cause: { status: 402 },
    });
    expect(thrower.times).toEqual([0]);
  });

  it('item 34: takes a 409 for final, unless the server says otherwise', async () => {
    const conflict: Answer = { status: 409, body: { detail: 'exists' } };
    const final = setUp([conflict]);
    expect(await driveToRejection(final.clock, final.send())).toMatchObject({ status: 409, attempts: 1 });
    const wish: Answer = { ...conflict, headers: { 'x-should-retry': 'true' } };
    const retried = setUp([wish, { status: 200, body: { ok: 1 } }]);
    expect(await retried.clock.drive(retried.send())).toEqual({ ok: 1 });
  });

  it('item 31: takes the same 500 three times in a row for permanent', async () => {
    const { send, clock, times } = setUp([{ status: 500, text: 'Internal Server Error' }]);
    expect(await driveToRejection(clock, send())).toMatchObject({
      status: 500,
      attempts: 3,
      retryable: false,
    });
    expect(times).toEqual([0, 500, 1_500]);
  });

  it('fails fast where the circuit is open, and waits for the probe where it is numbered', async () => {
    const breaker = resolveBreakerConfig('circuitBreaker', { failureThreshold: 2, resetMs: 9_000 });
    const down: Answer = { status: 503 };
    const fast = setUp([down], {}, { breaker });
    expect(await driveToRejection(fast.clock, fast.send())).toMatchObject({
      code: 'circuit_open',
      circuit: 'https://tinker.test (rest)',
      retryAfterMs: 8_000,
      attempts: 3,
    });
    expect(await rejection(fast.send())).toMatchObject({ code: 'circuit_open', attempts: 1 });
    expect(fast.times).toEqual([0, 500]);
    const patient = setUp([down, down, down, { status: 200, body: { ok: 1 } }], {}, { breaker });
    expect(await patient.clock.drive(patient.send({ isPatient: true }))).toEqual({ ok: 1 });
    expect(patient.times).toEqual([0, 500, 9_500, 18_500]);
  });

  it('clips waits and attempts to the deadline of its operation', async () => {
    const { send, clock, times, controller } = setUp(['nothing'], { attemptTimeoutMs: 5_000 });
    const scope = { signal: controller.signal, deadlineAt: 7_000, onLimit: undefined };
    const work = rejection(send({ scope }));
    await clock.advance(6_999);
    expect(times).toEqual([0, 5_500]);
    expect(clock.pending).toBe(1);
    clock.schedule(() => controller.abort('over'), 1);
    await clock.advance(10);
    expect(await work).toBe('over');
    expect(times).toEqual([0, 5_500]);
  });

  it('tells when an attempt may have reached the server: not for want of a key or a turn', async () => {
    const sent: string[] = [];
    const one = setUp([{ status: 200 }]);
    await one.clock.drive(one.send({ onSend: () => sent.push('sent') }));
    expect(sent).toEqual(['sent']);
    const breaker = resolveBreakerConfig('circuitBreaker', { failureThreshold: 1 });
    const other = setUp([{ status: 503 }], { retryBudgetMs: 0 }, { breaker });
    await rejection(other.send());
    await rejection(other.send({ onSend: () => sent.push('again') }));
    expect(sent).toEqual(['sent']);
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
