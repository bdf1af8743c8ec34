import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freshPacing, type PollOutcome, pacePoll } from '../../../src/policy/poll-pacing.ts';
import { type PollPolicyOption, resolvePollPolicy } from '../../../src/policy/poll-policy.ts';

const LONG_MS = 1_000;
const KINDS = ['pending', 'paused', 'timeout', 'failing', 'limited'] as const;
const STATUS = { pending: 200, paused: 200, timeout: 408, failing: 503, limited: 429 } as const;
const ALMOST_ONE = 1 - 2 ** -32;

/** Delays after each of a series of outcomes. */
function pace(
  outcomes: readonly PollOutcome[],
  random: () => number = () => 0,
  option: PollPolicyOption = 'adaptive',
): number[] {
  const policy = resolvePollPolicy('pollPolicy', option);
  let pacing = freshPacing;
  return outcomes.map((outcome) => {
    const paced = pacePoll(pacing, outcome, policy, random);
    pacing = paced.pacing;
    return paced.delayMs;
  });
}

const repeat = (count: number, outcome: PollOutcome): PollOutcome[] =>
  Array.from({ length: count }, () => outcome);
const took = (kind: PollOutcome['kind'], elapsedMs: number, hintMs?: number): PollOutcome => ({
  kind,
  status: STATUS[kind],
  elapsedMs,
  hintMs,
});
const fast = (kind: PollOutcome['kind']): PollOutcome => took(kind, 5);

const isPending = ({ kind }: PollOutcome): boolean => kind === 'pending' || kind === 'paused';
const isFailing = ({ kind }: PollOutcome): boolean => kind === 'failing' || kind === 'timeout';
const isLimited = ({ kind }: PollOutcome): boolean => kind === 'limited';
const isLong = (outcome: PollOutcome): boolean =>
  (isPending(outcome) || outcome.kind === 'timeout') && outcome.elapsedMs >= LONG_MS;

/** The policy told from the whole history, without a state: tinkex V1 (a) to (d), servers.md 2.1 item 26. */
function referenceDelay(history: readonly PollOutcome[], random: number): number {
  const last = history.at(-1)!;
  if (last.hintMs !== undefined && last.hintMs > 0) return Math.min(last.hintMs, 60_000);
  const since = history.slice(history.findLastIndex(isLong) + 1);
  if (since.length === 0) return 0;
  const inARow = (is: (outcome: PollOutcome) => boolean): number =>
    since.length - 1 - since.findLastIndex((outcome) => !is(outcome));
  const hurried = since.filter(isPending).length;
  const [step, first, longest] = isLimited(last)
    ? [inARow(isLimited), 1_000, 30_000]
    : isFailing(last)
      ? [inARow(isFailing) - 3, 1_000, 30_000]
      : [hurried - 3, 100, 2_000];
  const least = last.kind === 'paused' ? 1_000 : 0;
  if (step < 1) return least;
  const whole = Math.min(first * 2 ** (step - 1), longest);
  return Math.max(least, whole * (0.5 + 0.5 * random));
}

const outcomes = (elapsedMs: fc.Arbitrary<number>): fc.Arbitrary<PollOutcome> =>
  fc
    .record({
      kind: fc.constantFrom(...KINDS),
      elapsedMs,
      hintMs: fc.oneof(fc.constant(undefined), fc.constant(0), fc.double({ min: 0, max: 1e6, noNaN: true })),
    })
    .map(({ kind, elapsedMs, hintMs }) => took(kind, elapsedMs, hintMs));
const anyOutcome = outcomes(fc.oneof(fc.nat(LONG_MS - 1), fc.integer({ min: LONG_MS, max: 45_000 })));

describe('pacePoll', () => {
  it('follows a long poll at once, however many there are', () => {
    for (const kind of ['pending', 'paused', 'timeout'] as const) {
      expect(pace(repeat(50, took(kind, LONG_MS)))).toEqual(new Array(50).fill(0));
    }
  });

  it('takes an answer just under a second for a fast one', () => {
    const delays = pace(repeat(5, took('timeout', LONG_MS - 1)));
    expect(delays.slice(3)).toEqual([500, 1_000]);
  });

  it.each(['failing', 'timeout'] as const)('repeats a fast %s thrice at once, then backs off', (kind) => {
    const schedule = [0, 0, 0, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000];
    expect(pace(repeat(10, fast(kind)))).toEqual(schedule);
    const whole = pace(repeat(10, fast(kind)), () => ALMOST_ONE);
    for (const [i, delay] of schedule.entries()) expect(whole[i]).toBeCloseTo(2 * delay, 3);
  });

  it('backs off from a slow failure as from a fast one', () => {
    expect(pace(repeat(5, took('failing', 30_000)))).toEqual([0, 0, 0, 500, 1_000]);
  });

  it('backs off from the first limit on', () => {
    expect(pace(repeat(7, fast('limited')))).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  });

  it('asks a server that does not hold requests less often, not seldom', () => {
    expect(pace(repeat(10, fast('pending')))).toEqual([0, 0, 0, 50, 100, 200, 400, 800, 1_000, 1_000]);
  });

  it('starts the failures afresh after one pending answer', () => {
    const series = repeat(5, fast('failing'));
    const delays = pace([...series, fast('pending'), ...series]);
    expect(delays.slice(0, 5)).toEqual([0, 0, 0, 500, 1_000]);
    expect(delays.slice(6)).toEqual([0, 0, 0, 500, 1_000]);
  });

  it('case 14: starts the limits afresh after any answer, and the failures after a limit', () => {
    const kinds = ['limited', 'limited', 'failing', 'limited', 'limited'] as const;
    expect(pace(kinds.map(fast))).toEqual([500, 1_000, 0, 500, 1_000]);
    const failures = repeat(5, fast('failing'));
    expect(pace([...failures, fast('limited'), ...failures]).slice(6)).toEqual([0, 0, 0, 500, 1_000]);
  });

  it('case 12: asks at most once a second where the server pauses the operation', () => {
    expect(pace(repeat(5, fast('paused')))).toEqual(new Array(5).fill(1_000));
    expect(pace(repeat(12, fast('paused')), () => ALMOST_ONE).at(-1)).toBeCloseTo(2_000, 3);
  });

  it('obeys a hint, up to a minute, and without chance', () => {
    const random = () => {
      throw new Error('no jitter on a hint');
    };
    const hinted = (hintMs: number) => pace([took('failing', 5, hintMs)], random);
    expect(hinted(7_000)).toEqual([7_000]);
    expect(hinted(1)).toEqual([1]);
    expect(hinted(600_000)).toEqual([60_000]);
    expect(pace([took('pending', 20_000, 250)], random)).toEqual([250]);
  });

  it('takes a hint of no time for none: a date in the past must not make it spin', () => {
    const outcome = took('failing', 5, 0);
    expect(pace(repeat(5, outcome))).toEqual([0, 0, 0, 500, 1_000]);
  });

  it('is the policy told from the whole history', () => {
    const random = fc.double({ min: 0, max: ALMOST_ONE, noNaN: true });
    fc.assert(
      fc.property(fc.array(anyOutcome, { maxLength: 60 }), random, (history, chance) => {
        const expected = history.map((_, i) => referenceDelay(history.slice(0, i + 1), chance));
        const delays = pace(history, () => chance);
        for (const [i, delay] of delays.entries()) expect(delay).toBeCloseTo(expected[i]!, 6);
      }),
      { numRuns: 500 },
    );
  });

  it('is bounded, and after any long poll as if nothing had been', () => {
    fc.assert(
      fc.property(fc.array(anyOutcome), fc.array(anyOutcome), (before, after) => {
        const long = took('pending', LONG_MS);
        const delays = pace([...before, long, ...after]);
        for (const delay of delays) expect(delay >= 0 && delay <= 60_000).toBe(true);
        expect(delays.slice(before.length + 1)).toEqual(pace(after));
      }),
    );
  });

  it('asks at most 480 times a minute, whatever fast answers it gets', () => {
    const policy = resolvePollPolicy('pollPolicy');
    const asked = (kinds: Iterable<PollOutcome['kind']>): number => {
      let pacing = freshPacing;
      let elapsedMs = 0;
      let requests = 0;
      for (const kind of kinds) {
        if (elapsedMs > 60_000) break;
        requests += 1;
        const paced = pacePoll(pacing, took(kind, 0), policy, () => 0);
        pacing = paced.pacing;
        elapsedMs += paced.delayMs;
      }
      return requests;
    };
    // The worst a server can do: failures until the pause, with a limit in its place.
    const worst = Array.from({ length: 4_000 }, (_, i): PollOutcome['kind'] =>
      i % 4 === 3 ? 'limited' : 'failing',
    );
    expect(asked(worst)).toBeGreaterThan(400);
    expect(asked(worst)).toBeLessThanOrEqual(484);
    const longKinds = fc.array(fc.constantFrom(...KINDS), { minLength: 300, maxLength: 600 });
    fc.assert(fc.property(longKinds, (kinds) => asked(kinds) <= 484));
  });
});

describe('the python policy', () => {
  it('repeats at once after everything but limits, and deaf to hints, as the official SDK', () => {
    const delays = (outcomes: readonly PollOutcome[]) => pace(outcomes, () => 0.5, 'python');
    for (const kind of ['pending', 'paused', 'timeout', 'failing'] as const)
      expect(delays(repeat(20, took(kind, 5, 7_000)))).toEqual(new Array(20).fill(0));
    const steps = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
    expect(delays(repeat(7, took('limited', 5, 7_000)))).toEqual(steps);
    expect(delays([...repeat(3, fast('limited')), fast('failing'), fast('limited')]).at(-1)).toBe(1_000);
    expect(delays(repeat(1_100, fast('limited'))).at(-1)).toBe(30_000);
  });
});

describe('a policy of numbers', () => {
  it('is the adaptive one with them', () => {
    const option = { longPollMs: 100, immediateRepeats: 1, firstMs: 50, maxMs: 400 };
    const numbers = (outcomes: readonly PollOutcome[]) => pace(outcomes, () => 0, option);
    expect(numbers(repeat(7, fast('failing')))).toEqual([0, 25, 50, 100, 200, 200, 200]);
    expect(numbers(repeat(3, took('timeout', 100)))).toEqual([0, 0, 0]);
    expect(numbers(repeat(3, took('timeout', 99)))).toEqual([0, 25, 50]);
    expect(numbers(repeat(6, fast('limited')))).toEqual([25, 50, 100, 200, 200, 200]);
    expect(numbers(repeat(7, fast('pending')))).toEqual([0, 25, 50, 100, 200, 200, 200]);
  });
});

describe('a policy of one’s own', () => {
  it('case 5: is asked with what is known, and its word is the delay', () => {
    const seen: unknown[] = [];
    const own: PollPolicyOption = (context) => {
      seen.push(context);
      return 24 + context.consecutive;
    };
    const outcomes = [
      took('failing', 5, 3),
      fast('failing'),
      took('timeout', 45_000),
      fast('limited'),
      fast('pending'),
    ];
    expect(pace(outcomes, () => 0, own)).toEqual([25, 26, 27, 25, 25]);
    expect(seen).toEqual([
      { status: 503, consecutive: 1, elapsedMs: 5, hintMs: 3 },
      { status: 503, consecutive: 2, elapsedMs: 5, hintMs: undefined },
      { status: 408, consecutive: 3, elapsedMs: 45_000, hintMs: undefined },
      { status: 429, consecutive: 1, elapsedMs: 5, hintMs: undefined },
      { status: 200, consecutive: 1, elapsedMs: 5, hintMs: undefined },
    ]);
  });

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY, '5', undefined])('may not say %s', (delay) => {
    const run = () =>
      pace(
        [fast('failing')],
        () => 0,
        () => delay as number,
      );
    expect(run).toThrow(/^"pollPolicy\(\)" must be a finite number >= 0, got/);
  });
});
