import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAbortFanout, sleep } from '../../../src/kernel/abort.ts';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import { TinkerApiError } from '../../../src/kernel/errors.ts';
import { createScopes } from '../../../src/operations/scope.ts';
import { createTokenExchange } from '../../../src/operations/token-exchange.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { createVirtualClock, type VirtualClock } from '../../../src/testing/virtual-clock.ts';
import { rejection } from '../../support/settled.ts';
import { tokenFor, tokenWith } from '../../support/tokens.ts';
import { forbidUnhandledRejections } from '../../support/unhandled.ts';

forbidUnhandledRejections();

/** What the server does with the exchange of a number, from 1. */
type Exchange = (number: number, signal: AbortSignal) => Promise<string>;

function setUp(exchange: (clock: VirtualClock) => Exchange) {
  const clock = createVirtualClock();
  const scopes = createScopes(clock, createAbortFanout());
  const events: TinkerEvent[] = [];
  const count = { exchanges: 0, atOnce: 0, mostAtOnce: 0 };
  const times: number[] = [];
  const answer = exchange(clock);
  const tokens = createTokenExchange({
    clock,
    emit: (event) => void events.push(event),
    scopes,
    async exchange(signal) {
      count.exchanges += 1;
      count.atOnce += 1;
      count.mostAtOnce = Math.max(count.mostAtOnce, count.atOnce);
      times.push(clock.monotonic());
      try {
        return await answer(count.exchanges, signal);
      } finally {
        count.atOnce -= 1;
      }
    },
  });
  return {
    clock,
    scopes,
    events,
    count,
    times,
    token: (own = new AbortController().signal) => tokens.token(own),
    finish() {
      expect([scopes.size, clock.pending, count.atOnce]).toEqual([0, 0, 0]);
    },
  };
}

/** Tokens named by the number of their exchange, that live so long. */
const living =
  (seconds: number) =>
  (clock: VirtualClock): Exchange =>
  async (number) =>
    tokenFor(clock, seconds, String(number));

/** Number of the exchange that a token came from. */
function numberOf(token: string): number {
  const [, claims = ''] = token.split('.');
  return Number((JSON.parse(atob(claims)) as { name: string }).name);
}

describe('a token', () => {
  it('is exchanged once for all who wait for it, and used while it lives long', async () => {
    const { token, clock, count, finish } = setUp((clock) => async (number, signal) => {
      await sleep(clock, 100, signal);
      return tokenFor(clock, 3_600, String(number));
    });
    const five = await clock.drive(Promise.all([token(), token(), token(), token(), token()]));
    expect(new Set(five).size).toBe(1);
    await clock.advance(3_299_000);
    expect(await token()).toBe(five[0]);
    expect(count.exchanges).toBe(1);
    finish();
  });

  it('in its last five minutes is replaced on the side, while it is used', async () => {
    const { token, clock, times, finish } = setUp((clock) => async (number, signal) => {
      if (number > 1) await sleep(clock, 5_000, signal);
      return tokenFor(clock, 3_600, String(number));
    });
    await token();
    await clock.advance(3_299_999);
    expect(numberOf(await token())).toBe(1);
    expect(times).toEqual([0]);
    await clock.advance(1);
    expect([await token(), await token()].map(numberOf)).toEqual([1, 1]);
    await clock.advance(4_999);
    expect(numberOf(await token())).toBe(1);
    await clock.advance(1);
    expect(numberOf(await token())).toBe(2);
    expect(times).toEqual([0, 3_300_000]);
    finish();
  });

  it('in its last minute is waited for', async () => {
    const { token, clock, times, finish } = setUp((clock) => async (number, signal) => {
      if (number > 1) await sleep(clock, 5_000, signal);
      return tokenFor(clock, 3_600, String(number));
    });
    await token();
    await clock.advance(3_540_000);
    const waiting = [token(), token()];
    await clock.advance(4_999);
    const tokens = await clock.drive(Promise.all(waiting));
    expect(tokens.map(numberOf)).toEqual([2, 2]);
    expect(times).toEqual([0, 3_540_000]);
    finish();
  });

  it('in its last minute waits for the exchange that is under way on the side', async () => {
    const { token, clock, times, finish } = setUp((clock) => async (number, signal) => {
      if (number > 1) await sleep(clock, 20_000, signal);
      return tokenFor(clock, 3_600, String(number));
    });
    await token();
    await clock.advance(3_530_000);
    expect(numberOf(await token())).toBe(1);
    await clock.advance(15_000);
    expect(numberOf(await clock.drive(token()))).toBe(2);
    expect(times).toEqual([0, 3_530_000]);
    finish();
  });

  it('that is long over is waited for, too', async () => {
    const { token, clock, finish } = setUp(living(3_600));
    await token();
    await clock.advance(86_400_000);
    expect(numberOf(await token())).toBe(2);
    finish();
  });

  it('is over when a laptop has slept on it, though the monotonic clock stood still', async () => {
    const { token, clock, finish } = setUp(living(3_600));
    await token();
    clock.jumpWall(3_595_000);
    expect(numberOf(await token())).toBe(2);
    // A clock that is set back makes it no younger.
    clock.jumpWall(-86_400_000);
    await clock.advance(3_595_000);
    expect(numberOf(await token())).toBe(3);
    finish();
  });

  it('counts its life from when it was asked for, not from when it came', async () => {
    const { token, clock, times, finish } = setUp((clock) => async (number, signal) => {
      const made = tokenFor(clock, 100, String(number));
      await sleep(clock, 40_000, signal);
      return made;
    });
    await clock.drive(token());
    await clock.advance(40_000);
    const next = token();
    expect(numberOf(await clock.drive(next))).toBe(2);
    expect(times).toEqual([0, 80_000]);
    finish();
  });

  it.each([-86_400_000, -3_600_000, 3_600_000, 86_400_000])(
    'is used as long as it lives whatever the local clock says: %d ms wrong',
    async (skew) => {
      const { token, clock, count, finish } = setUp((clock) => async (number) => {
        const server = { ...clock, now: () => clock.now() - skew };
        return tokenFor(server, 3_600, String(number));
      });
      clock.jumpWall(skew);
      await token();
      await clock.advance(3_299_000);
      await token();
      expect(count.exchanges).toBe(1);
      await clock.advance(300_000);
      expect(numberOf(await token())).toBe(2);
      finish();
    },
  );

  it('that the server has given before, and gives again, is over when it says', async () => {
    const { token, clock, finish } = setUp((clock) => {
      const first = tokenFor(clock, 3_600, '1');
      return async (number) => (number === 1 ? first : tokenFor(clock, 3_600, String(number)));
    });
    // Another client has had it for most of an hour.
    await clock.advance(3_000_000);
    expect(numberOf(await token())).toBe(1);
    await clock.advance(601_000);
    expect(numberOf(await token())).toBe(2);
    finish();
  });

  it('that was over by the local clock when it came is used for a while: it is the clock that must be wrong', async () => {
    const { token, clock, count, finish } = setUp(
      (clock) => async () => tokenWith({ exp: clock.now() / 1_000 - 7_200 }),
    );
    for (let second = 0; second < 600; second++) {
      await token();
      await clock.advance(1_000);
    }
    expect(count.exchanges).toBeGreaterThan(5);
    expect(count.exchanges).toBeLessThanOrEqual(13);
    finish();
  });

  it.each([
    ['is no token', 'opaque'],
    ['has no end', tokenWith({ sub: 'me' })],
    ['has an end that is no number', tokenWith({ exp: 'soon' })],
  ])('that %s lives ten minutes', async (_, opaque) => {
    const { token, clock, times, finish } = setUp(() => async () => opaque);
    for (let second = 0; second < 1_000; second += 10) {
      expect(await token()).toBe(opaque);
      await clock.advance(10_000);
    }
    expect(times).toEqual([0, 300_000, 600_000, 900_000]);
    finish();
  });
});

describe('an exchange that fails', () => {
  const down = new TinkerApiError(503, '/api/v1/auth/token answered 503');

  it('fails all who wait for a first token, is no event, and is tried again by the next', async () => {
    const { token, clock, events, count, finish } = setUp((clock) => async (number) => {
      if (number === 1) throw down;
      return tokenFor(clock, 3_600, String(number));
    });
    expect(await Promise.all([rejection(token()), rejection(token())])).toEqual([down, down]);
    expect(numberOf(await token())).toBe(2);
    expect([events, count.exchanges, clock.pending]).toEqual([[], 2, 0]);
    finish();
  });

  it('on the side costs no request anything, and is tried again after a minute', async () => {
    const { token, clock, events, times, finish } = setUp((clock) => async (number) => {
      if (number > 1) throw down;
      return tokenFor(clock, 3_600, String(number));
    });
    await token();
    await clock.advance(3_300_000);
    for (let second = 0; second < 239; second++) {
      expect(numberOf(await token())).toBe(1);
      await clock.advance(1_000);
    }
    expect(times).toEqual([0, 3_300_000, 3_360_000, 3_420_000, 3_480_000]);
    expect(events).toEqual(
      times.slice(1).map(() => ({ type: 'token_refresh_failed', message: down.message })),
    );
    finish();
  });

  it('in the last minute, and after the end, leaves the old token, and is tried every five seconds, told once each', async () => {
    const { token, clock, events, times, count, finish } = setUp((clock) => async (number) => {
      if (number > 1) throw down;
      return tokenFor(clock, 3_600, String(number));
    });
    await token();
    await clock.advance(3_595_000);
    for (let second = 0; second < 20; second++) {
      const tokens = await Promise.all([token(), token(), token()]);
      expect(tokens.map(numberOf)).toEqual([1, 1, 1]);
      await clock.advance(1_000);
    }
    expect(times).toEqual([0, 3_595_000, 3_600_000, 3_605_000, 3_610_000]);
    expect(events).toHaveLength(4);
    expect(count.mostAtOnce).toBe(1);
    finish();
  });

  it('after an end is mended by the next that succeeds', async () => {
    const { token, clock, finish } = setUp((clock) => async (number) => {
      if (number === 2) throw down;
      return tokenFor(clock, 3_600, String(number));
    });
    await token();
    await clock.advance(4_000_000);
    expect(numberOf(await token())).toBe(1);
    await clock.advance(5_000);
    expect(numberOf(await token())).toBe(3);
    finish();
  });

  it('by hanging holds up no more than the requests of that time', async () => {
    const { token, clock, times, finish } = setUp((clock) => async (number, signal) => {
      if (number > 1) {
        await sleep(clock, 60_000, signal);
        throw down;
      }
      return tokenFor(clock, 3_600, String(number));
    });
    await token();
    await clock.advance(3_545_000);
    const controller = new AbortController();
    const waiting = rejection(token(controller.signal));
    await clock.advance(59_999);
    controller.abort('the attempt’s own limit');
    expect(await waiting).toBe('the attempt’s own limit');
    await clock.advance(1);
    expect(numberOf(await token())).toBe(1);
    expect(times).toHaveLength(2);
    finish();
  });
});

describe('an abort', () => {
  it('of the one that came first leaves the exchange to the others', async () => {
    const { token, clock, count, finish } = setUp((clock) => async (number, signal) => {
      await sleep(clock, 100, signal);
      return tokenFor(clock, 3_600, String(number));
    });
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const first = rejection(token(controller.signal));
    const second = token();
    await clock.advance(50);
    controller.abort('enough');
    expect(await first).toBe('enough');
    expect(numberOf(await clock.drive(second))).toBe(1);
    expect([count.exchanges, listeners.left]).toEqual([1, 0]);
    finish();
  });

  it('of all leaves its token to whoever comes next', async () => {
    const { token, clock, count, finish } = setUp((clock) => async (number, signal) => {
      await sleep(clock, 100, signal);
      return tokenFor(clock, 3_600, String(number));
    });
    const controller = new AbortController();
    const first = rejection(token(controller.signal));
    await clock.advance(50);
    controller.abort('enough');
    expect(await first).toBe('enough');
    await clock.advance(50);
    expect(numberOf(await token())).toBe(1);
    expect(count.exchanges).toBe(1);
    finish();
  });

  it('of the service ends it, and is no failure to be told', async () => {
    const { token, clock, scopes, events, finish } = setUp((clock) => async (number, signal) => {
      if (number > 1) await sleep(clock, 60_000, signal);
      return tokenFor(clock, 3_600, String(number));
    });
    await token();
    await clock.advance(3_300_000);
    await token();
    await scopes.close('shut');
    expect(events).toEqual([]);
    finish();
  });
});

describe('whatever is asked for, and whenever', () => {
  /** Seconds between requests, and how many come together. */
  const visits = fc.array(
    fc.record({ afterMs: fc.oneof(fc.nat(900), fc.nat(90_000)), together: fc.integer({ min: 1, max: 3 }) }),
    { minLength: 1, maxLength: 60 },
  );

  it.each([1, 30, 60, 90, 300, 600, 3_600])(
    'a token of %d s causes at most two exchanges a life, never two at once, never more than requests',
    async (seconds) => {
      await fc.assert(
        fc.asyncProperty(
          visits,
          fc.nat(300),
          fc.array(fc.boolean(), { maxLength: 5 }),
          async (all, latencyMs, fails) => {
            const { token, clock, count, finish } = setUp((clock) => async (number, signal) => {
              await sleep(clock, latencyMs, signal);
              if (fails[number % 7] === true) throw new TinkerApiError(503, 'down');
              return tokenFor(clock, seconds, String(number));
            });
            const waiting: Promise<unknown>[] = [];
            let requests = 0;
            let visited = 0;
            for (const { afterMs, together } of all) {
              await clock.advance(afterMs);
              visited += 1;
              for (let one = 0; one < together; one++) {
                requests += 1;
                waiting.push(token().catch(() => {}));
              }
            }
            await clock.drive(Promise.all(waiting));
            await clock.advance(1_000);
            expect(count.mostAtOnce).toBeLessThanOrEqual(1);
            expect(count.exchanges).toBeLessThanOrEqual(Math.min(requests, visited));
            // Every failure may cause one more.
            const failures = fails.some(Boolean) ? count.exchanges : 0;
            const lives = clock.monotonic() / (seconds * 1_000);
            expect(count.exchanges).toBeLessThanOrEqual(Math.ceil(2 * lives) + 1 + failures);
            finish();
          },
        ),
        { numRuns: 60 },
      );
    },
  );

  it.each([1, 30, 300])(
    'a token of %d s that is asked for all the time is not exchanged all the time',
    async (seconds) => {
      const { token, clock, times, finish } = setUp(living(seconds));
      const stepMs = seconds * 10;
      for (let step = 0; step < 1_000; step++) {
        await token();
        await clock.advance(stepMs);
      }
      // Ten lives.
      expect(times.length).toBeLessThanOrEqual(20);
      expect(times.length).toBeGreaterThanOrEqual(10);
      const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual((seconds * 1_000) / 2);
      finish();
    },
  );
});
