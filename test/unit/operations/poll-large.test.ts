import { describe, expect, it } from 'vitest';
import { TinkerApiError } from '../../../src/kernel/errors.ts';
import { pollFuture } from '../../../src/operations/polling/poll.ts';
import type { RequestType } from '../../../src/operations/polling/poll-request.ts';
import type { Runtime } from '../../../src/operations/runtime.ts';
import { resolvePollPolicy } from '../../../src/policy/poll-policy.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { type TestServerSettings, testRuntime } from '../../support/runtime.ts';
import { rejection } from '../../support/settled.ts';

const DONE: Answer = { status: 200, body: { value: 7 } };
const announced = (...[bytes]: readonly unknown[]): Answer => ({
  status: 200,
  body: { status: 'complete_metadata', response_payload_size: bytes },
});
const PENDING: Answer = { status: 408, body: { type: 'try_again', queue_state: 'active' } };
const BUDGET = { responseBytes: 100 };

function setUp(
  answers: readonly Answer[],
  {
    isLarge = true,
    submittedMs = undefined as number | undefined,
    type = 'ForwardBackward' as RequestType,
    settings = { config: BUDGET } as TestServerSettings,
    options = {} as Partial<Runtime>,
  } = {},
) {
  const base = testRuntime({ retrieve_future: answers }, options, {}, settings);
  const controller = new AbortController();
  const listeners = countListeners(controller.signal);
  const { responseBytes } = base.runtime.account;
  let polls = 0;
  const poll = (deadlineAt = Number.POSITIVE_INFINITY): Promise<unknown> =>
    pollFuture(
      base.runtime,
      { requestId: `r-${++polls}`, type, isLarge, submittedMs },
      { signal: controller.signal, deadlineAt },
      () => {},
    );
  return {
    ...base,
    controller,
    responseBytes,
    poll,
    bodies: () => base.requests.map(({ body }) => body),
    headers: (name: string) => base.requests.map(({ headers }) => headers.get(name)),
    finish() {
      expect([base.clock.pending, listeners.left, responseBytes.used, responseBytes.waiting]).toEqual([
        0, 0, 0, 0,
      ]);
    },
  };
}

describe('a large result', () => {
  it('is announced first, and then asked for without the wish for that (protocol 3.4)', async () => {
    const { poll, bodies, clock, finish } = setUp([PENDING, announced(60), PENDING, PENDING, DONE]);
    expect(await clock.drive(poll())).toEqual({ value: 7 });
    expect(bodies()).toEqual([
      { request_id: 'r-1', allow_metadata_only: true },
      { request_id: 'r-1', allow_metadata_only: true },
      { request_id: 'r-1' },
      { request_id: 'r-1' },
      { request_id: 'r-1' },
    ]);
    finish();
  });

  it.each<readonly [string, Parameters<typeof setUp>[1]]>([
    ['on a server that may not know the field (item 32)', { settings: {} }],
    ['for an operation whose result is small', { isLarge: false }],
  ])('is not asked to be announced %s', async (_, options) => {
    const { poll, bodies, clock, finish } = setUp([DONE], options);
    await clock.drive(poll());
    expect(bodies()).toEqual([{ request_id: 'r-1' }]);
    finish();
  });

  it('holds its bytes until it is there, and keeps others waiting for theirs', async () => {
    const doneAfter = (afterMs: number): Answer => ({ ...(DONE as object), afterMs }) as Answer;
    const { poll, responseBytes, requests, clock, finish } = setUp([
      announced(60),
      announced(60),
      announced(60),
      doneAfter(100),
      doneAfter(200),
      doneAfter(100),
    ]);
    const all = Promise.all([poll(), poll(), poll()]);
    await clock.advance(10);
    // Two are let in, for the balance may be overdrawn once; the third is announced, and waits.
    expect([requests.length, responseBytes.used, responseBytes.waiting]).toEqual([5, 120, 1]);
    await clock.advance(100);
    expect([requests.length, responseBytes.used, responseBytes.waiting]).toEqual([6, 120, 0]);
    await clock.drive(all);
    finish();
  });

  it.each<readonly [unknown, number]>([
    [101, 101],
    [0, 0],
    [undefined, 0],
    [-5, 0],
    [1.5, 0],
    ['60', 0],
    [null, 0],
    [2 ** 53, 0],
  ])('that is announced with a size of %s holds %d bytes', async (size, held) => {
    let used = -1;
    const { poll, responseBytes, clock, finish } = setUp([
      announced(size),
      () => {
        used = responseBytes.used;
        return Response.json({ value: 7 });
      },
    ]);
    expect(await clock.drive(poll())).toEqual({ value: 7 });
    expect(used).toBe(held);
    finish();
  });

  it('that is announced twice cannot be had, and gives its bytes back', async () => {
    const { poll, requests, clock, finish } = setUp([announced(60), PENDING, announced(60)]);
    const error = await clock.drive(rejection(poll()));
    expect(error).toMatchObject({ code: 'response_invalid', requestId: 'r-1', retryable: false });
    expect((error as Error).message).toContain('announced the result again');
    expect(requests).toHaveLength(3);
    finish();
  });

  it.each<readonly [string, Answer, object]>([
    [
      'the operation failed',
      { status: 200, body: { error: 'no', category: 'user' } },
      { code: 'operation_failed' },
    ],
    ['the result is gone', { status: 410 }, { code: 'result_expired' }],
    ['the server refuses', { status: 404 }, { code: 'http_status', status: 404 }],
    [
      'the operation failed, by status',
      { status: 400, body: { detail: 'no' } },
      { code: 'operation_failed' },
    ],
    [
      'the server is another',
      { status: 200, text: '<p>', headers: { 'content-type': 'text/html' } },
      { code: 'response_invalid' },
    ],
  ])('gives its bytes back where %s', async (_, end, expected) => {
    const { poll, clock, finish } = setUp([announced(60), end]);
    expect(await clock.drive(rejection(poll()))).toMatchObject(expected);
    finish();
  });

  it('gives its bytes back on an abort, while it is fetched and while it waits for room', async () => {
    const { poll, controller, responseBytes, clock, finish } = setUp([
      announced(200),
      announced(60),
      'nothing',
    ]);
    const polls = [rejection(poll()), rejection(poll())];
    await clock.advance(10);
    expect([responseBytes.used, responseBytes.waiting]).toEqual([200, 1]);
    controller.abort('enough');
    expect(await Promise.all(polls)).toEqual(['enough', 'enough']);
    finish();
  });

  it('may come without being announced, also where that was asked for', async () => {
    const { poll, clock, finish } = setUp([DONE]);
    expect(await clock.drive(poll())).toEqual({ value: 7 });
    finish();
  });

  it('is not waited for at the window of a pause while it holds bytes any longer than the pause', async () => {
    const { poll, times, clock, finish } = setUp([
      announced(60),
      { status: 429, headers: { 'retry-after': '7' } },
      DONE,
    ]);
    await clock.drive(poll());
    expect(times).toEqual([0, 0, 7_000]);
    finish();
  });
});

describe('a poll says', () => {
  const BOTH = 'application/x-protobuf, application/json';

  it.each<readonly [string, Parameters<typeof setUp>[1], string]>([
    ['both, for what may be protobuf', {}, BOTH],
    [
      'both, with protobuf only: what comes is the server’s choice',
      { options: { wireFormat: 'proto' } },
      BOTH,
    ],
    ['both, also on a server without settings', { settings: {} }, BOTH],
    ['JSON, with JSON only', { options: { wireFormat: 'json' } }, 'application/json'],
    ['JSON, for what is small', { isLarge: false }, 'application/json'],
  ])('what it takes: %s (item 16)', async (_, options, accept) => {
    const { poll, headers, clock } = setUp([PENDING, DONE], options);
    await clock.drive(poll());
    expect(headers('accept')).toEqual([accept, accept]);
  });

  it('which one it is, of what, and with the first how long the submission took (protocol 3.1)', async () => {
    const { poll, headers, clock } = setUp([PENDING, { status: 503 }, announced(60), DONE], {
      type: 'Sample',
      submittedMs: 1_250,
    });
    await clock.drive(poll());
    expect(headers('x-tinker-request-iteration')).toEqual(['0', '1', '2', '3']);
    expect(headers('x-tinker-request-type')).toEqual(['Sample', 'Sample', 'Sample', 'Sample']);
    expect(headers('x-tinker-create-promise-roundtrip-time')).toEqual(['1.25', null, null, null]);
  });

  it('nothing of the submission where it does not know', async () => {
    const { poll, headers, clock } = setUp([DONE]);
    await clock.drive(poll());
    expect(headers('x-tinker-create-promise-roundtrip-time')).toEqual([null]);
  });

  it('nothing of all that in a page', async () => {
    const { poll, requests, clock } = setUp([DONE], {
      submittedMs: 5,
      options: { describesRequests: false },
    });
    await clock.drive(poll());
    expect([...(requests[0]?.headers.keys() ?? [])].filter((name) => name.startsWith('x-'))).toEqual([
      'x-api-key',
    ]);
  });
});

describe('a strict server', () => {
  it('is not asked to announce a result any more, once, whatever is polled (item 5)', async () => {
    const strict: Answer = async (request) => {
      const body = (await request.clone().json()) as Record<string, unknown>;
      const detail = [{ type: 'extra_forbidden', loc: ['body', 'allow_metadata_only'], msg: 'Extra inputs' }];
      return 'allow_metadata_only' in body
        ? Response.json({ detail }, { status: 422 })
        : Response.json({ value: 7 });
    };
    const { poll, bodies, events, times, clock, finish } = setUp([strict]);
    expect(await clock.drive(poll())).toEqual({ value: 7 });
    await clock.drive(poll());
    await clock.drive(poll());
    expect(bodies()).toEqual([
      { request_id: 'r-1', allow_metadata_only: true },
      { request_id: 'r-1' },
      { request_id: 'r-2' },
      { request_id: 'r-3' },
    ]);
    expect(events).toEqual([
      { type: 'field_dropped', path: '/api/v1/retrieve_future', field: 'allow_metadata_only' },
    ]);
    expect(times).toEqual([0, 0, 0, 0]);
    finish();
  });
});

describe('what leads to a poll', () => {
  /** Fails before anything is sent, so many times: like the exchange of a key for a token. */
  function withoutToken(status: number, failures: number) {
    const base = setUp([DONE], { options: { pollPolicy: resolvePollPolicy('pollPolicy') } });
    let asked = 0;
    const { pipeline } = base.runtime;
    const runtime: Runtime = {
      ...base.runtime,
      pipeline: {
        send(request) {
          asked += 1;
          if (asked > failures) return pipeline.send(request);
          const retryable = status >= 500 || status === 429;
          return Promise.reject(new TinkerApiError(status, '/api/v1/auth/token answered', { retryable }));
        },
      },
    };
    const { signal } = new AbortController();
    const poll = pollFuture(
      runtime,
      { requestId: 'r', type: 'Sample' },
      { signal, deadlineAt: Number.POSITIVE_INFINITY },
      () => {},
    );
    return { ...base, poll };
  }

  it.each([400, 410, 404, 401])('and is refused with %d says nothing of the operation', async (status) => {
    const { poll, clock, finish } = withoutToken(status, 1);
    expect(await clock.drive(rejection(poll))).toMatchObject({ code: 'http_status', status });
    finish();
  });

  it.each([500, 503, 429, 408])('and fails with %d is waited for', async (status) => {
    const { poll, clock, finish } = withoutToken(status, 2);
    expect(await clock.drive(poll)).toEqual({ value: 7 });
    finish();
  });
});
