import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sleep } from '../../../src/kernel/abort.ts';
import {
  TinkerApiError,
  TinkerClosedError,
  TinkerConnectionError,
  TinkerInputError,
} from '../../../src/kernel/errors.ts';
import { noTelemetry } from '../../../src/operations/telemetry/telemetry.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { VERSION } from '../../../src/version.ts';
import { ACCEPTED, type SeenEvent, telemetryRig } from '../../support/telemetry.ts';
import { forbidUnhandledRejections } from '../../support/unhandled.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const lost = (): TinkerConnectionError => new TinkerConnectionError('Could not reach https://tinker.test');

forbidUnhandledRejections();

describe('telemetry', () => {
  it('makes no id, no timer and no request before it has something to tell', async () => {
    const { telemetry, clock, scripted } = telemetryRig([ACCEPTED], {
      createId: () => {
        throw new Error('no id');
      },
    });
    expect(clock.pending).toBe(0);
    await clock.advance(100_000);
    await telemetry.close();
    expect(scripted.requests).toHaveLength(0);
  });

  it('tells of a session that begins, after ten seconds in the background', async () => {
    const { telemetry, clock, scripted, times } = telemetryRig([ACCEPTED]);
    telemetry.started('sess-1');
    expect([clock.pending, clock.pendingInBackground]).toEqual([1, 1]);
    await clock.advance(9_999);
    expect(scripted.requests).toHaveLength(0);
    await clock.advance(1);
    expect(times()).toEqual([10_000]);
    const [request] = scripted.requests;
    expect(request).toMatchObject({ method: 'POST', path: 'telemetry' });
    expect(request?.headers.get('x-idempotency-key')).toMatch(/^isotinker-./);
    expect(request?.body).toEqual({
      events: [
        {
          event: 'SESSION_START',
          event_id: expect.stringMatching(UUID),
          event_session_index: 0,
          severity: 'INFO',
          timestamp: '2023-11-14T22:13:20.000000Z',
        },
      ],
      platform: 'Test',
      sdk_version: VERSION,
      session_id: 'sess-1',
      process_uuid: expect.stringMatching(UUID),
    });
    expect(telemetry.snapshot()).toEqual({ queued: 0, sent: 1, dropped: 0 });
    expect(clock.pending).toBe(0);
  });

  it('sends failures soon, and never the end of a session with them', async () => {
    const { telemetry, clock, times, batches } = telemetryRig([ACCEPTED]);
    telemetry.started('sess-1');
    await clock.advance(123);
    telemetry.failed(lost());
    telemetry.failed(new TinkerApiError(422, 'no'), 'CRITICAL');
    expect([clock.pending, clock.pendingInBackground]).toEqual([1, 1]);
    await clock.advance(0);
    expect(times()).toEqual([123]);
    expect(batches()).toEqual([
      [
        expect.objectContaining({ event: 'SESSION_START', event_session_index: 0 }),
        {
          event: 'UNHANDLED_EXCEPTION',
          event_id: expect.stringMatching(UUID),
          event_session_index: 1,
          severity: 'ERROR',
          timestamp: '2023-11-14T22:13:20.123000Z',
          error_type: 'TinkerConnectionError',
          error_message: 'connection_failed',
        },
        expect.objectContaining({ event: 'GENERIC_EVENT', event_session_index: 2, severity: 'WARNING' }),
      ],
    ]);
    await clock.advance(100_000);
    expect(times()).toHaveLength(1);
  });

  it('keeps what happens outside of a session apart from it, in requests and in numbers', async () => {
    const { telemetry, clock, scripted, batches } = telemetryRig([ACCEPTED]);
    telemetry.generic('early');
    telemetry.failed(lost(), 'CRITICAL');
    telemetry.started('sess-1');
    telemetry.generic('late');
    await clock.advance(10_000);
    const sessions = scripted.requests.map(({ body }) => body['session_id']);
    expect(sessions).toEqual([expect.stringMatching(/^sessionless-/), 'sess-1']);
    expect(String(sessions[0]).replace('sessionless-', '')).toMatch(UUID);
    expect(batches().map((events) => events.map((e) => [e.event, e.event_session_index]))).toEqual([
      [
        ['GENERIC_EVENT', 0],
        ['UNHANDLED_EXCEPTION', 1],
      ],
      [
        ['SESSION_START', 0],
        ['GENERIC_EVENT', 1],
      ],
    ]);
    expect(batches()[0]?.[1]).toMatchObject({ severity: 'CRITICAL' });
    expect(new Set(scripted.requests.map(({ body }) => body['process_uuid'])).size).toBe(1);
    expect(new Set(batches().flatMap((events) => events.map((e) => e.event_id))).size).toBe(4);
  });

  it('lets other events wait for company, of at most a hundred', async () => {
    const { telemetry, clock, times, batches } = telemetryRig([ACCEPTED]);
    for (let i = 0; i < 99; i++) telemetry.generic('step', { iteration: i });
    await clock.advance(500);
    expect(times()).toEqual([]);
    for (let i = 99; i < 110; i++) telemetry.generic('step', { iteration: i });
    await clock.advance(0);
    expect(times()).toEqual([500, 500]);
    expect(batches().map(({ length }) => length)).toEqual([100, 10]);
    const iterations = batches().flatMap((events) =>
      events.map((e) => (e['event_data'] as { iteration: number }).iteration),
    );
    expect(iterations).toEqual(Array.from({ length: 110 }, (_, i) => i));
    expect(batches()[0]?.[0]).toMatchObject({ event_name: 'step', severity: 'INFO' });
  });

  it('says nothing of an end that somebody put to an operation here', async () => {
    const { telemetry, clock } = telemetryRig([ACCEPTED]);
    telemetry.failed(new TinkerClosedError());
    telemetry.failed(new DOMException('stop', 'AbortError'));
    expect(clock.pending).toBe(0);
    expect(telemetry.snapshot()).toEqual({ queued: 0, sent: 0, dropped: 0 });
  });

  it('never fails who tells it something', async () => {
    const broken = telemetryRig([ACCEPTED], {
      createId: () => {
        throw new Error('no id');
      },
    });
    broken.telemetry.started('s');
    broken.telemetry.generic('x');
    const hostile = Object.defineProperty(new TinkerApiError(500, 'x'), 'code', {
      get: () => {
        throw new Error('look');
      },
    });
    broken.telemetry.failed(hostile);
    await broken.telemetry.close();
    expect(broken.clock.pending).toBe(0);
  });

  it('ends where ids run out while it sends', async () => {
    let left = 4;
    const { telemetry, clock, scripted } = telemetryRig([ACCEPTED], {
      createId: () => {
        if (left-- > 0) return 'f'.repeat(32);
        throw new Error('no id');
      },
    });
    telemetry.failed(lost());
    telemetry.failed(lost());
    // Two ids for the events and one for their session: one is left, for the process, none for the request.
    await clock.advance(20_000);
    telemetry.failed(lost());
    await telemetry.close();
    expect(scripted.requests).toHaveLength(0);
    expect(telemetry.snapshot()).toEqual({ queued: 0, sent: 0, dropped: 2 });
    expect(clock.pending).toBe(0);
  });

  it('that is off does nothing', async () => {
    noTelemetry.started('s');
    noTelemetry.failed(new Error('x'));
    noTelemetry.generic('x');
    await noTelemetry.close();
    expect(noTelemetry.snapshot()).toEqual({ queued: 0, sent: 0, dropped: 0 });
  });
});

describe('what telemetry sends', () => {
  it('case 43: no key, header, prompt, token, address or stack trace is in it', async () => {
    const { telemetry, clock, scripted } = telemetryRig([ACCEPTED]);
    const echo = {
      detail: [{ loc: ['body', 'prompt'], msg: 'too long', type: 'value_error', input: 'canary-prompt' }],
      request_headers: { 'x-api-key': 'canary-key' },
    };
    const proxy = new Error('tunnel via http://user:canary-password@10.0.0.7:3128 failed');
    telemetry.started('sess-1');
    telemetry.failed(new TinkerApiError(422, '/api/v1/asample answered 422: too long', { body: echo }));
    telemetry.failed(new TinkerConnectionError(`Could not reach x: ${proxy.message}`, { cause: proxy }));
    telemetry.failed(new TinkerInputError('prompt', 'must be token ids, got "canary-prompt"'));
    telemetry.failed(new Error('canary-loss of /home/canary-user/data'));
    const extra = { operation: 'sample', prompt: 'canary-prompt', headers: { a: 'canary-key' } };
    telemetry.generic('done', extra);
    await clock.advance(10_000);
    await telemetry.close();
    const sent = JSON.stringify(scripted.requests.map(({ body }) => body));
    expect(sent.match(/"event":/g)).toHaveLength(7);
    expect(sent).not.toMatch(/canary|stack|10\.0\.0\.7/i);
    expect(sent).toContain('too long');
  });
});

describe('telemetry under any circumstances', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constantFrom('failed', 'generic'), count: fc.integer({ min: 1, max: 150 }) }),
    fc.record({ kind: fc.constant('started'), count: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ kind: fc.constant('advance'), count: fc.integer({ min: 0, max: 25_000 }) }),
  );
  const ANSWERS = ['fine', 'slow', 'down', 'refused', 'unclear', 'unauthorized', 'silent'] as const;

  /** A rig whose server gives answers of these kinds, and what it has accepted. */
  function rigOf(kinds: readonly (typeof ANSWERS)[number][]) {
    const accepted: SeenEvent[] = [];
    const accept = async (request: Request): Promise<Response> => {
      accepted.push(...((await request.json()) as { events: SeenEvent[] }).events);
      return Response.json({ status: 'accepted' });
    };
    const answerOf: Record<(typeof ANSWERS)[number], Answer> = {
      fine: accept,
      slow: async (request) => {
        await sleep(rig.clock, 2_000, request.signal);
        return accept(request);
      },
      down: { status: 500 },
      refused: 'refused',
      unclear: { status: 200, body: { status: 'ok' } },
      unauthorized: { status: 401 },
      silent: 'nothing',
    };
    const rig = telemetryRig(kinds.map((kind) => answerOf[kind]));
    return { ...rig, accepted };
  }

  it('it loses no event uncounted, sends none again that arrived, and does one thing at a time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...ANSWERS), { minLength: 1, maxLength: 12 }),
        fc.array(step, { maxLength: 12 }),
        async (kinds, steps) => {
          const { telemetry, clock, scripted, accepted, batches } = rigOf(kinds);
          let told = 0;
          for (const { kind, count } of steps) {
            if (kind === 'advance') await clock.advance(count);
            if (kind === 'started') telemetry.started(`s-${count}`);
            const isMany = kind === 'failed' || kind === 'generic';
            for (let i = 0; isMany && i < count; i++) {
              if (kind === 'failed') telemetry.failed(lost());
              else telemetry.generic('x');
            }
            told += isMany ? count : kind === 'started' ? 1 : 0;
            const { queued, sent, dropped } = telemetry.snapshot();
            expect(queued + sent + dropped).toBe(told);
            // One timer waits, or bounds the exchange; the other one is the server's.
            expect(clock.pending).toBeLessThanOrEqual(1 + scripted.inFlight);
          }
          const closedAt = clock.monotonic();
          await clock.drive(telemetry.close());
          expect(clock.monotonic() - closedAt).toBeLessThanOrEqual(1_000);
          expect(clock.pending).toBe(0);
          // The end of a session is an event, too.
          const ends = steps.some(({ kind }) => kind === 'started') ? 1 : 0;
          const { queued, sent, dropped } = telemetry.snapshot();
          expect([queued, sent, sent + dropped]).toEqual([0, accepted.length, told + ends]);
          expect(new Set(accepted.map((event) => event.event_id)).size).toBe(accepted.length);
          expect(Math.max(0, ...batches().map(({ length }) => length))).toBeLessThanOrEqual(100);
          expect(scripted.mostInFlight).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 60 },
    );
  });
});
