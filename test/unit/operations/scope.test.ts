import { describe, expect, it } from 'vitest';
import { createAbortFanout, sleep } from '../../../src/kernel/abort.ts';
import { isTinkerError, TinkerClosedError } from '../../../src/kernel/errors.ts';
import { createScopes, type Scope } from '../../../src/operations/scope.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { driveToRejection, rejection, thrown } from '../../support/settled.ts';

function setUp() {
  const clock = createVirtualClock();
  const controller = new AbortController();
  const listeners = countListeners(controller.signal);
  const scopes = createScopes(clock, createAbortFanout());
  const forever = ({ signal }: Scope): Promise<void> => sleep(clock, 1e9, signal);
  const finish = (): void => {
    expect(scopes.size).toBe(0);
    expect(clock.pending).toBe(0);
    expect(listeners.left).toBe(0);
  };
  return { clock, controller, listeners, scopes, forever, finish };
}

describe('a scope', () => {
  it('ends with the value of its work', async () => {
    const { scopes, controller, clock, finish } = setUp();
    const work = scopes.run({ signal: controller.signal, timeoutMs: 100 }, async () => 5);
    expect(scopes.size).toBe(1);
    expect(await clock.drive(work)).toBe(5);
    finish();
  });

  it.each(['rejects', 'throws'])('ends with the error of work that %s', async (how) => {
    const { scopes, controller, finish } = setUp();
    const error = new Error('no');
    const work = scopes.run({ signal: controller.signal, timeoutMs: 100 }, () => {
      if (how === 'throws') throw error;
      return Promise.reject(error);
    });
    expect(await rejection(work)).toBe(error);
    finish();
  });

  it('starts its work at once', () => {
    const { scopes } = setUp();
    let started = false;
    scopes
      .run({}, async () => {
        started = true;
      })
      .catch(() => {});
    expect(started).toBe(true);
  });

  it.each([
    ['an Error', new Error('enough')],
    ['null', null],
    ['text', 'enough'],
  ])('ends with the caller’s reason: %s', async (_, reason) => {
    const { scopes, controller, forever, finish } = setUp();
    const work = rejection(scopes.run({ signal: controller.signal, timeoutMs: 500 }, forever));
    controller.abort(reason);
    expect(await work).toBe(reason);
    finish();
  });

  it('does not start under an aborted signal', async () => {
    const { scopes, finish } = setUp();
    let started = false;
    const work = scopes.run({ signal: AbortSignal.abort('enough'), timeoutMs: 500 }, async () => {
      started = true;
    });
    expect(await rejection(work)).toBe('enough');
    expect(started).toBe(false);
    finish();
  });

  it('ends at its limit, saying what it last heard', async () => {
    const { scopes, controller, forever, clock, finish } = setUp();
    let words = 'nothing yet';
    const details = { requestId: 'r-1', lastStatus: 503, polls: 4, mayContinue: true };
    const last = () => ({ words, details });
    const work = scopes.run({ signal: controller.signal, timeoutMs: 2_000 }, forever, last);
    words = 'the server was full';
    const error = await driveToRejection(clock, work);
    expect(isTinkerError(error, 'timed_out')).toBe(true);
    expect(error).toMatchObject({
      scope: 'operation',
      limitMs: 2_000,
      retryable: false,
      message:
        'No result within 2000 ms (operation); the server was full. The server may carry it out nevertheless; resume its handle to read the result, or give it a longer timeoutMs',
      ...details,
    });
    expect(clock.monotonic()).toBe(2_000);
    finish();
  });

  it('knows its deadline and what it does at limits', async () => {
    const { scopes, clock, finish } = setUp();
    await clock.advance(500);
    const seen: unknown[] = [];
    await scopes.run({ timeoutMs: 2_000, onLimit: 'throw' }, async ({ deadlineAt, onLimit }) => {
      seen.push(deadlineAt, onLimit);
    });
    await scopes.run({}, async ({ deadlineAt, onLimit }) => {
      seen.push(deadlineAt, onLimit);
    });
    expect(seen).toEqual([2_500, 'throw', Number.POSITIVE_INFINITY, undefined]);
    const wrong = { onLimit: 'never' as 'wait' };
    expect(() => scopes.run(wrong, async () => {})).toThrow(
      '"onLimit" must be "wait" or "throw", got "never"',
    );
    finish();
  });

  it('can be ended from inside', async () => {
    const { scopes, clock, finish } = setUp();
    const work = scopes.run({}, async ({ signal, abort }) => {
      abort('done with it');
      await sleep(clock, 10, signal);
    });
    expect(await rejection(work)).toBe('done with it');
    finish();
  });

  it.each([
    [0, '"timeoutMs" must be a finite number > 0, got 0'],
    [-1, '"timeoutMs" must be a finite number > 0, got -1'],
    [Number.NaN, '"timeoutMs" must be a finite number > 0, got NaN'],
    [Number.POSITIVE_INFINITY, '"timeoutMs" must be a finite number > 0, got Infinity'],
    ['5', '"timeoutMs" must be a finite number > 0, got "5"'],
  ])('refuses a limit of %s at once', (timeoutMs, message) => {
    const { scopes, finish } = setUp();
    const error = thrown(() => scopes.run({ timeoutMs: timeoutMs as number }, async () => {}));
    expect(error).toMatchObject({ code: 'input_invalid', message });
    finish();
  });

  it('shares one listener with all other scopes of its signal', async () => {
    const { scopes, controller, listeners, forever, finish } = setUp();
    const work = Array.from({ length: 100 }, () =>
      rejection(scopes.run({ signal: controller.signal }, forever)),
    );
    expect(scopes.size).toBe(100);
    expect(listeners.added).toBe(1);
    controller.abort('enough');
    expect(new Set(await Promise.all(work))).toEqual(new Set(['enough']));
    finish();
  });
});

describe('close', () => {
  it('ends what runs with its reason, and waits until the last has let go', async () => {
    const { scopes, clock, controller, finish } = setUp();
    const order: string[] = [];
    const tidy = async ({ signal }: Scope): Promise<void> => {
      try {
        await sleep(clock, 1e9, signal);
      } finally {
        await sleep(clock, 50);
        order.push('let go');
      }
    };
    const work = rejection(scopes.run({ signal: controller.signal, timeoutMs: 1e6 }, tidy));
    const reason = new TinkerClosedError();
    const closed = scopes.close(reason).then(() => order.push('closed'));
    await clock.drive(closed);
    expect(order).toEqual(['let go', 'closed']);
    expect(await work).toBe(reason);
    finish();
  });

  it('refuses what comes later, with the same reason, without starting it', async () => {
    const { scopes, finish } = setUp();
    const reason = new TinkerClosedError();
    await scopes.close(reason);
    let started = false;
    const work = scopes.run({}, async () => {
      started = true;
    });
    expect(await rejection(work)).toBe(reason);
    expect(started).toBe(false);
    await scopes.close(new Error('another reason'));
    expect(await rejection(scopes.run({}, async () => {}))).toBe(reason);
    finish();
  });

  it('waits for the same as another close that is under way', async () => {
    const { scopes, clock, finish } = setUp();
    const work = scopes.run({}, () => sleep(clock, 100).then(() => 'deaf to aborts'));
    let closes = 0;
    const count = (): void => {
      closes += 1;
    };
    const both = Promise.all([scopes.close('a').then(count), scopes.close('b').then(count)]);
    await clock.advance(99);
    expect(closes).toBe(0);
    await clock.advance(1);
    await both;
    expect(closes).toBe(2);
    expect(await work).toBe('deaf to aborts');
    finish();
  });

  it('aborts scopes that running ones opened', async () => {
    const { scopes, forever, finish } = setUp();
    const work = rejection(scopes.run({}, () => scopes.run({}, forever)));
    expect(scopes.size).toBe(2);
    await scopes.close('shut');
    expect(await work).toBe('shut');
    finish();
  });
});
