import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { freshPacing, type PollOutcome, pacePoll } from '../../../src/policy/poll-pacing.ts';

const LONG_MS = 1_000;
const KINDS = ['pending', 'timeout', 'failing', 'limited'] as const;
const ALMOST_ONE = 1 - 2 ** -32;

/** Delays after each of a series of outcomes. */
function pace(outcomes: readonly PollOutcome[], random: () => number = () => 0): number[] {
  let pacing = freshPacing;
  return outcomes.map((outcome) => {
    const paced = pacePoll(pacing, outcome, random);
    pacing = paced.pacing;
    return paced.delayMs;
  });
}

const repeat = (count: number, outcome: PollOutcome): PollOutcome[] =>
  Array.from({ length: count }, () => outcome);
const fast = (kind: PollOutcome['kind']): PollOutcome => ({ kind, elapsedMs: 5 });

const isLong = ({ kind, elapsedMs }: PollOutcome): boolean =>
  (kind === 'pending' || kind === 'timeout') && elapsedMs >= LONG_MS;

/** The policy told from the whole history, without a state: tinkex V1 (a) to (d), servers.md 2.1 item 26. */
function referenceDelay(history: readonly PollOutcome[], random: number): number {
  const last = history.at(-1)!;
  if (last.hintMs !== undefined && last.hintMs > 0) return Math.min(last.hintMs, 60_000);
  const since = history.slice(history.findLastIndex(isLong) + 1);
  if (since.length === 0) return 0;
  const failures = since.length - 1 - since.findLastIndex(({ kind }) => kind === 'pending');
  const hurried = since.filter(({ kind }) => kind === 'pending').length;
  const [step, first, longest] = {
    limited: [failures, 1_000, 30_000],
    pending: [hurried - 3, 100, 2_000],
    failing: [failures - 3, 1_000, 30_000],
    timeout: [failures - 3, 1_000, 30_000],
  }[last.kind] as [number, number, number];
  if (step < 1) return 0;
  const whole = Math.min(first * 2 ** (step - 1), longest);
  return whole * (0.5 + 0.5 * random);
}

const outcomes = (elapsedMs: fc.Arbitrary<number>): fc.Arbitrary<PollOutcome> =>
  fc.record(
    {
      kind: fc.constantFrom(...KINDS),
      elapsedMs,
      hintMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e6, noNaN: true })),
    },
    { requiredKeys: ['kind', 'elapsedMs'] },
  );
const anyOutcome = outcomes(fc.oneof(fc.nat(LONG_MS - 1), fc.integer({ min: LONG_MS, max: 45_000 })));
const fastKinds = fc.array(fc.constantFrom(...KINDS), { maxLength: 400 });

describe('pacePoll', () => {
  it('follows a long poll at once, however many there are', () => {
    for (const kind of ['pending', 'timeout'] as const) {
      expect(pace(repeat(50, { kind, elapsedMs: LONG_MS }))).toEqual(new Array(50).fill(0));
    }
  });

  it('takes an answer just under a second for a fast one', () => {
    const delays = pace(repeat(5, { kind: 'timeout', elapsedMs: LONG_MS - 1 }));
    expect(delays.slice(3)).toEqual([500, 1_000]);
  });

  it.each(['failing', 'timeout'] as const)('repeats a fast %s thrice at once, then backs off', (kind) => {
    const schedule = [0, 0, 0, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000];
    expect(pace(repeat(10, fast(kind)))).toEqual(schedule);
    const whole = pace(repeat(10, fast(kind)), () => ALMOST_ONE);
    for (const [i, delay] of schedule.entries()) expect(whole[i]).toBeCloseTo(2 * delay, 3);
  });

  it('backs off from a slow failure as from a fast one', () => {
    expect(pace(repeat(5, { kind: 'failing', elapsedMs: 30_000 }))).toEqual([0, 0, 0, 500, 1_000]);
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

  it('obeys a hint, up to a minute, and without chance', () => {
    const random = () => {
      throw new Error('no jitter on a hint');
    };
    const hinted = (hintMs: number) => pace([{ kind: 'failing', elapsedMs: 5, hintMs }], random);
    expect(hinted(7_000)).toEqual([7_000]);
    expect(hinted(1)).toEqual([1]);
    expect(hinted(600_000)).toEqual([60_000]);
    expect(pace([{ kind: 'pending', elapsedMs: 20_000, hintMs: 250 }], random)).toEqual([250]);
  });

  it('takes a hint of no time for none: a date in the past must not make it spin', () => {
    const outcome: PollOutcome = { kind: 'failing', elapsedMs: 5, hintMs: 0 };
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
        const long: PollOutcome = { kind: 'pending', elapsedMs: LONG_MS };
        const delays = pace([...before, long, ...after]);
        for (const delay of delays) expect(delay >= 0 && delay <= 60_000).toBe(true);
        expect(delays.slice(before.length + 1)).toEqual(pace(after));
      }),
    );
  });

  it('never spins: of fast answers at most 15 in a row go without a pause', () => {
    fc.assert(
      fc.property(fastKinds, (kinds) => {
        const delays = pace(kinds.map(fast));
        const runs = delays.map((delay) => (delay === 0 ? '0' : '1')).join('');
        const longest = Math.max(0, ...runs.split('1').map((run) => run.length));
        expect(longest).toBeLessThanOrEqual(15);
        // Later on it is three: each pause of a pending answer lets a new series of failures begin.
        const settled = kinds.map((kind) => kind === 'pending').indexOf(true);
        if (settled === -1) expect(delays.filter((delay) => delay === 0).length).toBeLessThanOrEqual(3);
      }),
      { numRuns: 500 },
    );
  });

  it('asks at most 280 times a minute, whatever fast answers it gets', () => {
    const asked = (kinds: Iterable<PollOutcome['kind']>): number => {
      let pacing = freshPacing;
      let elapsedMs = 0;
      let requests = 0;
      for (const kind of kinds) {
        if (elapsedMs > 60_000) break;
        requests += 1;
        const paced = pacePoll(pacing, { kind, elapsedMs: 0 }, () => 0);
        pacing = paced.pacing;
        elapsedMs += paced.delayMs;
      }
      return requests;
    };
    // The worst a server can do: failures until the pause, with a pending answer in its place.
    const worst = Array.from({ length: 4_000 }, (_, i) => KINDS[i % 4 === 3 ? 0 : 2]);
    expect(asked(worst)).toBeGreaterThan(200);
    expect(asked(worst)).toBeLessThanOrEqual(280);
    const longKinds = fc.array(fc.constantFrom(...KINDS), { minLength: 300, maxLength: 600 });
    fc.assert(fc.property(longKinds, (kinds) => asked(kinds) <= 280));
  });
});
