import { describe, expect, it } from 'vitest';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import { TinkerApiError } from '../../../src/kernel/errors.ts';
import { resolveBreakerConfig } from '../../../src/policy/breaker.ts';
import { createCircuit } from '../../../src/policy/circuit.ts';
import { createRateWindow } from '../../../src/policy/rate-window.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { createLanes } from '../../../src/transport/lanes.ts';
import { createPipeline, type PipelineRequest } from '../../../src/transport/pipeline.ts';
import type { TransportRequest } from '../../../src/transport/transport.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';

/** A pipeline over a transport that does what `act` says. */
function setUp(act: (request: TransportRequest, count: number) => Promise<unknown>, connections = 5) {
  const clock = createVirtualClock();
  const random = () => 0;
  const events: TinkerEvent[] = [];
  const sent: (TransportRequest & { readonly at: number })[] = [];
  const window = createRateWindow({ clock, random });
  let ids = 0;
  const circuit = createCircuit({
    name: 'c',
    storageKey: 'k',
    clock,
    config: resolveBreakerConfig('c', { failureThreshold: 2, resetMs: 10_000 }),
    emit: (event) => events.push(event),
    createId: () => `${++ids}`,
  });
  const lanes = createLanes({ total: connections, polls: connections - 2 });
  const emit = (event: TinkerEvent): void => void events.push(event);
  const parts = {
    clock,
    emit,
    lanes,
    windows: { sample: window, poll: window },
    circuits: { sample: circuit },
  };
  const pipeline = createPipeline(parts, {
    send(request) {
      sent.push({ ...request, at: clock.monotonic() });
      return act(request, sent.length);
    },
  });
  const controller = new AbortController();
  const listeners = countListeners(controller.signal);
  const send = (request: Partial<PipelineRequest> = {}): Promise<unknown> =>
    pipeline.send({
      method: 'POST',
      path: '/p',
      lane: 'sample',
      signal: controller.signal,
      timeoutMs: 60_000,
      onLimit: 'wait',
      ...request,
    });
  const finish = (): void => {
    expect(clock.pending).toBe(0);
    expect(listeners.left).toBe(0);
    for (const gauge of Object.values(lanes.snapshot())) expect(gauge).toEqual({ inFlight: 0, waiting: 0 });
  };
  return { clock, events, sent, window, circuit, lanes, controller, send, finish };
}

const limited = (retryAfterMs?: number): TinkerApiError =>
  new TinkerApiError(429, 'too many', { retryable: true, retryAfterMs });
const held = (
  clock: { schedule(callback: () => void, ms: number): () => void },
  ms: number,
): Promise<string> =>
  new Promise((resolve) => {
    clock.schedule(() => resolve('done'), ms);
  });

describe('the pipeline', () => {
  it('hands the request on as it is, and the answer back', async () => {
    const { send, sent, finish } = setUp(async () => 'answer');
    const onSend = () => {};
    expect(await send({ body: { a: 1 }, headers: { b: 'c' }, requestId: 'r', onSend })).toBe('answer');
    expect(sent).toMatchObject([
      {
        method: 'POST',
        path: '/p',
        body: { a: 1 },
        headers: { b: 'c' },
        requestId: 'r',
        timeoutMs: 60_000,
      },
    ]);
    finish();
  });

  it('waits for the server’s pause first, holding neither a connection nor a probe', async () => {
    const { send, sent, window, lanes, clock, finish } = setUp(async () => 'answer');
    window.set(5_000);
    const work = Promise.all([send(), send()]);
    await clock.advance(4_999);
    expect(lanes.snapshot().sample).toEqual({ inFlight: 0, waiting: 0 });
    expect(sent).toEqual([]);
    await clock.drive(work);
    expect(sent.map(({ at }) => at)).toEqual([5_000, 5_000]);
    finish();
  });

  it('lets a pause that came while it waited for a connection hold it back, too', async () => {
    const base = setUp((_, count) => (count <= 4 ? held(base.clock, 1_000) : Promise.resolve('late')));
    const first = Array.from({ length: 4 }, () => base.send());
    const waiting = base.send();
    await base.clock.advance(500);
    base.window.set(3_000);
    await base.clock.drive(Promise.all([...first, waiting]));
    // Its connection was free at 1,000; the pause ended at 3,500.
    expect(base.sent.map(({ at }) => at)).toEqual([0, 0, 0, 0, 3_500]);
    base.finish();
  });

  it('starts the limit of the exchange only when it is sent, and clips it to the deadline', async () => {
    const { send, sent, window, clock, finish } = setUp(async () => 'answer');
    window.set(5_000);
    await clock.drive(
      Promise.all([send({ timeoutMs: 45_000 }), send({ timeoutMs: 45_000, deadlineAt: 20_000 })]),
    );
    expect(sent.map(({ timeoutMs }) => timeoutMs)).toEqual([45_000, 15_010]);
    await clock.drive(send({ deadlineAt: 4_000 }));
    expect(sent.at(-1)?.timeoutMs).toBe(10);
    finish();
  });

  it('closes the window at a 429: for the hint, else for what the request says, else not at all', async () => {
    for (const [hintMs, pauseMs, expected] of [
      [7_000, 1_000, 7_000],
      [90_000, undefined, 60_000],
      [undefined, 1_000, 1_000],
      [0, 1_000, 1_000],
      [undefined, undefined, 0],
    ] as const) {
      const { send, window, events, finish } = setUp(() => Promise.reject(limited(hintMs)));
      expect(await rejection(send({ pauseMs }))).toMatchObject({ status: 429 });
      expect(window.remainingMs).toBe(expected);
      const told = { type: 'rate_limited', lane: 'sample', pauseMs: expected, reason: 'too many' };
      expect(events).toEqual(expected === 0 ? [] : [told]);
      finish();
    }
  });

  it('is deaf to hints where it is told to be', async () => {
    const { send, window } = setUp(() => Promise.reject(limited(7_000)));
    await rejection(send({ isDeafToHints: true }));
    expect(window.remainingMs).toBe(0);
  });

  it('clears the window by a success that began in it, not by an older one', async () => {
    const base = setUp((_, count) => (count === 1 ? held(base.clock, 2_000) : Promise.resolve('quick')));
    const older = base.send();
    await base.clock.advance(1_000);
    base.window.set(5_000);
    await base.clock.advance(1_000);
    expect(await older).toBe('done');
    expect(base.window.remainingMs).toBe(4_000);
    await base.clock.drive(base.send());
    expect(base.window.remainingMs).toBe(0);
    base.finish();
  });

  it('rejects with the limit where waiting is not wanted', async () => {
    const { send, sent, window, finish } = setUp(() => Promise.reject(limited(3_000)));
    expect(await rejection(send({ onLimit: 'throw' }))).toMatchObject({
      code: 'limit_reached',
      scope: 'rate',
      message: 'too many. Try again in 3000 ms, or wait with onLimit: "wait"',
      retryAfterMs: 3_000,
    });
    expect(window.remainingMs).toBe(3_000);
    expect(await rejection(send({ onLimit: 'throw' }))).toMatchObject({
      code: 'limit_reached',
      message:
        'The server asked for a pause of sample requests. Try again in 3000 ms, or wait with onLimit: "wait"',
      retryAfterMs: 3_000,
    });
    expect(sent).toHaveLength(1);
    finish();
  });

  it('asks the circuit, and only where the lane has one', async () => {
    const down = new TinkerApiError(503, 'down', { retryable: true });
    const { send, sent, clock, finish } = setUp(() => Promise.reject(down));
    for (let i = 0; i < 2; i++) expect(await rejection(send())).toBe(down);
    expect(await rejection(send())).toMatchObject({ code: 'circuit_open', circuit: 'c' });
    for (let i = 0; i < 5; i++) expect(await rejection(send({ lane: 'poll' }))).toBe(down);
    expect(sent).toHaveLength(7);
    await clock.advance(10_000);
    expect(await rejection(send())).toBe(down);
    finish();
  });

  it.each(['pause', 'connection'])('leaves at once when it aborts while it waits for a %s', async (what) => {
    const base = setUp(() => held(base.clock, 10_000));
    const others = what === 'pause' ? [] : Array.from({ length: 4 }, () => base.send());
    if (what === 'pause') base.window.set(30_000);
    const own = new AbortController();
    const listeners = countListeners(own.signal);
    const work = rejection(base.send({ waitSignal: own.signal }));
    await base.clock.advance(100);
    own.abort('enough');
    expect(await work).toBe('enough');
    expect(listeners.left).toBe(0);
    await base.clock.drive(Promise.all(others));
    await base.clock.advance(40_000);
    expect(base.sent).toHaveLength(others.length);
    base.finish();
  });

  it('does not let the end of the waiting end an exchange under way', async () => {
    const base = setUp(() => held(base.clock, 10_000));
    const waiting = new AbortController();
    const work = base.send({ waitSignal: waiting.signal });
    await base.clock.advance(100);
    waiting.abort('enough');
    expect(await base.clock.drive(work)).toBe('done');
    expect(base.sent[0]?.signal.aborted).toBe(false);
    base.finish();
  });

  it('tells when it is sent, and sends nothing for who has left while the key was fetched', async () => {
    const base = setUp(async (request) => {
      await held(base.clock, 1_000);
      request.onSend?.();
      return 'answer';
    });
    const told: string[] = [];
    expect(await base.clock.drive(base.send({ onSend: () => told.push('sent') }))).toBe('answer');
    const waiting = new AbortController();
    const left = rejection(base.send({ waitSignal: waiting.signal, onSend: () => told.push('again') }));
    await base.clock.advance(500);
    waiting.abort('enough');
    expect(await base.clock.drive(left)).toBe('enough');
    expect(told).toEqual(['sent']);
    base.finish();
  });

  it('never pauses a lane without a window', async () => {
    const { send, sent, window, finish } = setUp(() => Promise.reject(limited(7_000)));
    window.set(5_000);
    expect(await rejection(send({ lane: 'session' }))).toMatchObject({ status: 429 });
    expect(sent).toHaveLength(1);
    expect(window.remainingMs).toBe(5_000);
    finish();
  });

  it('gives its connection back after a throw that is no rejection', async () => {
    const { send, clock, finish } = setUp(() => {
      throw new Error('sync');
    });
    for (let i = 0; i < 2; i++)
      expect(await driveToRejection(clock, send())).toMatchObject({ message: 'sync' });
    finish();
  });
});
