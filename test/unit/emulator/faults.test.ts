import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createEmulator,
  type EmulatorFault,
  type EmulatorOptions,
  type FaultCall,
  type FaultRates,
  faultSchedule,
} from '../../../src/emulator/index.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { emulatorCalls } from '../../support/emulator-calls.ts';
import { rejection, thrown } from '../../support/settled.ts';

const STEP = { adam_params: {}, type: 'optim_step' };

/** An emulator whose requests to one path meet a fault, at certain attempts. */
function withFault(
  path: string,
  fault: EmulatorFault,
  attempts: readonly number[] = [1],
  options: EmulatorOptions = {},
) {
  return emulatorCalls({
    ...options,
    faults: (call) => (call.path === path && attempts.includes(call.attempt) ? fault : undefined),
  });
}

it('tells of each request what it is', async () => {
  const seen: FaultCall[] = [];
  const calls = emulatorCalls({ faults: (call) => void seen.push(call) });
  await calls.call('healthz?x=1');
  await calls.call('client/config', { sdk_version: '1' });
  await calls.call('healthz');
  await calls.call('forward_backward', Uint8Array.of(8), {
    headers: { 'content-type': 'application/x-protobuf' },
  });
  const told = seen.map(({ method, path, attempt, body }) => [method, path, attempt, body]);
  expect(told).toEqual([
    ['GET', 'healthz', 1, undefined],
    ['POST', 'client/config', 1, { sdk_version: '1' }],
    ['GET', 'healthz', 2, undefined],
    ['POST', 'forward_backward', 1, undefined],
  ]);
  expect(seen[1]?.headers.get('x-api-key')).toBe('tml-first');
});

describe('an answer in place of the emulator’s', () => {
  it.each<[EmulatorFault, number, string, string | null]>([
    [{ status: 503 }, 503, '', 'text/plain'],
    [{ status: 400, body: { detail: 'no' } }, 400, '{"detail":"no"}', 'application/json'],
    [{ status: 502, text: '<html>', headers: { 'content-type': 'text/html' } }, 502, '<html>', 'text/html'],
    [{ expire: true }, 410, '{"detail":"The result has expired"}', 'application/json'],
  ])('is %j', async (fault, status, text, type) => {
    const { call } = withFault('healthz', fault);
    const answer = await call('healthz');
    expect([
      answer.status,
      new TextDecoder().decode(answer.bytes),
      answer.headers.get('content-type'),
    ]).toEqual([status, text, type]);
    expect((await call('healthz')).status).toBe(200);
  });

  it('has its headers, and takes its time', async () => {
    const fault = { status: 429, headers: { 'retry-after': '3' }, delayMs: 250 };
    const { clock, call } = withFault('healthz', fault);
    expect((await call('healthz')).headers.get('retry-after')).toBe('3');
    expect(clock.monotonic()).toBe(250);
  });

  it('is not heard of by the emulator', async () => {
    const calls = withFault('optim_step', { status: 503 });
    const { modelId } = await calls.model();
    const body = { ...STEP, model_id: modelId, seq_id: 1 };
    await calls.call('optim_step', body);
    const other = { ...body, adam_params: { beta1: 0.5 } };
    expect((await calls.call('optim_step', other)).status).toBe(200);
  });
});

describe('a fault', () => {
  it('delays the emulator’s own answer', async () => {
    const { clock, call } = withFault('healthz', { delayMs: 1_000 });
    expect((await call('healthz')).body).toEqual({ status: 'ok' });
    expect(clock.monotonic()).toBe(1_000);
    expect(clock.pending).toBe(0);
  });

  it.each([['hang'], [{ delayMs: 5_000 }]] as const)('is %j until the client leaves', async (fault) => {
    const { clock, emulator } = withFault('healthz', fault);
    const controller = new AbortController();
    const asked = rejection(
      emulator.fetch(new Request('https://h/api/v1/healthz', { signal: controller.signal })),
    );
    await clock.advance(4_000);
    const reason = new Error('left');
    controller.abort(reason);
    expect(await asked).toBe(reason);
    expect(clock.pending).toBe(0);
  });

  it('cuts the connection before the request is heard, or behind it', async () => {
    for (const fault of ['cut', 'lost'] as const) {
      const calls = withFault('optim_step', fault);
      const { modelId } = await calls.model();
      const body = { ...STEP, model_id: modelId, seq_id: 1 };
      expect(await rejection(calls.call('optim_step', body))).toMatchObject({
        name: 'TypeError',
        message: 'fetch failed',
        cause: { message: 'read ECONNRESET' },
      });
      const other = { ...body, adam_params: { beta1: 0.5 } };
      expect((await calls.call('optim_step', other)).status).toBe(fault === 'lost' ? 409 : 200);
    }
  });

  it('cuts an answer in half', async () => {
    const { emulator } = withFault('healthz', 'cut-body');
    const response = await emulator.fetch(new Request('https://h/api/v1/healthz'));
    expect(response.status).toBe(200);
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(new TextDecoder().decode(first?.value)).toBe('{"statu');
    expect(await rejection(reader?.read() ?? Promise.resolve())).toMatchObject({ message: 'fetch failed' });
  });

  it('answers with JSON that is none, with the work done', async () => {
    const calls = withFault('optim_step', 'junk-json');
    const { modelId } = await calls.model();
    const body = { ...STEP, model_id: modelId, seq_id: 1 };
    const response = await calls.emulator.fetch(
      new Request('https://h/api/v1/optim_step', {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'x-api-key': 'tml-first' },
      }),
    );
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(await rejection(response.json())).toMatchObject({ name: 'SyntaxError' });
    expect((await calls.call('optim_step', { ...body, adam_params: { beta1: 0.5 } })).status).toBe(409);
  });

  it('brings a request twice, and gives the second answer', async () => {
    const calls = withFault('retrieve_future', 'duplicate', [2], {
      dialect: { resultRetention: 'one-shot', expiredFuture: 410 },
    });
    const { modelId } = await calls.model();
    const { request_id } = await calls.ok('optim_step', { ...STEP, model_id: modelId, seq_id: 1 });
    expect((await calls.call('retrieve_future', { request_id })).status).toBe(410);
  });

  it('reaches pages that may call', async () => {
    const { call } = withFault('healthz', { status: 503 }, [1], { cors: true });
    const { status, headers } = await call('healthz');
    expect([status, headers.get('access-control-allow-origin')]).toEqual([503, '*']);
  });

  it('is what a function says', () => {
    expect(thrown(() => createEmulator({ faults: 'cut' as never }))).toMatchObject({
      code: 'input_invalid',
      field: 'faults',
    });
  });
});

describe('a clock that is wrong', () => {
  const DAY = 86_400_000;
  it('shows in dates, in times, and in when to come again', async () => {
    const calls = emulatorCalls({
      clockSkewMs: DAY,
      faults: ({ attempt, path }) =>
        path === 'healthz' && attempt === 1 ? { status: 429, headers: { 'retry-after': '30' } } : undefined,
    });
    const now = calls.clock.now();
    const { headers } = await calls.call('healthz');
    const second = Math.floor((now + DAY) / 1_000) * 1_000;
    expect(Date.parse(headers.get('date') ?? '')).toBe(second);
    expect(Date.parse(headers.get('retry-after') ?? '')).toBe(
      Math.floor((now + DAY + 30_000) / 1_000) * 1_000,
    );
    const { modelId } = await calls.model();
    await calls.result('save_weights', { model_id: modelId, path: 'w', seq_id: 1, type: 'save_weights' });
    const { checkpoints } = await calls.ok('checkpoints');
    expect(Date.parse(checkpoints[0].time)).toBe(calls.clock.now() + DAY);
  });

  it('does not show in durations', async () => {
    const { clock, call, session } = emulatorCalls({ clockSkewMs: -DAY, sessionTimeoutMs: 1_000 });
    const session_id = await session();
    await clock.advance(900);
    expect((await call('session_heartbeat', { session_id })).status).toBe(200);
    clock.jumpWall(DAY);
    expect((await call('session_heartbeat', { session_id })).status).toBe(200);
    await clock.advance(1_100);
    expect((await call('session_heartbeat', { session_id })).status).toBe(404);
  });

  it('is not spoken of where it is right', async () => {
    const { call } = emulatorCalls();
    expect((await call('healthz')).headers.get('date')).toBeNull();
    const told = emulatorCalls({ clockSkewMs: 0 });
    expect(Date.parse((await told.call('healthz')).headers.get('date') ?? '')).toBe(
      Math.floor(told.clock.now() / 1_000) * 1_000,
    );
  });
});

describe('faultSchedule', () => {
  const call = (path: string, attempt: number): FaultCall => {
    return { method: 'POST', path, attempt, headers: new Headers(), body: undefined };
  };
  const kindsOf = (rates: FaultRates, seed: number, count: number) => {
    const plan = faultSchedule(seed, rates);
    return Array.from({ length: count }, (_, index) => plan(call('asample', index + 1)));
  };

  it('keeps to its rates', () => {
    const faults = kindsOf({ cut: 0.2, lost: 0.1, outage: 0.3 }, 7, 4_000);
    const share = (fits: (fault: EmulatorFault | undefined) => boolean) =>
      faults.filter(fits).length / faults.length;
    expect(share((fault) => fault === 'cut')).toBeCloseTo(0.2, 1);
    expect(share((fault) => fault === 'lost')).toBeCloseTo(0.1, 1);
    expect(share((fault) => typeof fault === 'object')).toBeCloseTo(0.3, 1);
    expect(share((fault) => fault === undefined)).toBeCloseTo(0.4, 1);
  });

  it('is the same for the same seed, whatever else is asked for, and another for another', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const rates = { cut: 0.25, slow: 0.25, crash: 0.25 };
        const plan = faultSchedule(seed, rates);
        for (let attempt = 1; attempt < 50; attempt++) plan(call('optim_step', attempt));
        const again = Array.from({ length: 50 }, (_, index) => plan(call('asample', index + 1)));
        expect(again).toEqual(kindsOf(rates, seed, 50));
        expect(again).not.toEqual(kindsOf(rates, seed + 1, 50));
        const elsewhere = Array.from({ length: 50 }, (_, index) => plan(call('optim_step', index + 1)));
        expect(again).not.toEqual(elsewhere);
      }),
      { numRuns: 20 },
    );
  });

  it.each([
    ['hang', 'hang'],
    ['cut', 'cut'],
    ['lost', 'lost'],
    ['cut-body', 'cut-body'],
    ['junk-json', 'junk-json'],
    ['duplicate', 'duplicate'],
    ['expire', { expire: true }],
    ['busy', { status: 429, body: { detail: 'slow down' } }],
    ['timeout', { status: 408 }],
    ['proxy-400', { status: 400 }],
    ['slow', { delayMs: expect.any(Number) }],
    ['crash', { status: 500, text: expect.stringMatching(/^Internal Server Error 0\./) }],
    ['outage', { status: 503, text: expect.any(String), headers: { 'content-type': 'text/html' } }],
  ] as const)('has faults of the kind %s', (kind, fault) => {
    expect(new Set(kindsOf({ [kind]: 1 }, 3, 5).map((one) => typeof one)).size).toBe(1);
    expect(kindsOf({ [kind]: 1 }, 3, 1)).toEqual([fault]);
    expect(kindsOf({ [kind]: 0 }, 3, 5)).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });

  it('lets heartbeats be, and whatever else it is told to', () => {
    const plan = faultSchedule(1, { cut: 1 });
    expect([plan(call('session_heartbeat', 1)), plan(call('asample', 1))]).toEqual([undefined, 'cut']);
    const own = faultSchedule(1, { cut: 1 }, { concerns: ({ path }) => path === 'session_heartbeat' });
    expect([own(call('session_heartbeat', 1)), own(call('asample', 1))]).toEqual(['cut', undefined]);
  });

  it.each<[() => unknown, string]>([
    [() => faultSchedule(Number.NaN, {}), '"seed" must be a finite number'],
    [() => faultSchedule(1, { cut: -0.1 }), '"rates.cut" must be a finite number >= 0'],
    [() => faultSchedule(1, { cut: 0.6, lost: 0.6 }), '"rates" must add up to at most 1'],
    [() => faultSchedule(1, { boom: 0.1 } as FaultRates), '"rates.boom" is no kind of fault'],
  ])('refuses what cannot be (%#)', (make, message) => {
    expect(thrown(make)).toMatchObject({ code: 'input_invalid', message: expect.stringContaining(message) });
  });

  it('takes rates that make up the whole', () => {
    expect(() => faultSchedule(1, { cut: 0.1, lost: 0.2, hang: 0.7 })).not.toThrow();
    expect(createVirtualClock().pending).toBe(0);
  });
});
