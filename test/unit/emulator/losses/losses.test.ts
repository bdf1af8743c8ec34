import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Loss, LossTerm } from '../../../../src/emulator/losses/loss.ts';
import { LOSSES } from '../../../../src/emulator/losses/losses.ts';

// The definitions are those of Tinker's documentation, written out here a second time with the platform's functions.

interface Point {
  readonly logprob: number;
  readonly weights: number;
  readonly logprobs: number;
  readonly advantages: number;
  readonly clip_low_threshold: number;
  readonly clip_high_threshold: number;
  readonly beta: number;
}

const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const point: fc.Arbitrary<Point> = fc.record({
  logprob: number(-9, 0),
  weights: number(-3, 3),
  logprobs: number(-9, 0),
  advantages: number(-3, 3),
  clip_low_threshold: number(0, 1),
  clip_high_threshold: number(1, 5),
  beta: number(0, 2),
});

const ratioOf = ({ logprob, logprobs }: Point): number => Math.exp(logprob - logprobs);
const clippedOf = (p: Point): number =>
  Math.min(Math.max(ratioOf(p), p.clip_low_threshold), p.clip_high_threshold);

const DOCUMENTED: Readonly<Record<string, (p: Point) => number>> = {
  cross_entropy: ({ logprob, weights }) => -logprob * weights,
  importance_sampling: (p) => -(ratioOf(p) * p.advantages),
  ppo: (p) => -Math.min(ratioOf(p) * p.advantages, clippedOf(p) * p.advantages),
  cispo: (p) => -(clippedOf(p) * p.logprob * p.advantages),
  dro: (p) => -(p.logprob * p.advantages - 0.5 * p.beta * (p.logprob - p.logprobs) ** 2),
};

/** The term of a loss at one target, every tensor and setting taken from `p`. */
function termAt(loss: Loss, p: Point): LossTerm {
  const all = p as unknown as Readonly<Record<string, number>>;
  const take = (name: string): number => all[name] ?? Number.NaN;
  return loss.bind({ numbers: (name) => [take(name)], setting: take })(p.logprob, 0);
}

const close = (found: number, expected: number): void =>
  expect(Math.abs(found - expected)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(expected)));

it('are those of the protocol', () => {
  expect(LOSSES.map(({ name }) => name)).toEqual(Object.keys(DOCUMENTED));
});

describe.each(LOSSES.map((loss) => [loss.name, loss] as const))('%s', (name, loss) => {
  it('is what is documented', () => {
    fc.assert(
      fc.property(point, (p) => {
        const documented = DOCUMENTED[name]?.(p) ?? Number.NaN;
        const { loss: found } = termAt(loss, p);
        expect(Math.abs(found - documented)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(documented)));
      }),
    );
  });

  it('says what counts and what was clipped', () => {
    fc.assert(
      fc.property(point, (p) => {
        const { counts, isClipped } = termAt(loss, p);
        const matters = { cross_entropy: p.weights !== 0, dro: true }[name] ?? p.advantages !== 0;
        expect(counts).toBe(matters);
        const clips = loss.diagnostics.includes('clipped:sum') && p.advantages !== 0;
        const isBeyond = clippedOf(p) !== ratioOf(p);
        // Right at a threshold the last bit decides.
        if (Math.abs(clippedOf(p) - ratioOf(p)) > 1e-12 || !isBeyond)
          expect(isClipped).toBe(clips && isBeyond);
      }),
    );
  });
});

// The clipped ratio of cispo is a constant to its gradient; see below.
it.each(LOSSES.filter(({ name }) => name !== 'cispo').map((loss) => [loss.name, loss] as const))(
  '%s has the slope it says, off the corners',
  (_, loss) => {
    const step = 1e-5;
    fc.assert(
      fc.property(point, (p) => {
        const corners = [p.clip_low_threshold, p.clip_high_threshold];
        fc.pre(corners.every((corner) => Math.abs(ratioOf(p) - corner) > 1e-3));
        const at = (logprob: number): number => termAt(loss, { ...p, logprob }).loss;
        const slope = (at(p.logprob + step) - at(p.logprob - step)) / (2 * step);
        const { gradient } = termAt(loss, p);
        expect(Math.abs(gradient - slope)).toBeLessThanOrEqual(1e-4 * Math.max(1, Math.abs(slope)));
      }),
    );
  },
);

const named = (name: string): Loss => {
  const loss = LOSSES.find((candidate) => candidate.name === name);
  if (loss === undefined) throw new Error(name);
  return loss;
};
const AT: Point = {
  logprob: -1,
  weights: 1,
  logprobs: -1,
  advantages: 1,
  clip_low_threshold: 0.8,
  clip_high_threshold: 1.2,
  beta: 0.1,
};

describe('ppo', () => {
  it.each([
    // ratio, advantage: has a gradient
    [2, 1, false],
    [2, -1, true],
    [0.5, 1, true],
    [0.5, -1, false],
    [1.1, 1, true],
    [0.9, -1, true],
  ])('at a ratio of %d with the advantage %d has a gradient: %s', (ratio, advantages, has) => {
    const { gradient, loss } = termAt(named('ppo'), { ...AT, logprob: -1 + Math.log(ratio), advantages });
    close(gradient, has ? -ratio * advantages : 0);
    close(loss, -Math.min(ratio * advantages, Math.min(Math.max(ratio, 0.8), 1.2) * advantages));
  });

  it('has the gradient of the plain objective on a corner', () => {
    const { gradient } = termAt(named('ppo'), { ...AT, clip_high_threshold: 1, clip_low_threshold: 1 });
    expect(gradient).toBe(-1);
  });
});

it('cispo keeps a gradient where the ratio is clipped: that of the log-prob, times the clipped ratio', () => {
  fc.assert(
    fc.property(point, (p) => {
      const { gradient, loss } = termAt(named('cispo'), p);
      close(gradient, -clippedOf(p) * p.advantages);
      close(loss, gradient * p.logprob);
    }),
  );
});

it.each(['importance_sampling', 'ppo', 'cispo'])(
  'leaves a target without advantage out of %s, however unlikely it was',
  (name) => {
    const term = termAt(named(name), { ...AT, logprobs: -1e6, advantages: 0 });
    expect(term).toEqual({ loss: 0, gradient: 0, counts: false, isClipped: false });
  },
);

it('has the documented defaults', () => {
  expect(Object.fromEntries(LOSSES.map(({ name, settings }) => [name, settings]))).toEqual({
    cross_entropy: {},
    importance_sampling: {},
    ppo: { clip_low_threshold: 0.8, clip_high_threshold: 1.2 },
    cispo: { clip_low_threshold: 0, clip_high_threshold: 4 },
    dro: { beta: 0.05 },
  });
});
