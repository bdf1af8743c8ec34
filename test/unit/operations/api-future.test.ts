import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isTinkerError, TinkerResponseError } from '../../../src/kernel/errors.ts';
import { type ApiFuture, startOperation } from '../../../src/operations/api-future.ts';
import type { FutureEvent } from '../../../src/operations/operation-view.ts';
import { sendResilient } from '../../../src/operations/runtime.ts';
import type { CallOptions } from '../../../src/operations/scope.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { readSubmitted } from '../../../src/wire/json/futures.ts';
import { answerAfter, testRuntime } from '../../support/runtime.ts';
import { driveToRejection, rejection, thrown } from '../../support/settled.ts';

const ACCEPTED: Answer = { status: 200, body: { request_id: 'r-1' } };
const DONE: Answer = { status: 200, body: { value: 7 } };

let unhandled: unknown[] = [];
const count = (reason: unknown): void => {
  unhandled.push(reason);
};
beforeEach(() => {
  unhandled = [];
  process.on('unhandledRejection', count);
});
afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', count);
  expect(unhandled).toEqual([]);
});

function setUp(polls: readonly Answer[] = [DONE], submits: readonly Answer[] = [ACCEPTED]) {
  const script: Record<string, readonly Answer[]> = { thing: submits, retrieve_future: polls };
  const base = testRuntime(script);
  const observed: unknown[] = [];
  const controller = new AbortController();
  const listeners = countListeners(controller.signal);
  const start = (options?: CallOptions, decode?: (body: unknown) => unknown): ApiFuture<unknown> =>
    startOperation(
      base.runtime,
      {
        path: '/api/v1/thing',
        type: 'Sample',
        observer: { heard: (...heard) => observed.push(heard) },
        submit: async (scope) => [
          readSubmitted(
            await sendResilient(base.runtime, {
              method: 'POST',
              path: '/api/v1/thing',
              lane: 'rest',
              body: {},
              scope,
            }),
          ),
        ],
        decode: ([body]) => (decode ?? ((result) => (result as { value: unknown }).value))(body),
      },
      options,
    );
  const finish = (): void => {
    expect(base.runtime.scopes.size).toBe(0);
    expect(base.clock.pending).toBe(0);
    expect(listeners.left).toBe(0);
  };
  return { ...base, script, observed, controller, listeners, start, finish };
}

/** All events of a future, once it has ended. */
async function read(events: AsyncIterable<FutureEvent>): Promise<FutureEvent[]> {
  const seen: FutureEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

describe('an operation', () => {
  it('is awaited like its result', async () => {
    const { start, clock, finish } = setUp();
    const future = start();
    expect(await clock.drive(future)).toBe(7);
    expect(await future).toBe(7);
    expect(await future.result()).toBe(7);
    expect(future.result()).toBeInstanceOf(Promise);
    finish();
  });

  it('rejects like its failure, for everyone who asks', async () => {
    const { start, clock, finish } = setUp([{ status: 200, body: { error: 'no', category: 'user' } }]);
    const future = start();
    const error = await driveToRejection(clock, future);
    expect(isTinkerError(error, 'operation_failed')).toBe(true);
    expect(await rejection(future.result())).toBe(error);
    expect(await rejection(future)).toBe(error);
    finish();
  });

  it('goes on although nobody awaits it, and harms nothing when it fails', async () => {
    const { start, clock, requests, finish } = setUp([{ status: 404 }]);
    const future = start();
    await clock.advance(0);
    expect(requests.map(({ path }) => path)).toEqual(['thing', 'retrieve_future']);
    expect(future.status).toBe('failed');
    finish();
  });

  it('refuses a limit that cannot be, before anything is sent', () => {
    const { start, requests, finish } = setUp();
    expect(thrown(() => start({ timeoutMs: 0 }))).toMatchObject({ code: 'input_invalid' });
    expect(requests).toEqual([]);
    finish();
  });

  it('fails where its result cannot be read', async () => {
    const { start, clock, finish } = setUp();
    const error = new TinkerResponseError('not a number');
    const future = start(undefined, () => {
      throw error;
    });
    expect(await driveToRejection(clock, future)).toMatchObject({
      code: 'response_invalid',
      requestId: 'r-1',
      message:
        'Sample gave a result that cannot be read: not a number. Do server and client speak versions of the protocol that go together?',
      cause: error,
    });
    expect(future.status).toBe('failed');
    finish();
  });
});

describe('what is known of an operation', () => {
  it('follows its life', async () => {
    const base = setUp();
    const { clock, observed } = base;
    const answer = (body: object) => answerAfter(clock, 2_000, () => Response.json(body));
    base.script['thing'] = [answer({ request_id: 'r-1' })];
    base.script['retrieve_future'] = [
      answer({ type: 'try_again', queue_state: 'paused_capacity', queue_state_reason: 'full' }),
      answer({ type: 'try_again', queue_state: 'paused_capacity', queue_state_reason: 'full' }),
      answer({ type: 'try_again', queue_state: 'paused_capacity', queue_state_reason: 'fuller' }),
      answer({ type: 'try_again', queue_state: 'active' }),
      answer({ type: 'try_again' }),
      answer({ value: 7 }),
    ];
    const future = base.start();
    const watched = read(future.events());
    const life: unknown[] = [];
    const look = (): void => {
      const { requestId, status, queueState, reason, elapsedMs } = future;
      life.push([elapsedMs, requestId, status, queueState, reason]);
    };
    look();
    for (let i = 0; i < 7; i++) {
      await clock.advance(2_000);
      look();
    }
    expect(life).toEqual([
      [0, undefined, 'submitting', undefined, undefined],
      [2_000, 'r-1', 'queued', undefined, undefined],
      [4_000, 'r-1', 'paused', 'paused_capacity', 'full'],
      [6_000, 'r-1', 'paused', 'paused_capacity', 'full'],
      [8_000, 'r-1', 'paused', 'paused_capacity', 'fuller'],
      [10_000, 'r-1', 'running', 'active', undefined],
      [12_000, 'r-1', 'running', 'active', undefined],
      [14_000, 'r-1', 'done', 'active', undefined],
    ]);
    // Case 12: told once per changed state or reason.
    expect(await watched).toEqual([
      { type: 'status', status: 'submitting' },
      { type: 'status', status: 'queued' },
      { type: 'status', status: 'paused' },
      { type: 'queue_state', queueState: 'paused_capacity', reason: 'full' },
      { type: 'queue_state', queueState: 'paused_capacity', reason: 'fuller' },
      { type: 'status', status: 'running' },
      { type: 'queue_state', queueState: 'active', reason: undefined },
      { type: 'status', status: 'done' },
    ]);
    expect(observed).toEqual([
      ['r-1', 'paused_capacity', 'full'],
      ['r-1', 'paused_capacity', 'full'],
      ['r-1', 'paused_capacity', 'fuller'],
      ['r-1', 'active', undefined],
    ]);
    await clock.advance(5_000);
    expect(future.elapsedMs).toBe(14_000);
    base.finish();
  });

  it('has the last trouble as its reason, until better news', async () => {
    const base = setUp();
    const { clock } = base;
    base.script['retrieve_future'] = [
      { status: 503, text: 'down', headers: { 'retry-after': '5' } },
      answerAfter(clock, 2_000, () => Response.json({ type: 'try_again' })),
      DONE,
    ];
    const future = base.start();
    await clock.advance(0);
    expect(future.reason).toBe('/api/v1/retrieve_future answered 503: down');
    expect(future.status).toBe('queued');
    await clock.advance(6_999);
    expect(future.reason).toBe('/api/v1/retrieve_future answered 503: down');
    await clock.advance(1);
    expect(future.reason).toBeUndefined();
    await future;
    base.finish();
  });
});

describe('its events', () => {
  it('begin with the present status for each reader, and end with the operation', async () => {
    const base = setUp();
    base.script['retrieve_future'] = [
      { status: 503, text: 'down' },
      answerAfter(base.clock, 2_000, () => Response.json({ value: 7 })),
    ];
    const future = base.start();
    const early = read(future.events());
    await base.clock.advance(1_000);
    const late = read(future.events());
    await base.clock.drive(future);
    const done = { type: 'status', status: 'done' };
    expect(await early).toEqual([
      { type: 'status', status: 'submitting' },
      { type: 'status', status: 'queued' },
      { type: 'trouble', message: '/api/v1/retrieve_future answered 503: down' },
      done,
    ]);
    expect(await late).toEqual([{ type: 'status', status: 'queued' }, done]);
    expect(await read(future.events())).toEqual([done]);
    base.finish();
  });

  it('stop at a break, which leaves the operation and other readers alone', async () => {
    const base = setUp();
    base.script['retrieve_future'] = [answerAfter(base.clock, 2_000, () => Response.json({ value: 7 }))];
    const future = base.start();
    const other = read(future.events());
    for await (const event of future.events()) {
      expect(event).toEqual({ type: 'status', status: 'submitting' });
      break;
    }
    expect(await base.clock.drive(future)).toBe(7);
    expect(await other).toHaveLength(3);
    base.finish();
  });

  it('are kept for a reader that does not come, 256 at most, and it is told how many it missed', async () => {
    const base = setUp();
    base.script['retrieve_future'] = [
      ...Array.from({ length: 1_000 }, (_, i) => ({ status: 503, text: `down ${i}` })),
      DONE,
    ];
    const future = base.start();
    const events = future.events();
    await base.clock.drive(future);
    const seen = await read(events);
    // In all: submitting, queued, a thousand troubles, done.
    expect(seen[0]).toEqual({ type: 'dropped', count: 1_003 - 256 });
    expect(seen).toHaveLength(257);
    expect(seen.at(-1)).toEqual({ type: 'status', status: 'done' });
    expect(seen[1]).toEqual({ type: 'trouble', message: '/api/v1/retrieve_future answered 503: down 745' });
    base.finish();
  });
});

describe('the failure of an operation', () => {
  it('is told, whether anybody awaits it or not', async () => {
    const { start, clock, events, finish } = setUp([
      { status: 200, body: { error: 'no', category: 'user' } },
    ]);
    expect(start().status).toBe('submitting');
    await clock.advance(0);
    expect(events).toEqual([
      {
        type: 'operation_failed',
        path: '/api/v1/thing',
        requestId: 'r-1',
        code: 'operation_failed',
        message: 'Sample failed on the server: no. Correct what the server names, and submit it anew',
      },
    ]);
    finish();
  });

  it('is told of a time-out and of a bug, but not where the caller ended it', async () => {
    const { start, clock, controller, events, runtime, finish } = setUp(['nothing']);
    const ends = [start({ timeoutMs: 1_000 }), start({ signal: controller.signal }), start({})].map(
      (future) => rejection(future),
    );
    await clock.advance(1_000);
    controller.abort('enough');
    await Promise.all(ends.slice(0, 2));
    expect(events).toMatchObject([{ type: 'operation_failed', code: 'timed_out' }]);
    const bug = setUp();
    const broken = bug.start({}, () => {
      throw new Error('mine');
    });
    await bug.clock.advance(0);
    expect(broken.status).toBe('failed');
    expect(bug.events).toMatchObject([{ type: 'operation_failed', code: 'unknown', message: 'mine' }]);
    await runtime.scopes.close('shut');
    await Promise.all(ends);
    expect(events).toHaveLength(1);
    finish();
  });

  it('by time-out says what is known: the last status, how often it was asked, whether it may go on', async () => {
    const polled = setUp([{ status: 408 }]);
    const last = await driveToRejection(polled.clock, polled.start({ timeoutMs: 10 }));
    // Case 3: the last status is there, not just the time.
    expect(last).toMatchObject({
      code: 'timed_out',
      scope: 'operation',
      requestId: 'r-1',
      lastStatus: 408,
      polls: 4,
      mayContinue: true,
    });
    const sent = polled.requests.length;
    await polled.clock.advance(60_000);
    expect(polled.requests).toHaveLength(sent);
    const refused = setUp([DONE], ['refused']);
    expect(await driveToRejection(refused.clock, refused.start({ timeoutMs: 2_000 }))).toMatchObject({
      requestId: undefined,
      lastStatus: undefined,
      polls: 0,
      mayContinue: false,
    });
    polled.finish();
    refused.finish();
  });
});

describe('a lost result', () => {
  it('is the end, unless the operation may be submitted anew', async () => {
    const { start, clock, requests, finish } = setUp([{ status: 410 }]);
    expect(await driveToRejection(clock, start())).toMatchObject({ code: 'result_expired' });
    expect(requests).toHaveLength(2);
    finish();
  });
});

describe('a submission that was carried out already', () => {
  it('brings its result along, and is not polled', async () => {
    const { runtime, requests, clock, finish } = setUp();
    const future = startOperation(runtime, {
      path: '/api/v1/thing',
      type: 'SaveWeights',
      submit: async () => [{ settled: { value: 9 } }],
      decode: ([body]) => (body as { value: number }).value,
    });
    expect(await clock.drive(future)).toBe(9);
    expect([future.requestId, future.status, requests.length]).toEqual([undefined, 'done', 0]);
    finish();
  });
});

describe('a wait of its own', () => {
  it('times out and leaves the operation running', async () => {
    const base = setUp();
    const { clock, start, runtime } = base;
    base.script['retrieve_future'] = [answerAfter(clock, 5_000, () => Response.json({ value: 7 }))];
    const future = start();
    const wait = rejection(future.result({ timeoutMs: 1_000 }));
    await clock.advance(1_000);
    expect(await wait).toMatchObject({
      code: 'timed_out',
      scope: 'wait',
      limitMs: 1_000,
      message:
        'No result within 1000 ms (wait); request r-1, queued. The operation goes on: call result() again, or cancel() it',
    });
    expect(future.status).toBe('queued');
    expect(runtime.scopes.size).toBe(1);
    expect(await clock.drive(future.result({ timeoutMs: 10_000 }))).toBe(7);
    base.finish();
  });

  it('is aborted by its signal, and leaves the operation running', async () => {
    const base = setUp();
    const { clock, controller, start } = base;
    base.script['retrieve_future'] = [answerAfter(clock, 5_000, () => Response.json({ value: 7 }))];
    const future = start();
    const wait = rejection(future.result({ signal: controller.signal, timeoutMs: 9_000 }));
    await clock.advance(10);
    const reason = { why: 'enough' };
    controller.abort(reason);
    expect(await wait).toBe(reason);
    expect(await rejection(future.result({ signal: controller.signal }))).toBe(reason);
    expect(await clock.drive(future)).toBe(7);
    base.finish();
  });

  it('settles with the operation, and leaves neither timer nor listener', async () => {
    const { start, clock, controller, finish } = setUp();
    const future = start();
    const waits = [
      future.result({ timeoutMs: 5_000 }),
      future.result({ signal: controller.signal }),
      future.result({ signal: controller.signal, timeoutMs: 5_000 }),
    ];
    expect(await clock.drive(Promise.all(waits))).toEqual([7, 7, 7]);
    expect(clock.monotonic()).toBe(0);
    finish();
  });

  it('of no time looks whether the result is there', async () => {
    const base = setUp();
    const { start, clock, finish } = base;
    base.script['retrieve_future'] = [answerAfter(clock, 5_000, () => Response.json({ value: 7 }))];
    const future = start();
    expect(await driveToRejection(clock, future.result({ timeoutMs: 0 }))).toMatchObject({ scope: 'wait' });
    await clock.drive(future);
    expect(await future.result({ timeoutMs: 0 })).toBe(7);
    finish();
  });

  it.each([Number.NaN, -1, '5'])('of %s is refused', async (timeoutMs) => {
    const { start, clock, finish } = setUp();
    const future = start();
    const error = await rejection(future.result({ timeoutMs: timeoutMs as number }));
    expect(error).toMatchObject({ code: 'input_invalid' });
    expect((error as Error).message).toMatch(/^"timeoutMs" must be a finite number >= 0, got /);
    await clock.drive(future);
    finish();
  });
});

describe('the end of an operation', () => {
  it('comes with the caller’s abort', async () => {
    const { start, clock, controller, requests, finish } = setUp(['nothing']);
    const future = start({ signal: controller.signal, timeoutMs: 1e6 });
    const ended = rejection(future);
    await clock.advance(10);
    const reason = { why: 'enough' };
    controller.abort(reason);
    expect(await ended).toBe(reason);
    expect(future.status).toBe('failed');
    await clock.advance(60_000);
    expect(requests).toHaveLength(2);
    finish();
  });

  it('comes with its limit, saying what it last heard', async () => {
    const { start, clock, finish } = setUp([{ status: 503, headers: { 'retry-after': '7' }, text: 'down' }]);
    const future = start({ timeoutMs: 2_000 });
    const error = await driveToRejection(clock, future);
    expect(error).toMatchObject({
      scope: 'operation',
      message:
        'No result within 2000 ms (operation); request r-1, queued: /api/v1/retrieve_future answered 503: down. The server may carry it out nevertheless; resume its handle to read the result, or give it a longer timeoutMs',
    });
    expect(clock.monotonic()).toBe(2_000);
    finish();
  });

  it('comes with its limit also before the server accepted it', async () => {
    const { start, clock, finish } = setUp([], ['nothing']);
    const error = await driveToRejection(clock, start({ timeoutMs: 2_000 }));
    expect((error as Error).message).toBe(
      'No result within 2000 ms (operation); not accepted yet, submitting. Give it a longer timeoutMs',
    );
    finish();
  });

  it('comes with cancel, with a reason or the platform’s kind of one', async () => {
    for (const reason of [new Error('enough'), 'text']) {
      const { start, clock, finish } = setUp(['nothing']);
      const future = start();
      const ended = rejection(future);
      await clock.advance(10);
      future.cancel(reason);
      expect(await ended).toBe(reason);
      finish();
    }
    const { start, finish } = setUp(['nothing']);
    const future = start();
    future.cancel();
    expect(await rejection(future)).toMatchObject({ name: 'AbortError' });
    expect(future.status).toBe('failed');
    finish();
  });

  it('is not changed by a cancel that comes after it', async () => {
    const { start, clock, finish } = setUp();
    const future = start();
    await clock.drive(future);
    future.cancel();
    expect(future.status).toBe('done');
    expect(await future).toBe(7);
    finish();
  });

  it('comes with close, for the ones that run and the ones that come', async () => {
    const { start, clock, runtime, finish } = setUp(['nothing']);
    const running = start();
    const ended = rejection(running);
    await clock.advance(10);
    await runtime.scopes.close('shut');
    expect(await ended).toBe('shut');
    const late = start();
    expect(await rejection(late)).toBe('shut');
    expect(late.status).toBe('failed');
    finish();
  });
});

describe('a future', () => {
  it('has methods that can be taken off it', async () => {
    const { start, clock, finish } = setUp(['nothing']);
    const future = start();
    const { cancel, result, toJSON, events } = future;
    await clock.advance(10);
    expect(toJSON().requestIds).toEqual(['r-1']);
    const watched = read(events());
    const ended = rejection(result());
    cancel('enough');
    expect(await ended).toBe('enough');
    expect((await watched).at(-1)).toEqual({ type: 'status', status: 'failed' });
    finish();
  });

  it('can be read and awaited through what wraps objects, as the state of a page does', async () => {
    const { start, clock, finish } = setUp();
    const wrap = <T extends object>(target: T): T =>
      new Proxy(target, {
        get(object, key, receiver) {
          const value = Reflect.get(object, key, receiver) as unknown;
          return typeof value === 'object' && value !== null ? wrap(value) : value;
        },
      });
    const future = wrap(start());
    expect(future.status).toBe('submitting');
    expect(await clock.drive(future.result())).toBe(7);
    expect(await future).toBe(7);
    expect([future.status, future.requestId, future.elapsedMs]).toEqual(['done', 'r-1', 0]);
    finish();
  });

  it('shows nothing of the client it belongs to, and is not copied in silence', async () => {
    const { start, clock, finish } = setUp();
    const future = start();
    await clock.drive(future);
    expect(inspect(future, { depth: 9 })).not.toMatch(/runtime|apiKey|tml-/);
    expect(() => structuredClone(future)).toThrow(/could not be cloned/);
    finish();
  });
});
