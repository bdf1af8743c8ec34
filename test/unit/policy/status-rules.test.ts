import { describe, expect, it } from 'vitest';
import { pollFuture } from '../../../src/operations/polling/poll.ts';
import { sendResilient } from '../../../src/operations/runtime.ts';
import {
  type AnswerKind,
  answerKind,
  type RuleAction,
  type RuleLayer,
  STATUS_RULES,
} from '../../../src/policy/status-rules.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { testRuntime } from '../../support/runtime.ts';

/** An answer of each kind. */
const ANSWERS: Readonly<Record<AnswerKind, Answer>> = {
  connection: 'refused',
  attempt_timeout: 'nothing',
  unreadable: { status: 200, text: '{"cut' },
  '400_empty': { status: 400, text: '' },
  '400': { status: 400, body: { detail: 'bad tensor' } },
  '402': { status: 402, body: { detail: 'no credit' } },
  '404': { status: 404, body: { detail: 'no such thing' } },
  '408': { status: 408, body: {} },
  '409': { status: 409, body: { detail: 'there is one' } },
  '410': { status: 410, body: { detail: 'gone' } },
  '429': { status: 429, body: { detail: 'slow' } },
  '500': { status: 500, text: 'Internal Server Error' },
  '5xx': { status: 503, text: 'down' },
  other: { status: 422, body: { detail: 'no' } },
};

/** What each action looks like from outside: requests made until the end, within ten virtual minutes, and the end. */
const SEEN: Readonly<
  Record<
    RuleAction,
    Partial<Record<RuleLayer, { readonly atLeast: number; readonly atMost: number; readonly end: string }>>
  >
> = {
  retry: {
    request: { atLeast: 5, atMost: 60, end: 'error' },
    sample: { atLeast: 5, atMost: 60, end: 'error' },
  },
  retry_thrice: {
    request: { atLeast: 3, atMost: 3, end: 'http_status' },
    sample: { atLeast: 3, atMost: 3, end: 'http_status' },
  },
  pause_account: { sample: { atLeast: 590, atMost: 610, end: 'none' } },
  pause_billing: {
    request: { atLeast: 115, atMost: 121, end: 'none' },
    sample: { atLeast: 115, atMost: 121, end: 'none' },
    poll: { atLeast: 115, atMost: 121, end: 'none' },
  },
  poll_again: { poll: { atLeast: 13, atMost: 60, end: 'none' } },
  slow_down: { poll: { atLeast: 10, atMost: 60, end: 'any' } },
  back_off: { poll: { atLeast: 20, atMost: 60, end: 'none' } },
  ask_twice: { poll: { atLeast: 3, atMost: 3, end: 'response_invalid' } },
  ask_thrice: { poll: { atLeast: 4, atMost: 4, end: 'http_status' } },
  operation_failed: { poll: { atLeast: 1, atMost: 1, end: 'operation_failed' } },
  expired: { poll: { atLeast: 1, atMost: 1, end: 'result_expired' } },
  session_lost: {},
  next_beat: {},
  fail: {
    request: { atLeast: 1, atMost: 1, end: 'http_status' },
    sample: { atLeast: 1, atMost: 1, end: 'http_status' },
    poll: { atLeast: 1, atMost: 1, end: 'http_status' },
  },
};

const cells = (['request', 'sample', 'poll'] as const).flatMap((layer) =>
  (Object.keys(ANSWERS) as AnswerKind[]).map((kind) => [layer, kind, STATUS_RULES[layer][kind]] as const),
);

describe('STATUS_RULES', () => {
  it.each(cells)('%s, %s: %s', async (layer, kind, action) => {
    const script = { thing: [ANSWERS[kind]], asample: [ANSWERS[kind]], retrieve_future: [ANSWERS[kind]] };
    const { runtime, clock, requests } = testRuntime(script);
    const controller = new AbortController();
    const scope = { signal: controller.signal, deadlineAt: Number.POSITIVE_INFINITY, onLimit: undefined };
    const lane = layer === 'sample' ? 'sample' : 'rest';
    const path = layer === 'sample' ? '/api/v1/asample' : '/api/v1/thing';
    const pauseMs = layer === 'sample' ? 1_000 : undefined;
    const work =
      layer === 'poll'
        ? pollFuture(runtime, { requestId: 'r', type: 'OptimStep' }, scope, () => {})
        : sendResilient(runtime, { method: 'POST', path, lane, body: {}, scope, pauseMs });
    let end = 'none';
    const settled = work.then(
      () => {
        end = 'value';
      },
      (error: { code?: string }) => {
        end = error.code ?? String(error);
      },
    );
    await clock.advance(600_000);
    const expected = SEEN[action][layer];
    expect(expected, `an action that ${layer} does not know`).toBeDefined();
    expect(requests.length).toBeGreaterThanOrEqual(expected?.atLeast ?? 0);
    expect(requests.length).toBeLessThanOrEqual(expected?.atMost ?? 0);
    if (expected?.end === 'error')
      expect(end).toMatch(/^(http_status|connection_failed|timed_out|response_invalid)$/);
    else if (expected?.end !== 'any') expect(end).toBe(expected?.end);
    controller.abort();
    await settled;
    expect(clock.pending).toBe(0);
  });

  it.each([
    [400, true, '400_empty'],
    [400, false, '400'],
    [401, false, 'other'],
    [402, false, '402'],
    [403, true, 'other'],
    [404, true, '404'],
    [408, false, '408'],
    [409, false, '409'],
    [410, false, '410'],
    [422, false, 'other'],
    [429, false, '429'],
    [500, true, '500'],
    [501, false, '5xx'],
    [599, false, '5xx'],
    [302, false, 'other'],
    [0, false, 'other'],
  ] as const)('knows %d (empty: %s) as %s', (status, isEmpty, kind) => {
    expect(answerKind(status, isEmpty)).toBe(kind);
  });
});
