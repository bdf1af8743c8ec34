import { describe, expect, it } from 'vitest';
import { isTinkerError } from '../../../src/kernel/errors.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { type Answer, type ScriptOptions, scriptedFetch } from '../../../src/testing/scripted-fetch.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { rejection, thrown } from '../../support/settled.ts';

const request = (path: string, init: RequestInit = {}): Request =>
  new Request(`https://tinker.test/base/api/v1/${path}`, init);
const post = (path: string, body: BodyInit, signal?: AbortSignal): Request =>
  request(path, { method: 'POST', body, ...(signal === undefined ? {} : { signal }) });

/** A script on a virtual clock. */
function timed(script: Record<string, readonly Answer[]>, options: ScriptOptions = {}) {
  const clock = createVirtualClock();
  return Object.assign(scriptedFetch(script, undefined, { clock, ...options }), { clock });
}

/** A request whose abort listeners are counted. */
function abortable(path: string) {
  const controller = new AbortController();
  const sent = request(path, { signal: controller.signal });
  return { controller, sent, listeners: countListeners(sent.signal) };
}

describe('the answers of a script', () => {
  it('come by path in order, the last one for ever', async () => {
    const { fetch } = scriptedFetch({
      a: [
        { status: 503, text: 'down' },
        { status: 200, body: { n: 1 } },
      ],
      b: [{ status: 201 }],
    });
    const seen: unknown[] = [];
    for (const path of ['a', 'b', 'a', 'a', 'b']) {
      const response = await fetch(request(path));
      seen.push([path, response.status, await response.text()]);
    }
    expect(seen).toEqual([
      ['a', 503, 'down'],
      ['b', 201, '{}'],
      ['a', 200, '{"n":1}'],
      ['a', 200, '{"n":1}'],
      ['b', 201, '{}'],
    ]);
  });

  it('are JSON with the headers they are given, and without a body where the status allows none', async () => {
    const { fetch } = scriptedFetch({
      a: [
        { status: 200, headers: { 'x-own': '1' } },
        { status: 200, text: 'plain', headers: { 'content-type': 'text/plain' } },
        ...[204, 205, 304].map((status) => ({ status, body: { lost: true } })),
      ],
    });
    const first = await fetch(request('a'));
    expect(Object.fromEntries(first.headers)).toEqual({
      'content-type': 'application/json',
      'x-own': '1',
    });
    expect((await fetch(request('a'))).headers.get('content-type')).toBe('text/plain');
    for (const status of [204, 205, 304]) {
      const response = await fetch(request('a'));
      expect([response.status, response.body]).toEqual([status, null]);
    }
  });

  it('may be code, which gets the request with its body unread', async () => {
    const { fetch } = scriptedFetch({
      a: [async (sent) => Response.json({ echo: await sent.json() }, { status: 418 })],
    });
    const response = await fetch(post('a', '{"x":[1]}'));
    expect([response.status, await response.json()]).toEqual([418, { echo: { x: [1] } }]);
  });

  it('may be a refused connection, as a platform tells of one', async () => {
    const { fetch } = scriptedFetch({ a: ['refused', { status: 200 }] });
    const error = (await rejection(fetch(request('a')))) as Error;
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe('fetch failed');
    expect(String(error.cause)).toContain('ECONNREFUSED');
    expect((await fetch(request('a'))).status).toBe(200);
  });

  it.each([
    ['an unknown path', 'other'],
    ['a path without answers', 'none'],
    ['a name of an object’s own things', 'constructor'],
  ])('are a 404 for %s, or the fallback’s', async (_, path) => {
    const plain = scriptedFetch({ none: [] });
    const missing = await plain.fetch(request(path));
    expect([missing.status, await missing.json()]).toEqual([404, { detail: 'Not Found' }]);
    const backed = scriptedFetch({ none: [] }, async (sent) => new Response(`for ${sent.method}`));
    expect(await (await backed.fetch(request(path))).text()).toBe('for GET');
    expect([plain.requests.length, backed.requests.length]).toEqual([1, 1]);
  });
});

describe('the requests of a script', () => {
  it('are remembered as they were sent', async () => {
    const { fetch, requests } = scriptedFetch({ 'models/x': [{ status: 200 }] });
    const body = Uint8Array.of(0, 255, 3);
    await fetch(request('models/x?limit=3', { headers: { 'X-Own': 'v' } }));
    await fetch(post('models/x', '{"a":{"b":1}}'));
    await fetch(post('models/x', body));
    await fetch(new Request('https://other.test/health', { method: 'POST', body: '"text"' }));
    expect(requests.map(({ method, path }) => [method, path])).toEqual([
      ['GET', 'models/x'],
      ['POST', 'models/x'],
      ['POST', 'models/x'],
      ['POST', '/health'],
    ]);
    expect(requests.map((seen) => seen.body)).toEqual([{}, { a: { b: 1 } }, {}, {}]);
    expect(requests[0]?.headers.get('x-own')).toBe('v');
    expect(requests[2]?.bytes).toEqual(body);
    expect([requests[0]?.bytes.length, requests[0]?.startedAt, requests[0]?.endedAt]).toEqual([
      0,
      undefined,
      undefined,
    ]);
  });

  it('are timed where there is a clock, whatever their end', async () => {
    const { clock, fetch, requests } = timed({
      slow: [{ status: 200, afterMs: 250 }],
      bad: ['refused'],
      held: ['nothing'],
    });
    const { controller, sent } = abortable('held');
    await clock.advance(1_000);
    const held = rejection(fetch(sent));
    const slow = fetch(request('slow'));
    await clock.advance(100);
    expect(requests.map(({ endedAt }) => endedAt)).toEqual([undefined, undefined]);
    await rejection(fetch(request('bad')));
    await clock.drive(slow);
    await clock.advance(50);
    controller.abort('enough');
    expect(await held).toBe('enough');
    expect(
      Object.fromEntries(requests.map(({ path, startedAt, endedAt }) => [path, [startedAt, endedAt]])),
    ).toEqual({ held: [1_000, 1_300], slow: [1_000, 1_250], bad: [1_100, 1_100] });
    expect(clock.pending).toBe(0);
  });

  it('are counted while they are under way, and at their most, in all and by path', async () => {
    const script = timed({ a: [{ status: 200, afterMs: 10 }], b: ['refused'] });
    const { clock } = script;
    const first = [script.fetch(request('a')), script.fetch(request('a'))];
    expect([script.inFlight, script.mostInFlight]).toEqual([2, 2]);
    const refused = rejection(script.fetch(request('b')));
    expect([script.inFlight, script.mostInFlight]).toEqual([3, 3]);
    await refused;
    expect(script.inFlight).toBe(2);
    await clock.drive(Promise.all(first));
    await clock.drive(script.fetch(request('a')));
    expect([script.inFlight, script.mostInFlight]).toEqual([0, 3]);
    expect(['a', 'b', 'c'].map((path) => script.mostInFlightTo(path))).toEqual([2, 1, 0]);
  });
});

describe('latency', () => {
  it('passes before an answer, its own or the script’s, and none where there is none', async () => {
    const { clock, fetch } = timed(
      {
        a: [
          { status: 200 },
          { status: 200, afterMs: 500 },
          { status: 200, afterMs: 0 },
          'refused',
          () => new Response(),
        ],
      },
      { latencyMs: 20 },
    );
    const times: number[] = [];
    for (let index = 0; index < 6; index++) {
      await clock.drive(fetch(request('a')).catch(() => {}));
      times.push(clock.monotonic());
    }
    expect(times).toEqual([20, 520, 520, 540, 560, 580]);
    await clock.drive(fetch(request('elsewhere')));
    expect(clock.monotonic()).toBe(600);
    const instant = timed({ a: [{ status: 200 }] });
    const answered = instant.fetch(request('a'));
    expect(instant.clock.pending).toBe(0);
    await answered;
    expect(instant.clock.pending).toBe(0);
  });

  it('of one request does not hold up another', async () => {
    const { clock, fetch } = timed({
      a: [
        { status: 200, text: 'slow', afterMs: 100 },
        { status: 200, text: 'fast', afterMs: 10 },
      ],
    });
    const order: string[] = [];
    const work = [1, 2].map(async () => {
      const response = await fetch(request('a'));
      order.push(`${await response.text()} ${clock.monotonic()}`);
    });
    await clock.drive(Promise.all(work));
    expect(order).toEqual(['fast 10', 'slow 100']);
  });

  it.each<readonly [string, Answer]>([
    ['latency', { status: 200, afterMs: 1_000 }],
    ['silence', 'nothing'],
  ])('ends with an abort, by its reason, and leaves nothing: %s', async (_, answer) => {
    const { clock, fetch, ...script } = timed({ a: [answer] }, { latencyMs: 5 });
    const { controller, sent, listeners } = abortable('a');
    const reason = new Error('enough');
    const work = rejection(fetch(sent));
    await clock.advance(4);
    expect(clock.pending).toBe(answer === 'nothing' ? 0 : 1);
    controller.abort(reason);
    expect(await work).toBe(reason);
    expect([clock.monotonic(), clock.pending, listeners.left]).toEqual([4, 0, 0]);
    expect(listeners.added).toBeGreaterThan(0);
    expect(script.requests[0]).toMatchObject({ startedAt: 0, endedAt: 4 });
  });

  it('leaves nothing behind when it has passed', async () => {
    const { clock, fetch } = timed({ a: [{ status: 200, afterMs: 10 }] });
    const { sent, listeners } = abortable('a');
    await clock.drive(fetch(sent));
    expect([clock.pending, listeners.added, listeners.left]).toEqual([0, 1, 0]);
  });

  it.each<readonly [string, Answer]>([
    ['an answer', { status: 200 }],
    ['latency', { status: 200, afterMs: 10 }],
    ['silence', 'nothing'],
    ['code', () => new Response()],
  ])('is not for a request that was aborted before: %s', async (_, answer) => {
    const { clock, fetch, requests } = timed({ a: [answer] });
    const { controller, sent } = abortable('a');
    controller.abort('before');
    expect(await rejection(fetch(sent))).toBe('before');
    expect([clock.pending, requests.length]).toEqual([0, 1]);
  });

  it.each<readonly [string, Record<string, readonly Answer[]>, ScriptOptions]>([
    ['clock', {}, { latencyMs: 20 }],
    ['clock', { a: [{ status: 200 }, { status: 200, afterMs: 1 }] }, {}],
    ['latencyMs', {}, { latencyMs: -1, clock: createVirtualClock() }],
    [
      'script.a[1].afterMs',
      { a: ['nothing', { status: 200, afterMs: Number.NaN }] },
      { clock: createVirtualClock() },
    ],
  ])('is refused if it cannot be right: %s', (field, script, options) => {
    const error = thrown(() => scriptedFetch(script, undefined, options));
    expect(isTinkerError(error, 'input_invalid') && error.field).toBe(field);
  });

  it('of zero needs no clock', async () => {
    const { fetch } = scriptedFetch({ a: [{ status: 200, afterMs: 0 }] }, undefined, { latencyMs: 0 });
    expect((await fetch(request('a'))).status).toBe(200);
  });
});
