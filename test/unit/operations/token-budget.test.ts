import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sleep } from '../../../src/kernel/abort.ts';
import { isTinkerError } from '../../../src/kernel/errors.ts';
import { createMeter } from '../../../src/operations/metering.ts';
import {
  createTokenBudget,
  type Reservation,
  resolveTokenBudget,
  type TokenBudgetGauge,
  type TokenBudgetOptions,
  withinBudget,
} from '../../../src/operations/token-budget.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { rejection, thrown } from '../../support/settled.ts';

function setUp(options: TokenBudgetOptions | undefined) {
  const service = createMeter();
  const meter = createMeter(service);
  const budget = createTokenBudget(resolveTokenBudget('budget', options), service);
  return { service, meter, budget, reserve: (estimate: number) => budget.reserve(estimate, meter) };
}

describe('a budget that throws', () => {
  it('lets in what fits to the last token, and refuses the next', () => {
    const { budget, reserve } = setUp({ tokens: 100 });
    reserve(60);
    reserve(40);
    expect(budget.snapshot()).toEqual({ limit: 100, used: 0, reserved: 100 });
    const error = thrown(() => reserve(1));
    expect(isTinkerError(error, 'budget_exceeded')).toBe(true);
    expect(error).toMatchObject({
      name: 'TinkerBudgetError',
      code: 'budget_exceeded',
      category: 'limit',
      limit: 100,
      used: 0,
      reserved: 100,
      requested: 1,
      retryable: true,
      message:
        'Not sent: a call of up to 1 tokens is beyond the budget of 100, of which 0 are spent and 100 are held for calls under way. Try again when calls under way have ended',
    });
    expect(budget.snapshot()).toEqual({ limit: 100, used: 0, reserved: 100 });
    expect(() => reserve(0)).not.toThrow();
  });

  it('counts what was spent, and frees what was not', () => {
    const { meter, service, budget, reserve } = setUp({ tokens: 100 });
    const first = reserve(60);
    first.spend({ prefill: 10, cached: 5, sampled: 20 });
    expect(budget.snapshot()).toEqual({ limit: 100, used: 35, reserved: 25 });
    expect(meter.snapshot()).toEqual({ trained: 0, prefill: 10, cached: 5, sampled: 20 });
    expect(() => reserve(41)).toThrow('beyond the budget');
    first.release();
    first.release();
    expect(budget.snapshot()).toEqual({ limit: 100, used: 35, reserved: 0 });
    const second = reserve(65);
    second.spend({ trained: 65 });
    second.release();
    expect(budget.snapshot()).toEqual({ limit: 100, used: 100, reserved: 0 });
    expect(service.total).toBe(100);
    expect(thrown(() => reserve(1))).toMatchObject({ used: 100, reserved: 0, retryable: false });
  });

  it('says whether it can help to wait for others', () => {
    const { reserve } = setUp({ tokens: 100 });
    reserve(90);
    expect(thrown(() => reserve(100))).toMatchObject({ retryable: true });
    expect(thrown(() => reserve(101))).toMatchObject({
      retryable: false,
      hint: 'Raise budget.tokens, or ask for less',
    });
  });

  it('counts what a server did beyond the estimate, and refuses what comes then', () => {
    const { budget, reserve } = setUp({ tokens: 100 });
    const call = reserve(50);
    call.spend({ sampled: 120 });
    expect(budget.snapshot()).toEqual({ limit: 100, used: 120, reserved: 0 });
    call.release();
    expect(() => reserve(0)).toThrow('beyond the budget');
  });

  it('counts what is spent after the end as well', () => {
    const { budget, reserve } = setUp({ tokens: 100 });
    const call = reserve(50);
    call.release();
    call.spend({ sampled: 10 });
    expect(budget.snapshot()).toEqual({ limit: 100, used: 10, reserved: 0 });
  });

  it('of nothing lets in only what spends nothing', () => {
    const { reserve } = setUp({ tokens: 0 });
    expect(() => reserve(0)).not.toThrow();
    expect(() => reserve(1)).toThrow('beyond the budget of 0');
  });
});

describe('a budget that tells', () => {
  it('tells once of each time it is crossed, and lets all calls go on', () => {
    const told: TokenBudgetGauge[] = [];
    const { budget, reserve } = setUp({ tokens: 100, onExceed: (gauge) => told.push(gauge) });
    const first = reserve(100);
    expect(told).toEqual([]);
    const second = reserve(1);
    const third = reserve(500);
    expect(told).toEqual([{ limit: 100, used: 0, reserved: 101 }]);
    third.release();
    second.release();
    expect(budget.snapshot().reserved).toBe(100);
    // Below it in between, so it is news again.
    const fourth = reserve(20);
    expect(told).toHaveLength(2);
    fourth.spend({ sampled: 5 });
    fourth.release();
    first.release();
    // By the real number, not by an estimate.
    const fifth = reserve(10);
    fifth.spend({ sampled: 96 });
    expect(told.slice(2)).toEqual([{ limit: 100, used: 101, reserved: 0 }]);
    fifth.release();
    reserve(1).release();
    expect(told).toHaveLength(3);
  });

  it('goes on whatever the function throws, or starts', () => {
    const calls: Reservation[] = [];
    const { budget, reserve } = setUp({
      tokens: 10,
      onExceed: () => {
        calls.push(reserve(5));
        throw new Error('listener');
      },
    });
    calls.push(reserve(11));
    expect(calls).toHaveLength(2);
    expect(budget.snapshot().reserved).toBe(16);
    for (const call of calls) call.release();
    expect(budget.snapshot()).toEqual({ limit: 10, used: 0, reserved: 0 });
  });

  it('gives back exactly what was held, however absurd an estimate is', () => {
    const { budget, reserve } = setUp({ tokens: 1_000, onExceed: () => {} });
    const small = reserve(3);
    const absurd = reserve(1e30);
    expect(budget.snapshot().reserved).toBe(1_004);
    absurd.release();
    expect(budget.snapshot().reserved).toBe(3);
    small.release();
    expect(budget.snapshot().reserved).toBe(0);
  });
});

describe('no budget', () => {
  it('never refuses, and counts all the same', () => {
    const { meter, budget, reserve } = setUp(undefined);
    const call = reserve(1e12);
    call.spend({ trained: 7 });
    call.release();
    expect(budget.snapshot()).toEqual({ limit: Number.POSITIVE_INFINITY, used: 7, reserved: 0 });
    expect(meter.total).toBe(7);
  });
});

describe('withinBudget', () => {
  it('does not call what it refuses', async () => {
    const { budget, meter } = setUp({ tokens: 5 });
    let called = false;
    const refused = withinBudget({ budget, meter, estimate: 6 }, async () => {
      called = true;
    });
    expect(await rejection(refused)).toMatchObject({ code: 'budget_exceeded' });
    expect(called).toBe(false);
  });

  it('holds nothing afterwards, whether the call succeeds or fails', async () => {
    const { budget, meter } = setUp({ tokens: 20 });
    const result = await withinBudget({ budget, meter, estimate: 15 }, async (spend) => {
      expect(budget.snapshot().reserved).toBe(15);
      spend({ sampled: 4 });
      return 'done';
    });
    expect(result).toBe('done');
    const failure = new Error('x');
    const failing = withinBudget({ budget, meter, estimate: 15 }, () => Promise.reject(failure));
    expect(await rejection(failing)).toBe(failure);
    expect(budget.snapshot()).toEqual({ limit: 20, used: 4, reserved: 0 });
  });

  it('keeps calls side by side within it: they are many, and all would like the last tokens', async () => {
    const call = fc.record({
      startMs: fc.nat(50),
      lastsMs: fc.nat(50),
      estimate: fc.nat(40),
      share: fc.float({ min: 0, max: 1, noNaN: true }),
      fails: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.nat(200), fc.array(call, { maxLength: 30 }), async (tokens, calls) => {
        const clock = createVirtualClock({ graceTurns: 1 });
        const { budget, meter } = setUp({ tokens });
        let spentInAll = 0;
        const check = (): void => {
          const { used, reserved } = budget.snapshot();
          expect(used + reserved).toBeLessThanOrEqual(tokens);
          expect(used).toBe(spentInAll);
        };
        const work = calls.map(async ({ startMs, lastsMs, estimate, share, fails }) => {
          await sleep(clock, startMs);
          await withinBudget({ budget, meter, estimate }, async (spend) => {
            check();
            await sleep(clock, lastsMs);
            const spent = Math.floor(estimate * share);
            spentInAll += spent;
            spend({ sampled: spent });
            check();
            if (fails) throw new Error('failed');
          });
          check();
        });
        const outcomes = await clock.drive(Promise.allSettled(work));
        check();
        expect(budget.snapshot().reserved).toBe(0);
        const wrong = outcomes.filter(
          (outcome) =>
            outcome.status === 'rejected' && !/budget|failed/.test((outcome.reason as Error).message),
        );
        expect(wrong).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

describe('any order of reserving, spending and releasing', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('reserve' as const), call: fc.constant(0), tokens: fc.nat(60) }),
    fc.record({ kind: fc.constant('spend' as const), call: fc.nat(9), tokens: fc.nat(30) }),
    fc.record({ kind: fc.constant('release' as const), call: fc.nat(9), tokens: fc.constant(0) }),
  );

  it.each(['throw', 'tell'] as const)('is counted exactly (%s)', (mode) => {
    fc.assert(
      fc.property(fc.nat(150), fc.array(step, { maxLength: 60 }), (tokens, steps) => {
        let told = 0;
        const { budget, reserve, meter } = setUp({
          tokens,
          onExceed: mode === 'throw' ? mode : () => told++,
        });
        // The reference: what each live call may still spend, and what was spent.
        const live: { readonly call: Reservation; left: number }[] = [];
        let used = 0;
        let crossings = 0;
        let wasBeyond = false;
        for (const { kind, call, tokens: amount } of steps) {
          const held = live.reduce((sum, { left }) => sum + left, 0);
          const entry = live[call % Math.max(1, live.length)];
          if (kind === 'reserve') {
            const isRefused = mode === 'throw' && used + held + amount > tokens;
            if (isRefused) expect(() => reserve(amount)).toThrow('beyond the budget');
            else live.push({ call: reserve(amount), left: Math.min(amount, tokens + 1) });
          } else if (entry !== undefined && kind === 'spend') {
            const spent = mode === 'throw' ? Math.min(amount, entry.left) : amount;
            entry.call.spend({ trained: spent });
            used += spent;
            entry.left -= Math.min(entry.left, spent);
          } else if (entry !== undefined) {
            entry.call.release();
            entry.left = 0;
          }
          const reserved = live.reduce((sum, { left }) => sum + left, 0);
          const isBeyond = used + reserved > tokens;
          if (isBeyond && !wasBeyond) crossings += 1;
          wasBeyond = isBeyond;
          expect(budget.snapshot()).toEqual({ limit: tokens, used, reserved });
          if (mode === 'throw') expect(isBeyond).toBe(false);
          else expect(told).toBe(crossings);
        }
        for (const { call } of live) call.release();
        expect(budget.snapshot()).toEqual({ limit: tokens, used, reserved: 0 });
        expect(meter.total).toBe(used);
      }),
    );
  });
});

describe('resolveTokenBudget', () => {
  it('completes what it is given', () => {
    const onExceed = (): void => {};
    expect(resolveTokenBudget('budget', undefined)).toBeUndefined();
    expect(resolveTokenBudget('budget', { tokens: 5 })).toEqual({ tokens: 5, onExceed: 'throw' });
    expect(resolveTokenBudget('budget', { tokens: 0, onExceed })).toEqual({ tokens: 0, onExceed });
  });

  it.each([
    [{ tokens: -1 }, '"budget.tokens" must be an integer >= 0, got -1'],
    [{ tokens: 1.5 }, '"budget.tokens" must be an integer >= 0, got 1.5'],
    [{ tokens: Number.POSITIVE_INFINITY }, '"budget.tokens" must be an integer >= 0, got Infinity'],
    [{}, '"budget.tokens" must be an integer >= 0, got undefined'],
    [{ tokens: 1, onExceed: 'warn' }, '"budget.onExceed" must be "throw" or a function, got "warn"'],
    [1_000, '"budget" must be an object with "tokens", got 1000'],
    [null, '"budget" must be an object with "tokens", got null'],
  ])('refuses %j', (options, message) => {
    expect(thrown(() => resolveTokenBudget('budget', options as TokenBudgetOptions))).toMatchObject({
      code: 'input_invalid',
      message,
    });
  });
});
