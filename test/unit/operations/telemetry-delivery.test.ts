import { describe, expect, it } from 'vitest';
import { TinkerApiError, TinkerConnectionError } from '../../../src/kernel/errors.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { ACCEPTED, telemetryRig } from '../../support/telemetry.ts';
import { forbidUnhandledRejections } from '../../support/unhandled.ts';

const DOWN: Answer = { status: 500, text: 'down' };
const lost = (): TinkerConnectionError => new TinkerConnectionError('Could not reach https://tinker.test');

forbidUnhandledRejections();

describe('a batch that fails', () => {
  it('case 41: 500, 500, 200 is delivered once, after 1 s and 2 s', async () => {
    const { telemetry, clock, scripted, times, batches } = telemetryRig([DOWN, DOWN, ACCEPTED]);
    telemetry.failed(lost());
    await clock.advance(0);
    expect([clock.pending, clock.pendingInBackground]).toEqual([1, 1]);
    await clock.advance(100_000);
    expect(times()).toEqual([0, 1_000, 3_000]);
    expect(telemetry.snapshot()).toEqual({ queued: 0, sent: 1, dropped: 0 });
    // The server can tell that it is the same again.
    expect(batches()[1]).toEqual(batches()[0]);
    expect(batches()[2]).toEqual(batches()[0]);
    expect(new Set(scripted.requests.map(({ headers }) => headers.get('x-idempotency-key'))).size).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('waits up to a tenth longer at random', async () => {
    const { telemetry, clock, times } = telemetryRig([DOWN], { random: () => 1 });
    telemetry.failed(lost());
    await clock.advance(100_000);
    expect(times()).toEqual([0, 1_100, 3_300, 7_700]);
  });

  it('case 41: is given up after three more tries, and counted', async () => {
    const { telemetry, clock, times } = telemetryRig([DOWN]);
    telemetry.failed(lost());
    telemetry.failed(lost());
    await clock.advance(100_000);
    expect(times()).toEqual([0, 1_000, 3_000, 7_000]);
    expect(telemetry.snapshot()).toEqual({ queued: 0, sent: 0, dropped: 2 });
    expect(clock.pending).toBe(0);
  });

  it('leaves the server alone for ten seconds, whatever else fails', async () => {
    const { telemetry, clock, times } = telemetryRig([DOWN, DOWN, DOWN, DOWN, ACCEPTED]);
    for (let i = 0; i < 150; i++) telemetry.failed(lost());
    await clock.advance(7_000);
    expect(telemetry.snapshot()).toEqual({ queued: 50, sent: 0, dropped: 100 });
    await clock.advance(1_000);
    telemetry.failed(lost());
    await clock.advance(8_999);
    expect(times()).toHaveLength(4);
    await clock.advance(1);
    expect(times().slice(4)).toEqual([17_000]);
    expect(telemetry.snapshot()).toEqual({ queued: 0, sent: 51, dropped: 100 });
    telemetry.failed(lost());
    await clock.advance(0);
    expect(times().slice(5)).toEqual([17_000]);
  });

  it('that nothing can help is not tried again', async () => {
    for (const status of [400, 401, 402, 422]) {
      const { telemetry, clock, times } = telemetryRig([{ status, body: { detail: 'no' } }]);
      telemetry.failed(lost());
      await clock.advance(100_000);
      expect(times()).toEqual([0]);
      expect(telemetry.snapshot()).toEqual({ queued: 0, sent: 0, dropped: 1 });
    }
  });

  it.each<readonly [string, Answer]>([
    ['another word', { status: 200, body: { status: 'rejected' } }],
    ['no word', { status: 200, body: {} }],
    ['nothing', { status: 204 }],
    ['no connection', 'refused'],
    ['a cut body', { status: 200, text: '{"status":"acc' }],
  ])('is one that is answered with %s', async (_, answer) => {
    const { telemetry, clock, times } = telemetryRig([answer, ACCEPTED]);
    telemetry.failed(lost());
    await clock.advance(100_000);
    expect(times()).toEqual([0, 1_000]);
    expect(telemetry.snapshot().sent).toBe(1);
  });

  it('is one that is not answered within five seconds', async () => {
    const { telemetry, clock, times } = telemetryRig(['nothing']);
    telemetry.failed(lost());
    await clock.advance(100_000);
    expect(times()).toEqual([0, 6_000, 13_000, 22_000]);
    expect(telemetry.snapshot().dropped).toBe(1);
  });

  it('waits as long as the server asks for, up to a minute', async () => {
    const busy = (seconds: string): Answer => ({ status: 429, headers: { 'retry-after': seconds } });
    const { telemetry, clock, times } = telemetryRig([busy('30'), busy('900'), busy('0.1'), ACCEPTED]);
    telemetry.failed(lost());
    await clock.advance(200_000);
    expect(times()).toEqual([0, 30_000, 90_000, 94_000]);
  });
});

describe('a server without telemetry', () => {
  it.each<readonly [string, Answer]>([
    ['404', { status: 404, body: { detail: 'Not Found' } }],
    ['404 in other words', { status: 404, text: '<html>nothing here</html>' }],
    ['405', { status: 405, body: { detail: 'Method Not Allowed' } }],
    ['501', { status: 501 }],
  ])('is asked once: %s', async (_, answer) => {
    const { telemetry, clock, times } = telemetryRig([answer]);
    telemetry.started('s');
    for (let i = 0; i < 250; i++) telemetry.failed(lost());
    await clock.advance(100_000);
    telemetry.failed(lost());
    telemetry.generic('x');
    await clock.advance(100_000);
    expect(clock.pending).toBe(0);
    await telemetry.close();
    expect(times()).toEqual([0]);
    expect(telemetry.snapshot()).toEqual({ queued: 0, sent: 0, dropped: 251 });
  });
});

describe('the queue', () => {
  it('case 41: of 10,001 events one is dropped, and all others arrive by one exchange at a time', async () => {
    const { telemetry, clock, scripted } = telemetryRig([
      { ...(ACCEPTED as object), status: 200, afterMs: 5 },
    ]);
    for (let i = 0; i < 10_001; i++) telemetry.generic('x');
    expect(telemetry.snapshot()).toEqual({ queued: 10_000, sent: 0, dropped: 1 });
    expect(clock.pending).toBe(1);
    await clock.advance(3);
    // What is under way is not yet sent.
    expect(telemetry.snapshot()).toEqual({ queued: 10_000, sent: 0, dropped: 1 });
    await clock.advance(100_000);
    expect(telemetry.snapshot()).toEqual({ queued: 0, sent: 10_000, dropped: 1 });
    expect(scripted.requests).toHaveLength(100);
    expect(scripted.mostInFlight).toBe(1);
  });

  it('holds its number through 100,000 failures while the server is down, with one timer', async () => {
    const { telemetry, clock, scripted } = telemetryRig([DOWN]);
    let mostQueued = 0;
    let mostTimers = 0;
    const look = (): void => {
      mostQueued = Math.max(mostQueued, telemetry.snapshot().queued);
      mostTimers = Math.max(mostTimers, clock.pending);
    };
    for (let burst = 0; burst < 200; burst++) {
      for (let i = 0; i < 500; i++) {
        telemetry.failed(new TinkerApiError(503, 'down'));
        look();
      }
      await clock.advance(burst % 7 === 0 ? 2_000 : 100);
      look();
    }
    const { queued, sent, dropped } = telemetry.snapshot();
    expect([sent, queued + dropped]).toEqual([0, 100_000]);
    expect([mostQueued, mostTimers]).toEqual([10_000, 1]);
    expect(scripted.mostInFlight).toBe(1);
    // A batch in 17 seconds: four tries, and the rest.
    expect(scripted.requests.length).toBeLessThanOrEqual(4 * Math.ceil(clock.monotonic() / 17_000));
    await telemetry.close();
    expect(telemetry.snapshot()).toEqual({ queued: 0, sent: 0, dropped: 100_000 });
    expect(clock.pending).toBe(0);
  });
});

describe('close', () => {
  it('sends what waits, with the end of the session, in one request', async () => {
    const { telemetry, clock, scripted, times, batches } = telemetryRig([ACCEPTED]);
    telemetry.started('sess-1');
    await clock.advance(2_345);
    await telemetry.close();
    await telemetry.close();
    expect(times()).toEqual([2_345]);
    expect(batches()[0]).toEqual([
      expect.objectContaining({ event: 'SESSION_START', event_session_index: 0 }),
      {
        event: 'SESSION_END',
        event_id: expect.any(String),
        event_session_index: 1,
        severity: 'INFO',
        timestamp: '2023-11-14T22:13:22.345000Z',
        duration: '0:00:02.345000',
      },
    ]);
    expect(telemetry.snapshot()).toEqual({ queued: 0, sent: 2, dropped: 0 });
    telemetry.failed(lost());
    telemetry.generic('x');
    telemetry.started('sess-2');
    await clock.advance(100_000);
    expect(scripted.requests).toHaveLength(1);
    expect(clock.pending).toBe(0);
    expect(telemetry.snapshot()).toEqual({ queued: 0, sent: 2, dropped: 0 });
  });

  it('knows no end where there was no session', async () => {
    const { telemetry, batches } = telemetryRig([ACCEPTED]);
    telemetry.generic('x');
    await telemetry.close();
    expect(batches().map((events) => events.map(({ event }) => event))).toEqual([['GENERIC_EVENT']]);
  });

  it('tries once, though the server may come back', async () => {
    const { telemetry, clock, times } = telemetryRig([DOWN]);
    telemetry.started('sess-1');
    for (let i = 0; i < 300; i++) telemetry.generic('x');
    await telemetry.close();
    expect(times()).toEqual([0]);
    expect(telemetry.snapshot()).toEqual({ queued: 0, sent: 0, dropped: 302 });
    expect(clock.pending).toBe(0);
  });

  it('does not wait for the next try, but makes it', async () => {
    const { telemetry, clock, times } = telemetryRig([DOWN, DOWN, ACCEPTED]);
    telemetry.started('sess-1');
    telemetry.failed(lost());
    await clock.advance(1_500);
    await telemetry.close();
    // Together with the end of the session: it would only be later for a request of its own.
    expect(times()).toEqual([0, 1_000, 1_500]);
    expect(telemetry.snapshot()).toEqual({ queued: 0, sent: 3, dropped: 0 });
    expect(clock.pending).toBe(0);
  });

  it('waits for an exchange that is under way, and sends the rest behind it', async () => {
    const slow: Answer = { status: 200, body: { status: 'accepted' }, afterMs: 400 };
    const { telemetry, clock, scripted, times, batches } = telemetryRig([slow]);
    telemetry.started('sess-1');
    telemetry.failed(lost());
    await clock.advance(100);
    await clock.drive(telemetry.close());
    expect(times()).toEqual([0, 400]);
    expect(batches()[1]).toEqual([expect.objectContaining({ event: 'SESSION_END' })]);
    expect(telemetry.snapshot()).toEqual({ queued: 0, sent: 3, dropped: 0 });
    expect(scripted.mostInFlight).toBe(1);
    expect([clock.monotonic(), clock.pending]).toEqual([800, 0]);
  });

  it('leaves no wait behind an exchange that failed under it', async () => {
    const late: Answer = { status: 500, afterMs: 100 };
    const { telemetry, clock, times } = telemetryRig([late, 'nothing']);
    telemetry.failed(lost());
    await clock.advance(50);
    const closing = telemetry.close();
    await clock.advance(100);
    expect(times()).toEqual([0, 100]);
    expect(clock.pendingInBackground).toBe(0);
    await clock.drive(closing);
    expect([clock.monotonic(), clock.pending]).toEqual([1_050, 0]);
    expect(telemetry.snapshot()).toEqual({ queued: 0, sent: 0, dropped: 1 });
  });

  it.each<readonly [string, Answer]>([
    ['that is silent', 'nothing'],
    ['that is slow', { status: 200, body: { status: 'accepted' }, afterMs: 700 }],
    ['that ignores aborts', () => new Promise<Response>(() => {})],
  ])('gives a server %s one second in all', async (_, answer) => {
    const { telemetry, clock } = telemetryRig([answer]);
    telemetry.started('sess-1');
    telemetry.failed(lost());
    await clock.advance(0);
    for (let i = 0; i < 300; i++) telemetry.generic('x');
    const closing = telemetry.close();
    // It holds a program that waits for it, unlike all other waits.
    expect(clock.pending - clock.pendingInBackground).toBeGreaterThan(0);
    await clock.drive(closing);
    expect(clock.monotonic()).toBe(1_000);
    expect(clock.pending).toBe(0);
    const { queued, sent, dropped } = telemetry.snapshot();
    expect([queued, sent + dropped]).toEqual([0, 303]);
  });
});

describe('other requests', () => {
  const getInfo = {
    method: 'GET',
    path: '/api/v1/telemetry',
    lane: 'rest',
    signal: new AbortController().signal,
    timeoutMs: 1_000,
    onLimit: 'wait',
  } as const;

  it('see nothing of a telemetry that fails: no circuit, no pause', async () => {
    const busy: Answer = { status: 429, headers: { 'retry-after': '30' } };
    const { telemetry, clock, circuit, window, pipeline } = telemetryRig([DOWN, DOWN, busy, DOWN, ACCEPTED]);
    telemetry.failed(lost());
    await clock.advance(40_000);
    expect(telemetry.snapshot().dropped).toBe(1);
    expect(circuit.snapshot()).toMatchObject({ kind: 'closed', failures: 0 });
    expect(window.remainingMs).toBe(0);
    expect(await pipeline.send(getInfo)).toEqual({ status: 'accepted' });
  });

  it('neither hold it up nor wait for it, though all connections are taken', async () => {
    const { telemetry, clock, lanes, window, times } = telemetryRig(['nothing', ACCEPTED]);
    const { signal } = new AbortController();
    window.set(50_000);
    const ends: (() => void)[] = [];
    const hold = (): Promise<void> => new Promise((resolve) => void ends.push(resolve));
    const held = [lanes.run('train', signal, hold), lanes.run('train', signal, hold)];
    const next = lanes.run('rest', signal, async () => clock.monotonic());
    telemetry.failed(lost());
    await clock.advance(0);
    expect(times()).toEqual([0]);
    expect(lanes.snapshot()).toMatchObject({ rest: { waiting: 1 }, session: { inFlight: 1, waiting: 0 } });
    // Telemetry is under way, and takes the place of nobody.
    ends[0]?.();
    expect(await next).toBe(0);
    ends[1]?.();
    await Promise.all(held);
    await clock.drive(telemetry.close());
  });
});
