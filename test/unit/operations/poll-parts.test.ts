import { describe, expect, it } from 'vitest';
import { pollParts } from '../../../src/operations/polling/poll-parts.ts';
import type { SubmittedBatch } from '../../../src/operations/turns.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { answerAfter, testRuntime } from '../../support/runtime.ts';
import { rejection } from '../../support/settled.ts';
import { forbidUnhandledRejections } from '../../support/unhandled.ts';

forbidUnhandledRejections();

/** How long each part takes, and what it comes to; by its id. */
type Parts = Readonly<Record<string, readonly [ms: number, status: number, body: unknown]>>;

function setUp(parts: Parts) {
  let aborted = 0;
  const answer: Answer = async (request) => {
    const { request_id } = (await request.clone().json()) as { request_id: string };
    const [ms = 0, status, body] = parts[request_id] ?? [];
    request.signal.addEventListener('abort', () => {
      aborted += 1;
    });
    const held = answerAfter(base.clock, ms, () => Response.json(body, { status: status ?? 404 }));
    return (held as (request: Request) => Promise<Response>)(request);
  };
  const base = testRuntime({ retrieve_future: [answer] });
  const controller = new AbortController();
  const listeners = countListeners(controller.signal);
  const heard: unknown[] = [];
  const poll = (batch: SubmittedBatch): Promise<unknown[]> =>
    pollParts(
      base.runtime,
      batch,
      { type: 'Forward', submittedMs: 5 },
      { signal: controller.signal, deadlineAt: Number.POSITIVE_INFINITY },
      (what) => heard.push(what),
    );
  return {
    ...base,
    controller,
    listeners,
    heard,
    poll,
    aborted: () => aborted,
    finish() {
      expect([base.clock.pending, listeners.left]).toEqual([0, 0]);
    },
  };
}

const ids = (...requestIds: readonly string[]): SubmittedBatch =>
  requestIds.map((requestId) => ({ requestId }));

describe('the parts of a submission', () => {
  it('are polled side by side, and come in their order', async () => {
    const { poll, times, requests, heard, clock, finish } = setUp({
      a: [300, 200, 'A'],
      b: [100, 200, 'B'],
      c: [200, 200, 'C'],
    });
    expect(await clock.drive(poll(ids('a', 'b', 'c')))).toEqual(['A', 'B', 'C']);
    expect([times, clock.monotonic()]).toEqual([[0, 0, 0], 300]);
    expect(heard).toHaveLength(3);
    expect(requests.map(({ headers }) => headers.get('x-tinker-create-promise-roundtrip-time'))).toEqual([
      '0.005',
      '0.005',
      '0.005',
    ]);
    finish();
  });

  it('that were settled when they were submitted are not polled', async () => {
    const { poll, requests, clock, finish } = setUp({ b: [100, 200, 'B'] });
    expect(await clock.drive(poll([{ settled: 'A' }, { requestId: 'b' }]))).toEqual(['A', 'B']);
    expect(requests).toHaveLength(1);
    finish();
  });

  it('may be none', async () => {
    const { poll, clock, finish } = setUp({});
    expect(await clock.drive(poll([]))).toEqual([]);
    finish();
  });

  it('are waited for no longer when one of them has failed, and fail with its error', async () => {
    const { poll, aborted, clock, finish } = setUp({
      a: [60_000, 200, 'A'],
      b: [100, 200, { error: 'no such loss', category: 'user' }],
      c: [60_000, 200, 'C'],
    });
    const error = await clock.drive(rejection(poll(ids('a', 'b', 'c'))));
    expect(error).toMatchObject({ code: 'operation_failed', requestId: 'b' });
    expect([clock.monotonic(), aborted()]).toEqual([100, 2]);
    finish();
  });

  it('end with their caller’s abort, and leave nothing behind', async () => {
    const { poll, controller, aborted, clock, finish } = setUp({
      a: [60_000, 200, 'A'],
      b: [60_000, 200, 'B'],
    });
    const polled = rejection(poll(ids('a', 'b')));
    await clock.advance(10);
    controller.abort('enough');
    expect(await polled).toBe('enough');
    expect(aborted()).toBe(2);
    finish();
  });

  it('however many put one listener on their caller’s signal', async () => {
    const many = Array.from({ length: 50 }, (_, index) => `p${index}`);
    const { poll, listeners, clock, finish } = setUp(
      Object.fromEntries(many.map((id) => [id, [10, 200, id] as const])),
    );
    expect(await clock.drive(poll(ids(...many)))).toEqual(many);
    expect(listeners.added).toBe(1);
    finish();
  });
});
