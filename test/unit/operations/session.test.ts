import { describe, expect, it } from 'vitest';
import { openSession } from '../../../src/operations/session.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { answerAfter, testRuntime } from '../../support/runtime.ts';
import { driveToRejection } from '../../support/settled.ts';

const OPENED: Answer = { status: 200, body: { session_id: 's-1' } };
const ALIVE: Answer = { status: 200, body: { type: 'session_heartbeat' } };
const OPTIONS = { tags: ['a'], userMetadata: { k: 'v' }, projectId: undefined, sdkVersion: '1.2.3' };

function setUp(heartbeats: readonly Answer[] = [ALIVE], opened: readonly Answer[] = [OPENED]) {
  const script: Record<string, readonly Answer[]> = { create_session: opened, session_heartbeat: heartbeats };
  const base = testRuntime(script);
  const open = (): Promise<string> => openSession(base.runtime, OPTIONS, new AbortController().signal);
  const beats = () => base.times.slice(base.requests.findIndex(({ path }) => path === 'session_heartbeat'));
  const close = async (): Promise<void> => {
    await base.runtime.scopes.close('shut');
    expect(base.runtime.scopes.size).toBe(0);
    expect(base.clock.pending).toBe(0);
  };
  return Object.assign(base, { script, open, beats, close });
}

describe('openSession', () => {
  it('opens a session with what it is told', async () => {
    const { open, requests, events, close } = setUp();
    expect(await open()).toBe('s-1');
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({ method: 'POST', path: 'create_session' });
    expect(requests[0]?.body).toEqual({
      tags: ['a'],
      user_metadata: { k: 'v' },
      sdk_version: '1.2.3',
      type: 'create_session',
    });
    expect(events).toEqual([]);
    await close();
  });

  it('reports what the server has to say', async () => {
    const said = { session_id: 's-1', info_message: 'hello', error_message: 'old client' };
    const { open, events, close } = setUp([ALIVE], [{ status: 200, body: said }]);
    await open();
    expect(events).toEqual([
      { type: 'session_message', level: 'info', message: 'hello' },
      { type: 'session_message', level: 'error', message: 'old client' },
    ]);
    await close();
  });

  it('is sent again while the server is in trouble, and starts no heartbeat if it fails', async () => {
    const { open, clock, requests } = setUp([ALIVE], [{ status: 503 }, { status: 401 }]);
    expect(await driveToRejection(clock, open())).toMatchObject({ status: 401, attempts: 2 });
    expect(requests).toHaveLength(2);
    expect(requests[0]?.headers.get('x-idempotency-key')).toBe(requests[1]?.headers.get('x-idempotency-key'));
    expect(clock.pending).toBe(0);
  });
});

describe('heartbeats', () => {
  it('are sent every ten seconds, in the background, until the service closes', async () => {
    const { open, clock, beats, requests, events, close } = setUp();
    await open();
    expect([clock.pending, clock.pendingInBackground]).toEqual([1, 1]);
    await clock.advance(35_000);
    expect(beats()).toEqual([10_000, 20_000, 30_000]);
    expect(requests[1]).toMatchObject({ method: 'POST', path: 'session_heartbeat' });
    expect(requests[1]?.body).toEqual({ session_id: 's-1', type: 'session_heartbeat' });
    await close();
    await clock.advance(60_000);
    expect(beats()).toHaveLength(3);
    expect(events).toEqual([]);
  });

  it('tell of failures how long the server has been silent, and go on', async () => {
    const { open, clock, beats, events, close } = setUp([
      ALIVE,
      { status: 500, text: 'down' },
      'refused',
      ALIVE,
      { status: 429 },
      ALIVE,
    ]);
    await open();
    await clock.advance(60_000);
    expect(beats()).toHaveLength(6);
    const failed = { type: 'heartbeat_failed', sessionId: 's-1' };
    expect(events).toEqual([
      { ...failed, silentMs: 10_000, message: '/api/v1/session_heartbeat answered 500: down' },
      {
        ...failed,
        silentMs: 20_000,
        message: 'Could not reach https://tinker.test: fetch failed: connect ECONNREFUSED 127.0.0.1:9',
      },
      { ...failed, silentMs: 10_000, message: '/api/v1/session_heartbeat answered 429' },
    ]);
    await close();
  });

  it('give one that hangs ten seconds', async () => {
    const { open, clock, beats, events, close } = setUp(['nothing', ALIVE]);
    await open();
    await clock.advance(30_000);
    expect(beats()).toEqual([10_000, 30_000]);
    expect(events).toMatchObject([
      {
        type: 'heartbeat_failed',
        silentMs: 20_000,
        message: 'No result within 10000 ms (attempt); /api/v1/session_heartbeat',
      },
    ]);
    await close();
  });

  it('count the silence from the answer, not from the question', async () => {
    const base = setUp();
    base.script['session_heartbeat'] = [
      answerAfter(base.clock, 3_000, () => Response.json({})),
      { status: 500, text: 'down' },
    ];
    await base.open();
    await base.clock.advance(23_000);
    expect(base.events).toMatchObject([{ type: 'heartbeat_failed', silentMs: 10_000 }]);
    await base.close();
  });

  it.each([404, 410])('end where the server says %d: the session is gone, told once', async (status) => {
    const { open, clock, beats, events, runtime, close } = setUp([ALIVE, { status }]);
    await open();
    await clock.advance(100_000);
    expect(beats()).toEqual([10_000, 20_000]);
    expect(events).toEqual([{ type: 'session_lost', sessionId: 's-1', status }]);
    expect(runtime.scopes.size).toBe(0);
    expect(clock.pending).toBe(0);
    await close();
  });

  it.each<readonly [string, Answer]>([
    ['404 of a missing route', { status: 404, body: { detail: 'Not Found' } }],
    ['405', { status: 405, body: { detail: 'Method Not Allowed' } }],
    ['501', { status: 501 }],
  ])('end where the server has none, which loses no session: %s', async (_, answer) => {
    const { open, clock, beats, events, close } = setUp([answer]);
    await open();
    await clock.advance(100_000);
    expect(beats()).toEqual([10_000]);
    expect(events).toEqual([{ type: 'heartbeat_unsupported', sessionId: 's-1' }]);
    await close();
  });

  it('take a missing route that was there before for a lost session', async () => {
    const missing = { status: 404, body: { detail: 'Not Found' } };
    const { open, clock, events, close } = setUp([ALIVE, missing]);
    await open();
    await clock.advance(100_000);
    expect(events).toEqual([{ type: 'session_lost', sessionId: 's-1', status: 404 }]);
    await close();
  });

  it('are not doubled by a waking during one that arrives', async () => {
    const base = setUp([]);
    base.script['session_heartbeat'] = [answerAfter(base.clock, 5_000, () => Response.json({}))];
    await base.open();
    await base.clock.advance(13_000);
    base.wake();
    await base.clock.advance(11_000);
    expect(base.beats()).toEqual([10_000]);
    await base.clock.advance(1_000);
    expect(base.beats()).toEqual([10_000, 25_000]);
    await base.close();
  });

  it('case 35: warn once a beat when the server has been silent for over two minutes', async () => {
    const { open, clock, events, close } = setUp([ALIVE, { status: 500, text: 'down' }]);
    await open();
    await clock.advance(130_000);
    const warnings = () => events.filter(({ type }) => type === 'session_silent');
    // The last answer came at 10 s; at 130 s it is just two minutes, not more.
    expect(warnings()).toEqual([]);
    await clock.advance(30_000);
    expect(warnings()).toEqual(
      [130_000, 140_000, 150_000].map((silentMs) => ({ type: 'session_silent', sessionId: 's-1', silentMs })),
    );
    await close();
  });

  it('are sent at once when the platform wakes, once for all that were missed', async () => {
    const base = setUp();
    await base.open();
    expect(base.wakeListeners).toBe(1);
    await base.clock.advance(14_000);
    // `visibilitychange`, `resume` and `online` come together.
    base.wake();
    base.wake();
    base.wake();
    await base.clock.advance(0);
    expect(base.beats()).toEqual([10_000, 14_000]);
    base.wake();
    await base.clock.advance(999);
    base.wake();
    expect(base.beats()).toHaveLength(2);
    await base.clock.advance(1);
    base.wake();
    await base.clock.advance(0);
    expect(base.beats()).toEqual([10_000, 14_000, 15_000]);
    await base.clock.advance(10_000);
    expect(base.beats()).toEqual([10_000, 14_000, 15_000, 25_000]);
    await base.close();
    expect(base.wakeListeners).toBe(0);
  });

  it('case 35: of a tab whose timers were held back for a minute are one, not six', async () => {
    const base = setUp();
    await base.open();
    await base.clock.advance(10_000);
    base.clock.freeze(60_000);
    await base.clock.advance(0);
    expect(base.beats()).toEqual([10_000, 70_000]);
    await base.clock.advance(9_999);
    expect(base.beats()).toHaveLength(2);
    await base.close();
  });

  it('follow at once where one was under way at the waking, and failed: it had fallen asleep', async () => {
    const base = setUp(['nothing', { status: 410 }]);
    await base.open();
    await base.clock.advance(15_000);
    base.wake();
    await base.clock.advance(4_999);
    expect(base.beats()).toEqual([10_000]);
    await base.clock.advance(1);
    expect(base.beats()).toEqual([10_000, 20_000]);
    expect(base.wakeListeners).toBe(0);
    await base.close();
  });

  it('end with the service while one is under way, and report nothing', async () => {
    const { open, clock, events, close } = setUp(['nothing']);
    await open();
    await clock.advance(12_000);
    await close();
    expect(events).toEqual([]);
  });
});
