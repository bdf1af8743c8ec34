import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/kernel/clock.ts';
import { TinkerApiError } from '../../../src/kernel/errors.ts';
import { pollFuture } from '../../../src/operations/polling/poll.ts';
import { resolveBreakerConfig } from '../../../src/policy/breaker.ts';
import { resolvePollPolicy } from '../../../src/policy/poll-policy.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { connectionBudget } from '../../../src/transport/connection-budget.ts';
import type { Pipeline } from '../../../src/transport/pipeline.ts';
import { answerAfter, testRuntime } from '../../support/runtime.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';

const DONE: Answer = { status: 200, body: { value: 7 } };
const PENDING: Answer = { status: 200, body: { type: 'try_again' } };
const unavailable: Answer = { status: 503, text: 'down' };

function setUp(
  answers: readonly Answer[] = [DONE],
  options: Parameters<typeof testRuntime>[1] = {},
  account: Parameters<typeof testRuntime>[2] = {},
  deadlineAt = Number.POSITIVE_INFINITY,
) {
  const script: { retrieve_future: readonly Answer[] } = { retrieve_future: answers };
  const base = testRuntime(script, options, account);
  const controller = new AbortController();
  const listeners = countListeners(controller.signal);
  const heard: unknown[] = [];
  const poll = (): Promise<unknown> =>
    pollFuture(
      base.runtime,
      { requestId: 'r-1', type: 'OptimStep' },
      { signal: controller.signal, deadlineAt },
      (what) => heard.push(what instanceof Error ? what.message : what),
    );
  const finish = (): void => {
    expect(base.clock.pending).toBe(0);
    expect(listeners.left).toBe(0);
  };
  return { ...base, script, controller, heard, poll, finish };
}

const repeat = (count: number, answer: Answer): Answer[] => Array.from({ length: count }, () => answer);

describe('a poll', () => {
  it('asks for the future by its id, and stops at the first result', async () => {
    const { poll, clock, requests, heard, finish } = setUp();
    expect(await clock.drive(poll())).toEqual({ value: 7 });
    expect(requests).toHaveLength(1);
    expect(requests[0]).toMatchObject({
      method: 'POST',
      path: 'retrieve_future',
      body: { request_id: 'r-1' },
    });
    expect(heard).toEqual([{ kind: 'done', body: { value: 7 } }]);
    finish();
  });
});

describe('pending answers', () => {
  it('case 1: long polls that end in 408 follow each other at once', async () => {
    const base = setUp();
    const held = answerAfter(base.clock, 5_000, () =>
      Response.json({ queue_state: 'Paused_Capacity', queue_state_reason: 'full' }, { status: 408 }),
    );
    base.script.retrieve_future = [held, held, held, DONE];
    expect(await base.clock.drive(base.poll())).toEqual({ value: 7 });
    expect(base.times).toEqual([0, 5_000, 10_000, 15_000]);
    const said = { kind: 'pending', queueState: 'paused_capacity', reason: 'full' };
    expect(base.heard.slice(0, 3)).toEqual([said, said, said]);
    base.finish();
  });

  it.each<readonly [string, Answer]>([
    ['408 with JSON', { status: 408, body: { queue_state: 'active' } }],
    ['408 with text', { status: 408, text: 'Request Timeout', headers: { 'content-type': 'text/plain' } }],
    ['408 with nothing', { status: 408, text: '' }],
    ['408 that must not be retried', { status: 408, text: '', headers: { 'x-should-retry': 'false' } }],
    ['try_again', PENDING],
    [
      'try_again in full',
      { status: 200, body: { type: 'try_again', request_id: 'r-1', queue_state: 'active' } },
    ],
    ['try_again with another 2xx', { status: 202, body: { type: 'try_again' } }],
  ])('go on: %s', async (_, answer) => {
    const { poll, clock, requests, heard, finish } = setUp([answer, DONE]);
    expect(await clock.drive(poll())).toEqual({ value: 7 });
    expect(requests).toHaveLength(2);
    expect(heard[0]).toMatchObject({ kind: 'pending' });
    finish();
  });

  it('are spaced where the server does not hold them', async () => {
    const { poll, clock, times, finish } = setUp([...repeat(8, PENDING), DONE]);
    await clock.drive(poll());
    expect(times).toEqual([0, 0, 0, 0, 50, 150, 350, 750, 1_550]);
    finish();
  });

  it('obey the body’s hint', async () => {
    const hinted: Answer = { status: 200, body: { type: 'try_again', retry_after_ms: 1_234 } };
    const { poll, clock, times, finish } = setUp([hinted, DONE]);
    await clock.drive(poll());
    expect(times).toEqual([0, 1_234]);
    finish();
  });

  it('of status 408 obey the header’s hint before the body’s', async () => {
    const body = { retry_after_ms: 100 };
    const answers: Answer[] = [
      { status: 408, body, headers: { 'retry-after': '3' } },
      { status: 408, body },
      DONE,
    ];
    const { poll, clock, times, finish } = setUp(answers);
    await clock.drive(poll());
    expect(times).toEqual([0, 3_000, 3_100]);
    finish();
  });

  it('go on at once where our own limit of 45 s ended the leg', async () => {
    const { poll, clock, times, finish } = setUp(['nothing', 'nothing', DONE]);
    expect(await clock.drive(poll())).toEqual({ value: 7 });
    expect(times).toEqual([0, 45_000, 90_000]);
    finish();
  });
});

describe('trouble', () => {
  it('case 2: endless 503 are asked at most 12 times in a minute', async () => {
    const { poll, clock, controller, times, finish } = setUp([unavailable]);
    const work = rejection(poll());
    await clock.advance(60_000);
    expect(times.slice(0, 9)).toEqual([0, 0, 0, 0, 500, 1_500, 3_500, 7_500, 15_500]);
    expect(times.length).toBeLessThanOrEqual(12);
    controller.abort('enough');
    expect(await work).toBe('enough');
    finish();
  });

  it('case 4: a 503 with Retry-After is followed after just that', async () => {
    const { poll, clock, times, finish } = setUp([{ status: 503, headers: { 'retry-after': '7' } }, DONE]);
    await clock.drive(poll());
    expect(times).toEqual([0, 7_000]);
    finish();
  });

  it('case 5: a pending answer starts the failures afresh', async () => {
    const series = repeat(5, unavailable);
    const { poll, clock, times, finish } = setUp([...series, PENDING, ...series, DONE]);
    await clock.drive(poll());
    expect(times).toEqual([0, 0, 0, 0, 500, 1_500, 1_500, 1_500, 1_500, 1_500, 2_000, 3_000]);
    finish();
  });

  it('obeys a hint in the body of any answer', async () => {
    for (const status of [408, 429, 503]) {
      const { poll, clock, times, finish } = setUp([{ status, body: { retry_after_ms: 4_000 } }, DONE]);
      await clock.drive(poll());
      expect(times).toEqual([0, 4_000]);
      finish();
    }
  });

  it.each<readonly [string, Answer, readonly number[]]>([
    ['429', { status: 429 }, [0, 500, 1_500, 3_500]],
    [
      '429 that must not be retried',
      { status: 429, headers: { 'x-should-retry': 'false' } },
      [0, 500, 1_500, 3_500],
    ],
    ['no connection', 'refused', [0, 500, 1_500, 3_500]],
    ['500 of a crashed server', { status: 500, text: 'Internal Server Error' }, [0, 0, 0, 0]],
    ['case 7: a proxy’s empty 400, three times', { status: 400, text: '' }, [0, 0, 0, 0]],
    ['529', { status: 529 }, [0, 0, 0, 0]],
  ])('is waited out: %s', async (_, answer, expected) => {
    const { poll, clock, times, heard, finish } = setUp([...repeat(3, answer), DONE]);
    expect(await clock.drive(poll())).toEqual({ value: 7 });
    expect(times).toEqual(expected);
    expect(heard).toHaveLength(4);
    expect(typeof heard[0]).toBe('string');
    finish();
  });

  it('obeys a 429’s hint', async () => {
    const { poll, clock, times, finish } = setUp([
      { status: 429, headers: { 'retry-after-ms': '20' } },
      DONE,
    ]);
    await clock.drive(poll());
    expect(times).toEqual([0, 20]);
    finish();
  });

  it('case 7: the fourth empty 400 of a future is the end, whatever came between', async () => {
    const empty: Answer = { status: 400, text: '' };
    const { poll, clock, requests, finish } = setUp([empty, empty, PENDING, empty, PENDING, empty, DONE]);
    expect(await driveToRejection(clock, poll())).toMatchObject({ code: 'http_status', status: 400 });
    expect(requests).toHaveLength(6);
    finish();
  });

  it('item 31: the same 500 ten times in a row is the end, and says so', async () => {
    const { poll, clock, requests, finish } = setUp([{ status: 500, text: 'Internal Server Error' }]);
    const error = await driveToRejection(clock, poll());
    expect(error).toMatchObject({ code: 'http_status', status: 500, attempts: 10, retryable: false });
    expect((error as Error).message).toContain('the same answer 10 times in a row');
    expect(requests).toHaveLength(10);
    finish();
  });

  it('item 31: an outage is waited out for half an hour at the least, but not for ever', async () => {
    const { poll, clock, requests, finish } = setUp([unavailable]);
    expect(await driveToRejection(clock, poll())).toMatchObject({ status: 503, code: 'http_status' });
    expect(clock.monotonic()).toBeGreaterThanOrEqual(1_800_000);
    expect(clock.monotonic()).toBeLessThan(1_830_000);
    expect(requests.length).toBeLessThanOrEqual(130);
    finish();
    const changing = setUp([
      ...repeat(110, unavailable),
      { status: 503, text: 'other' },
      ...repeat(110, unavailable),
      DONE,
    ]);
    expect(await changing.clock.drive(changing.poll())).toEqual({ value: 7 });
    changing.finish();
  });

  it('402: waits for the bill to be paid, five seconds at a time, and no longer than it is told', async () => {
    const bill: Answer = { status: 402, body: { detail: 'no credit' } };
    const paid = setUp([bill, bill, DONE]);
    expect(await paid.clock.drive(paid.poll())).toEqual({ value: 7 });
    expect(paid.times).toEqual([0, 5_000, 10_000]);
    expect(paid.events.map(({ type }) => type)).toEqual(['billing_paused']);
    paid.finish();
    const { poll, clock, times, finish } = setUp([bill], {}, { billingPauseMs: 12_000 });
    expect(await driveToRejection(clock, poll())).toMatchObject({ code: 'http_status', status: 402 });
    expect(times).toEqual([0, 5_000, 10_000, 15_000]);
    finish();
    const unpaid = setUp([bill], {}, { billingPauseMs: 0 });
    expect(await driveToRejection(unpaid.clock, unpaid.poll())).toMatchObject({ status: 402 });
    expect(unpaid.times).toEqual([0]);
    unpaid.finish();
  });

  it('is asked about at once for ever under the python policy, but for limits', async () => {
    const { poll, clock, times, finish } = setUp(
      [
        ...repeat(200, unavailable),
        'refused',
        'refused',
        { status: 429, headers: { 'retry-after': '9' } },
        DONE,
      ],
      { pollPolicy: resolvePollPolicy('pollPolicy', 'python') },
    );
    await clock.drive(poll());
    expect(times).toEqual([...new Array(201).fill(0), 1_000, 3_000, 7_000]);
    finish();
  });

  it('case 5: waits as long as a policy of one’s own says', async () => {
    const pollPolicy = resolvePollPolicy('pollPolicy', ({ status }) => (status === 503 ? 40 : 25));
    const { poll, clock, times, finish } = setUp([unavailable, { status: 408 }, DONE], { pollPolicy });
    await clock.drive(poll());
    expect(times).toEqual([0, 40, 65]);
    finish();
  });

  it('ends the operation where a policy of one’s own is wrong, or throws', async () => {
    const wrong = setUp([unavailable], { pollPolicy: resolvePollPolicy('pollPolicy', () => -1) });
    expect(await driveToRejection(wrong.clock, wrong.poll())).toMatchObject({
      code: 'input_invalid',
      field: 'pollPolicy()',
    });
    wrong.finish();
    const bug = new Error('mine');
    const throwing = setUp([unavailable], {
      pollPolicy: resolvePollPolicy('pollPolicy', () => {
        throw bug;
      }),
    });
    expect(await driveToRejection(throwing.clock, throwing.poll())).toBe(bug);
    throwing.finish();
  });

  it('is waited for no longer than to the deadline', async () => {
    const { poll, clock, times, finish } = setUp(
      [{ status: 503, headers: { 'retry-after': '7' } }, DONE],
      {},
      {},
      2_000,
    );
    await clock.drive(poll());
    expect(times).toEqual([0, 2_000]);
    finish();
  });

  it('takes a leg for over a moment after the deadline, so that the deadline’s own end comes first', async () => {
    const short = setUp(['nothing', DONE], {}, {}, 3_000);
    await short.clock.drive(short.poll());
    expect(short.times).toEqual([0, 3_010]);
    short.finish();
  });

  it('is no long poll for having waited for a connection', async () => {
    const quick = setUp([{ status: 408 }], {}, { connections: connectionBudget(6) });
    const held = answerAfter(quick.clock, 100, () => new Response('', { status: 408 }));
    quick.script.retrieve_future = [held];
    const polls = Array.from({ length: 60 }, () => quick.poll());
    await quick.clock.advance(600_000);
    // 47 each, as for one alone without jitter; taken for long polls they would be 400 each.
    expect(quick.requests.length).toBeLessThanOrEqual(60 * 47);
    quick.controller.abort('enough');
    await Promise.all(polls.map(rejection));
    quick.finish();
  });

  it('that is an unreadable body thrice in a row is the end', async () => {
    const cut: Answer = { status: 200, text: '{"metrics": ' };
    const once = setUp([cut, cut, PENDING, cut, cut, DONE]);
    expect(await once.clock.drive(once.poll())).toEqual({ value: 7 });
    once.finish();
    const { poll, clock, requests, finish } = setUp([cut]);
    expect(await driveToRejection(clock, poll())).toMatchObject({
      code: 'response_invalid',
      requestId: 'r-1',
      message:
        '/api/v1/retrieve_future answered 200 with malformed JSON. Something may have cut it on the way: try again',
    });
    expect(requests).toHaveLength(3);
    finish();
  });
});

describe('the circuit', () => {
  const breaker = resolveBreakerConfig('circuitBreaker', { failureThreshold: 3, resetMs: 20_000 });

  it('holds polls back while it is open, and gives no result up', async () => {
    const { poll, clock, times, finish } = setUp(
      [unavailable, unavailable, unavailable, DONE],
      {},
      { breaker },
    );
    expect(await clock.drive(poll())).toEqual({ value: 7 });
    expect(times).toEqual([0, 0, 0, 20_000]);
    finish();
  });

  it('closes again where its probe is held, so that others get their turn', async () => {
    const { runtime, script, clock, controller, finish } = setUp([], {}, { breaker });
    const scope = { signal: controller.signal, deadlineAt: Number.POSITIVE_INFINITY };
    const slow = pollFuture(runtime, { requestId: 'slow', type: 'OptimStep' }, scope, () => {});
    script.retrieve_future = [
      unavailable,
      unavailable,
      unavailable,
      async (request) => {
        const { request_id } = (await request.json()) as { request_id: string };
        if (request_id === 'fast') return Response.json({ value: 7 });
        return new Promise((_, reject) => {
          request.signal.addEventListener('abort', () => reject(request.signal.reason), { once: true });
        });
      },
    ];
    // Not in step with the ends of the legs, or it could slip in by chance.
    await clock.advance(30_300);
    expect(
      await clock.drive(pollFuture(runtime, { requestId: 'fast', type: 'OptimStep' }, scope, () => {})),
    ).toEqual({ value: 7 });
    expect(clock.monotonic()).toBeLessThan(70_000);
    controller.abort('enough');
    expect(await rejection(slow)).toBe('enough');
    finish();
  });

  it('item 31: does not keep a permanent 500 alive: its refusals are no answers', async () => {
    const { poll, clock, requests, finish } = setUp([{ status: 500, text: 'boom' }], {}, { breaker });
    expect(await driveToRejection(clock, poll())).toMatchObject({ status: 500, attempts: 10 });
    expect(requests).toHaveLength(10);
    finish();
  });

  it('does not take the end of our own legs for failures of a server that holds longer', async () => {
    const { poll, clock, times, events, finish } = setUp([...repeat(8, 'nothing'), DONE], {}, { breaker });
    expect(await clock.drive(poll())).toEqual({ value: 7 });
    expect(times).toEqual(Array.from({ length: 9 }, (_, i) => i * 45_000));
    expect(events).toEqual([]);
    finish();
  });
});

describe('what is shared by all polls of an account', () => {
  it('is a 429’s hint: others hold their next poll back, too', async () => {
    const limited: Answer = { status: 429, headers: { 'retry-after': '9' } };
    const { runtime, script, clock, times, controller } = setUp([]);
    script.retrieve_future = [limited, DONE];
    const scope = { signal: controller.signal, deadlineAt: Number.POSITIVE_INFINITY };
    const first = pollFuture(runtime, { requestId: 'r-1', type: 'OptimStep' }, scope, () => {});
    await clock.advance(1_000);
    const second = pollFuture(runtime, { requestId: 'r-2', type: 'OptimStep' }, scope, () => {});
    await clock.drive(Promise.all([first, second]));
    expect(times).toEqual([0, 9_000, 9_000]);
    expect(clock.pending).toBe(0);
  });
});

describe('the end', () => {
  it.each<readonly [string, Answer, object]>([
    [
      'an error in a 200',
      { status: 200, body: { error: 'no such loss', category: 'user' } },
      {
        code: 'operation_failed',
        category: 'user',
        message:
          'OptimStep failed on the server: no such loss. Correct what the server names, and submit it anew',
        requestId: 'r-1',
      },
    ],
    [
      'an error of unknown category',
      { status: 200, body: { error: 'oh' } },
      {
        code: 'operation_failed',
        category: 'server',
        message: 'OptimStep failed on the server: oh. It may succeed when it is submitted anew',
        requestId: 'r-1',
      },
    ],
    [
      'an error without words',
      { status: 200, body: { error: '' } },
      {
        code: 'operation_failed',
        category: 'server',
        message:
          'OptimStep failed on the server, which does not say why. It may succeed when it is submitted anew',
        requestId: 'r-1',
      },
    ],
    [
      'a 400 with words',
      { status: 400, body: { detail: 'bad tensor' } },
      {
        code: 'operation_failed',
        category: 'user',
        message:
          'OptimStep failed on the server: bad tensor. Correct what the server names, and submit it anew',
        requestId: 'r-1',
      },
    ],
    [
      'a 410',
      { status: 410, body: { detail: 'promise expired' } },
      {
        code: 'result_expired',
        category: 'expired',
        message:
          'The result of OptimStep is gone: promise expired. The server may have carried it out, and to submit it anew would do it twice: load the last checkpoint first',
        retryable: false,
        requestId: 'r-1',
      },
    ],
    [
      'a 410 without words',
      { status: 410, text: '' },
      {
        message:
          'The result of OptimStep is gone: expired. The server may have carried it out, and to submit it anew would do it twice: load the last checkpoint first',
      },
    ],
    ['a 401', { status: 401 }, { code: 'http_status', status: 401, requestId: 'r-1' }],
    ['a 403', { status: 403 }, { code: 'http_status', status: 403 }],
    ['a 404', { status: 404, body: { detail: 'unknown future' } }, { code: 'http_status', status: 404 }],
    ['a 409', { status: 409 }, { code: 'http_status', status: 409 }],
    ['a 422', { status: 422 }, { code: 'http_status', status: 422 }],
    [
      'a 500 that must not be retried',
      { status: 500, headers: { 'x-should-retry': 'false' } },
      { code: 'http_status', status: 500 },
    ],
    [
      'another server’s page',
      { status: 200, text: '<html>', headers: { 'content-type': 'text/html' } },
      { code: 'response_invalid', requestId: 'r-1' },
    ],
  ])('is %s, at once', async (_, answer, expected) => {
    const { poll, clock, requests, finish } = setUp([answer, DONE]);
    expect(await driveToRejection(clock, poll())).toMatchObject(expected);
    expect(requests).toHaveLength(1);
    finish();
  });

  it('keeps the answer that told it', async () => {
    const { poll, clock, finish } = setUp([{ status: 410, body: { detail: 'x' } }]);
    const error = (await driveToRejection(clock, poll())) as Error;
    expect((error.cause as TinkerApiError).status).toBe(410);
    finish();
  });

  it.each<readonly [string, Answer, number]>([
    ['a pause', unavailable, 1],
    ['a pause of no time', PENDING, 0],
    ['a leg', 'nothing', 0],
  ])('is the caller’s abort during %s, with the same reason', async (_, answer, ms) => {
    const { poll, clock, controller, finish } = setUp([answer]);
    const work = rejection(poll());
    await clock.advance(ms);
    const reason = { why: 'enough' };
    controller.abort(reason);
    expect(await work).toBe(reason);
    finish();
  });

  it.each([
    ['a 410 of another operation', new TinkerApiError(410, 'gone', { body: { detail: 'other' } })],
    ['a 400 of another operation', new TinkerApiError(400, 'bad', { body: { detail: 'other' } })],
    ['a retryable error of another operation', new TinkerApiError(503, 'down', { retryable: true })],
  ])('is the caller’s abort, even where its reason is %s', async (_, reason) => {
    const { poll, clock, controller, heard, finish } = setUp(['nothing']);
    const work = rejection(poll());
    await clock.advance(10);
    controller.abort(reason);
    expect(await work).toBe(reason);
    expect(heard).toEqual([]);
    finish();
  });

  it.each(['adaptive', 'python'] as const)(
    'can come between answers that never leave the process, under the %s policy',
    async (policy) => {
      // Every answer is a long poll's by the clock, so no pause is due; without a macrotask between them all the same,
      // neither timer nor abort would get its turn before the thousandth.
      const { runtime, controller } = setUp();
      let now = 0;
      let polls = 0;
      const clock: Clock = {
        now: () => now,
        monotonic: () => now,
        schedule(callback) {
          const id = setImmediate(callback);
          return () => clearImmediate(id);
        },
      };
      const pipeline: Pipeline = {
        send: async () => {
          now += 5_000;
          polls += 1;
          return polls < 1_000 ? { type: 'try_again' } : { value: 7 };
        },
      };
      setImmediate(() => controller.abort('enough'));
      const scope = { signal: controller.signal, deadlineAt: Number.POSITIVE_INFINITY };
      const pollPolicy = resolvePollPolicy('pollPolicy', policy);
      const work = pollFuture(
        { ...runtime, clock, pipeline, pollPolicy },
        { requestId: 'r-1', type: 'Sample' },
        scope,
        () => {},
      );
      expect(await rejection(work)).toBe('enough');
      expect(polls).toBeLessThan(10);
    },
  );
});
