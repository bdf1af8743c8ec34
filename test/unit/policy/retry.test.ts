import { describe, expect, it } from 'vitest';
import {
  TinkerApiError,
  TinkerConnectionError,
  type TinkerError,
  TinkerInputError,
  TinkerOperationError,
} from '../../../src/kernel/errors.ts';
import { type RetryOptions, retry } from '../../../src/policy/retry.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';

function setUp(options: Partial<RetryOptions> = {}) {
  const clock = createVirtualClock();
  const controller = new AbortController();
  const startedAt: number[] = [];
  const waits: { readonly attempts: number; readonly delayMs: number; readonly error: TinkerError }[] = [];
  const run = <T>(attempt: (count: number) => Promise<T>): Promise<T> =>
    retry(
      () => {
        startedAt.push(clock.monotonic());
        return attempt(startedAt.length);
      },
      {
        clock,
        random: () => 0,
        budgetMs: 300_000,
        signal: controller.signal,
        onRetry: (error, attempts, delayMs) => waits.push({ error, attempts, delayMs }),
        ...options,
      },
    );
  return { clock, controller, listeners: countListeners(controller.signal), startedAt, waits, run };
}

const failing = async (error: unknown): Promise<never> => {
  throw error;
};

describe('retry', () => {
  it('returns what the attempt returns, without waiting', async () => {
    const { run, clock, startedAt, waits } = setUp();
    expect(await run(async () => 5)).toBe(5);
    expect(startedAt).toHaveLength(1);
    expect(waits).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('repeats a retryable error on the schedule of the protocol until it succeeds', async () => {
    const { run, clock, startedAt, waits, listeners } = setUp();
    const error = new TinkerConnectionError('refused');
    const work = run(async (count) => (count <= 6 ? failing(error) : 'done'));
    expect(await clock.drive(work)).toBe('done');
    expect(startedAt).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500, 25_500]);
    expect(waits.map(({ attempts }) => attempts)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(waits.map(({ delayMs }) => delayMs)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000]);
    expect(waits.every((wait) => wait.error === error)).toBe(true);
    expect(listeners.left).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['one that is not retryable', new TinkerInputError('a', 'is wrong')],
    ['an operation that failed', new TinkerOperationError('operation_failed', 'server', 'no')],
    ['a status that is final', new TinkerApiError(503, 'no', { retryable: false })],
    ['one that is not ours', new Error('a bug')],
    ['one that is no Error', 'a string'],
    ['one that only looks retryable', { retryable: true, code: 'http_status' }],
  ])('gives up at once on an error: %s', async (_, error) => {
    const { run, clock, startedAt, waits } = setUp();
    expect(
      await driveToRejection(
        clock,
        run(() => failing(error)),
      ),
    ).toBe(error);
    expect(startedAt).toHaveLength(1);
    expect(waits).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('goes by the error, not by its status', async () => {
    const { run, clock, startedAt } = setUp({ budgetMs: 600 });
    const error = new TinkerApiError(418, 'odd', { retryable: true });
    await driveToRejection(
      clock,
      run(() => failing(error)),
    );
    expect(startedAt).toEqual([0, 500, 600]);
  });

  it('starts no attempt later than the budget, and the last one on its end', async () => {
    const { run, clock, startedAt, waits } = setUp({ budgetMs: 3_600 });
    const error = new TinkerConnectionError('refused');
    expect(
      await driveToRejection(
        clock,
        run(() => failing(error)),
      ),
    ).toBe(error);
    expect(startedAt).toEqual([0, 500, 1_500, 3_500, 3_600]);
    expect(waits.at(-1)?.delayMs).toBe(100);
    expect(error.attempts).toBe(5);
    expect(clock.pending).toBe(0);
  });

  it('counts the time of the attempts into the budget', async () => {
    const { run, clock, startedAt } = setUp({ budgetMs: 10_000 });
    const slow = async (): Promise<never> => {
      await new Promise<void>((resolve) => void clock.schedule(resolve, 6_000));
      throw new TinkerConnectionError('cut');
    };
    await driveToRejection(clock, run(slow));
    expect(startedAt).toEqual([0, 6_500]);
    expect(clock.pending).toBe(0);
  });

  it('makes one attempt with no budget', async () => {
    const { run, clock, startedAt } = setUp({ budgetMs: 0 });
    const error = await driveToRejection(
      clock,
      run(() => failing(new TinkerConnectionError('refused'))),
    );
    expect((error as TinkerError).attempts).toBe(1);
    expect(startedAt).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('obeys the server’s hint exactly', async () => {
    const { run, clock, startedAt } = setUp({ random: () => 0.99 });
    const error = new TinkerApiError(429, 'slow', { retryable: true, retryAfterMs: 7_000 });
    await clock.drive(run(async (count) => (count === 1 ? failing(error) : 'done')));
    expect(startedAt).toEqual([0, 7_000]);
  });

  it('clamps a hint to what is left', async () => {
    const { run, clock, startedAt } = setUp({ budgetMs: 2_000 });
    const error = new TinkerApiError(503, 'later', { retryable: true, retryAfterMs: 50_000 });
    await driveToRejection(
      clock,
      run(() => failing(error)),
    );
    expect(startedAt).toEqual([0, 2_000]);
    expect(error.attempts).toBe(2);
    expect(clock.pending).toBe(0);
  });

  it('clamps a hint to a minute', async () => {
    const { run, clock, startedAt } = setUp();
    const error = new TinkerApiError(503, 'later', { retryable: true, retryAfterMs: 86_400_000 });
    await clock.drive(run(async (count) => (count === 1 ? failing(error) : 'done')));
    expect(startedAt).toEqual([0, 60_000]);
  });

  it('makes no attempt under an aborted signal', async () => {
    const { run, controller, startedAt } = setUp();
    controller.abort('enough');
    expect(await rejection(run(async () => 1))).toBe('enough');
    expect(startedAt).toEqual([]);
  });

  it('is aborted while it waits: at once, with the reason, and leaving nothing', async () => {
    const { run, clock, controller, listeners, startedAt } = setUp();
    const work = rejection(run(() => failing(new TinkerConnectionError('refused'))));
    await clock.advance(100);
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await work).toBe(reason);
    expect(startedAt).toHaveLength(1);
    expect(clock.pending).toBe(0);
    expect(listeners.left).toBe(0);
  });

  it('announces no repetition once it is aborted', async () => {
    const { run, controller, waits, clock } = setUp();
    const reason = new TinkerConnectionError('another call failed');
    const work = run(async () => {
      controller.abort(reason);
      throw new TinkerConnectionError('cut');
    });
    expect(await rejection(work)).toBe(reason);
    expect(waits).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('leaves the caller’s reason as it is, even where it is one of ours', async () => {
    const { run, controller } = setUp();
    const reason = new TinkerConnectionError('another call failed');
    reason.attempts = 9;
    const work = run(async () => {
      controller.abort(reason);
      throw reason;
    });
    expect(await rejection(work)).toBe(reason);
    expect(reason.attempts).toBe(9);
  });

  it('waits no longer than to the operation’s own end', async () => {
    const { run, clock, controller, waits, startedAt } = setUp({ deadlineAt: 2_000 });
    const error = new TinkerApiError(503, 'down', { retryable: true, retryAfterMs: 30_000 });
    const work = rejection(run(() => failing(error)));
    await clock.advance(1_999);
    expect(waits.map(({ delayMs }) => delayMs)).toEqual([2_000]);
    expect(startedAt).toEqual([0]);
    controller.abort('over');
    expect(await work).toBe('over');
    expect(clock.pending).toBe(0);
  });

  it('takes a pause for no failure: it costs neither budget nor backoff, unless it says so', async () => {
    const bill = new TinkerApiError(402, 'pay');
    const down = new TinkerApiError(503, 'down', { retryable: true });
    for (const isFree of [true, false]) {
      const { run, clock, startedAt, waits } = setUp({
        budgetMs: 2_000,
        pauseFor: (error) => (error === bill ? { delayMs: 5_000, isFree } : undefined),
      });
      const errors = [bill, bill, down, down];
      const work = run(async (count) => (count <= errors.length ? failing(errors[count - 1]) : 'done'));
      if (isFree) {
        expect(await clock.drive(work)).toBe('done');
        expect(startedAt).toEqual([0, 5_000, 10_000, 10_500, 11_500]);
      } else {
        expect(await driveToRejection(clock, work)).toBe(bill);
        expect(waits.map(({ delayMs }) => delayMs)).toEqual([2_000]);
      }
      expect(clock.pending).toBe(0);
    }
  });

  it('makes no other attempt after an error that is final', async () => {
    const down = new TinkerApiError(503, 'down', { retryable: true });
    const { run, startedAt } = setUp({ isFinal: (error) => error === down });
    expect(await rejection(run(() => failing(down)))).toBe(down);
    expect(startedAt).toHaveLength(1);
  });

  it('takes the same 500 for permanent after so many in a row', async () => {
    const { run, clock, startedAt } = setUp({ permanent500: { count: 4, lastingMs: 0 } });
    const crash = () => failing(new TinkerApiError(500, 'crash', { retryable: true, body: 'crash' }));
    expect(await driveToRejection(clock, run(crash))).toMatchObject({
      status: 500,
      attempts: 4,
      retryable: false,
    });
    expect(startedAt).toHaveLength(4);
  });
});
