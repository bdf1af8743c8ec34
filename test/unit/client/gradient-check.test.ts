import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkGradients,
  type GradientCheck,
  type GradientCheckOptions,
} from '../../../src/client/custom-loss/gradient-check.ts';
import type { CustomLoss, CustomLossResult, Datum } from '../../../src/index.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import { rejection } from '../../support/settled.ts';

type Rows = readonly (readonly number[])[];
/** A term of a sum over all log-probabilities: its value and its derivative. */
type Term = (x: number, datum: number, position: number) => readonly [value: number, slope: number];

const ROWS: Rows = [
  [-0.5, -1.25, -3],
  [-0.001, -7.5],
  [-2, -0.25, -1, -12],
];
const OLD: Rows = [
  [-0.7, -1.25, -2.5],
  [-0.002, -7],
  [-2.5, -0.5, -1.1, -11],
];
const ADVANTAGES: Rows = [
  [1, -0.5, 2],
  [-1, 0.5],
  [0.1, 3, -2, 1],
];

const dataOf = (rows: Rows): Datum<'cross_entropy'>[] =>
  rows.map((row) => ({ modelInput: row.map(() => 1), lossFnInputs: { target_tokens: row.map(() => 1) } }));

const at = (rows: Rows, datum: number, position: number): number => rows[datum]?.[position] ?? Number.NaN;

/** The loss that is a sum of terms. */
function sumOf(term: Term): (logprobs: readonly Float32Array[]) => { loss: number; gradients: number[][] } {
  return (logprobs) => {
    let loss = 0;
    const gradients = logprobs.map((row, datum) =>
      Array.from(row, (x, position) => {
        const [value, slope] = term(x, datum, position);
        loss += value;
        return slope;
      }),
    );
    return { loss, gradients };
  };
}

/** A loss whose gradients are made wrong. */
const spoilt =
  (term: Term, spoil: (gradients: number[][]) => number[][]): CustomLoss =>
  (_, logprobs) => {
    const { loss, gradients } = sumOf(term)(logprobs);
    return { loss, gradients: spoil(gradients) };
  };
const right = (term: Term): CustomLoss => spoilt(term, (gradients) => gradients);

const check = (loss: CustomLoss, options?: GradientCheckOptions, rows: Rows = ROWS): Promise<GradientCheck> =>
  checkGradients(loss, dataOf(rows), rows, options);

const quadratic: Term = (x) => [(x + 1.5) ** 2, 2 * (x + 1.5)];
const policyGradient: Term = (x, d, p) => [-at(ADVANTAGES, d, p) * x, -at(ADVANTAGES, d, p)];
const importance: Term = (x, d, p) => {
  const value = -at(ADVANTAGES, d, p) * Math.exp(x - at(OLD, d, p));
  return [value, value];
};
const kl: Term = (x, d, p) => {
  const log = at(OLD, d, p) - x;
  return [Math.exp(log) - log - 1, 1 - Math.exp(log)];
};
const clipped: Term = (x, d, p) => {
  const advantage = at(ADVANTAGES, d, p);
  const ratio = Math.exp(x - at(OLD, d, p));
  const inside = Math.min(1.2, Math.max(0.8, ratio));
  const isFree = ratio * advantage <= inside * advantage;
  return [-Math.min(ratio * advantage, inside * advantage), isFree ? -ratio * advantage : 0];
};
const unlikelihood: Term = (x) => [-Math.log(-Math.expm1(x)), Math.exp(x) / -Math.expm1(x)];
const sharp: Term = (x) => [Math.exp(10 * x), 10 * Math.exp(10 * x)];

describe('checkGradients', () => {
  it.each<readonly [string, Term]>([
    ['quadratic', quadratic],
    ['policy gradient', policyGradient],
    ['importance sampling', importance],
    ['KL', kl],
    ['clipped ratios', clipped],
    ['unlikelihood', unlikelihood],
    ['exp(10 x)', sharp],
    ['nothing', () => [0, 0]],
    ['a constant', () => [1, 0]],
  ])('calls right gradients right: %s', async (_, term) => {
    const { isRight, worst, positions, ratio } = await check(right(term));
    expect(positions).toHaveLength(9);
    expect(isRight, JSON.stringify(worst)).toBe(true);
    expect(worst.relativeError).toBeLessThanOrEqual(1e-3);
    if (positions.some(({ analytic }) => analytic !== 0)) expect(ratio).toBeCloseTo(1, 3);
    else expect(ratio).toBeUndefined();
  });

  it('reports every position with both gradients, dLoss/dLogprob', async () => {
    const { positions, worst } = await check(right(policyGradient));
    expect(positions.map(({ datum, position }) => [datum, position])).toEqual(
      ROWS.flatMap((row, datum) => row.map((_, position) => [datum, position])),
    );
    for (const { datum, position, logprob, analytic, numeric, relativeError, isResolved } of positions) {
      expect(logprob).toBe(Math.fround(at(ROWS, datum, position)));
      expect(analytic).toBe(-at(ADVANTAGES, datum, position));
      expect(numeric).toBeCloseTo(-at(ADVANTAGES, datum, position), 9);
      expect(relativeError).toBeLessThan(1e-9);
      expect(isResolved).toBe(true);
    }
    expect(worst.relativeError).toBe(Math.max(...positions.map(({ relativeError }) => relativeError)));
  });

  it.each<readonly [string, Term, number, (gradients: number[][]) => number[][]]>([
    ['a wrong sign', policyGradient, -1, (rows) => rows.map((row) => row.map((g) => -g))],
    ['a wrong sign', kl, -1, (rows) => rows.map((row) => row.map((g) => -g))],
    ['a missing factor', quadratic, 0.5, (rows) => rows.map((row) => row.map((g) => g / 2))],
    ['a factor too much', importance, 3, (rows) => rows.map((row) => row.map((g) => g * 3))],
    ['one per cent', clipped, 1.01, (rows) => rows.map((row) => row.map((g) => g * 1.01))],
    ['no gradients', importance, 0, (rows) => rows.map((row) => row.map(() => 0))],
  ])('finds %s, and tells the ratio', async (_, term, factor, spoil) => {
    const { isRight, ratio, worst } = await check(spoilt(term, spoil));
    expect(isRight).toBe(false);
    expect(ratio).toBeCloseTo(factor, 3);
    expect(worst.relativeError).toBeGreaterThan(5e-3);
  });

  it.each<readonly [string, Term, (gradients: number[][]) => number[][]]>([
    ['gradients one place later', importance, (rows) => rows.map((row) => [0, ...row.slice(0, -1)])],
    ['gradients one place earlier', kl, (rows) => rows.map((row) => [...row.slice(1), 0])],
    ['reversed gradients', quadratic, (rows) => rows.map((row) => row.toReversed())],
    ['a forgotten datum', policyGradient, (rows) => rows.map((row, d) => (d === 1 ? row.map(() => 0) : row))],
    ['a datum of the wrong sign', kl, (rows) => rows.map((row, d) => (d === 2 ? row.map((g) => -g) : row))],
    ['means of data for sums', importance, (rows) => rows.map((row) => row.map((g) => g / row.length))],
    ['the derivative of another loss', kl, (rows) => rows.map((row) => row.map((g) => g * g))],
  ])('finds %s, which have no ratio', async (_, term, spoil) => {
    const { isRight, ratio, worst } = await check(spoilt(term, spoil));
    expect(isRight).toBe(false);
    expect(ratio).toBeUndefined();
    expect(worst.relativeError).toBeGreaterThan(0.05);
  });

  it('finds the only wrong one of many, and names it', async () => {
    const rows = Array.from({ length: 4 }, (_, d) =>
      Array.from({ length: 25 }, (_, p) => -0.1 * (d + p) - 0.05),
    );
    const spoil = (gradients: number[][]): number[][] =>
      gradients.map((row, d) => row.map((g, p) => (d === 2 && p === 7 ? g * 1.02 : g)));
    const { isRight, worst, positions } = await check(spoilt(quadratic, spoil), { samples: 100 }, rows);
    expect(isRight).toBe(false);
    expect(worst).toMatchObject({ datum: 2, position: 7, logprob: Math.fround(-0.95) });
    expect(worst.analytic / worst.numeric).toBeCloseTo(1.02, 6);
    expect(positions.filter(({ relativeError }) => relativeError > 1e-3)).toHaveLength(1);
  });

  it('finds a gradient where the loss is flat, which is wrong by all of it', async () => {
    const flat = spoilt(
      () => [5, 0],
      (rows) => rows.map((row) => row.map((_, p) => (p === 1 ? 0.1 : 0))),
    );
    const { isRight, worst, positions } = await check(flat);
    expect(isRight).toBe(false);
    expect(worst).toMatchObject({ datum: 0, position: 1, numeric: 0, relativeError: 1 });
    expect(positions.every(({ isResolved }) => isResolved)).toBe(true);
  });

  it('judges by the tolerance', async () => {
    const loss = spoilt(quadratic, (rows) => rows.map((row) => row.map((g) => g * 1.01)));
    expect((await check(loss, { tolerance: 0.02 })).isRight).toBe(true);
    expect((await check(loss, { tolerance: 0.009 })).isRight).toBe(false);
  });

  it.each([2 ** -17, 0.5])('has steps for any log-probability, from %d on', async (step) => {
    const rows = [[-1, -1.9999999, -3.9999998, -1_000.7, -1e6, -0, -1e-20, -1e-45]];
    const { positions } = await check(
      right((x) => [x, 1]),
      { step },
      rows,
    );
    expect(positions).toHaveLength(8);
  });

  it('waits for a loss that takes its time, one evaluation after the other', async () => {
    let running = 0;
    const slow: CustomLoss = async (data, logprobs) => {
      expect(++running).toBe(1);
      await Promise.resolve();
      running--;
      return await right(kl)(data, logprobs);
    };
    expect((await check(slow)).isRight).toBe(true);
  });
});

describe('what is hard about losses', () => {
  it('calls the zeros of a stationary point right, and small gradients there wrong', async () => {
    const same: Term = (x, d, p) => {
      const log = Math.fround(at(ROWS, d, p)) - x;
      return [Math.exp(log) - log - 1, 1 - Math.exp(log)];
    };
    expect((await check(right(same))).isRight).toBe(true);
    const offset: Term = (...of) => [same(...of)[0] + 100, same(...of)[1]];
    expect((await check(right(offset))).isRight).toBe(true);
    const wrong = spoilt(same, (rows) => rows.map((row) => row.map(() => 1e-4)));
    expect((await check(wrong)).isRight).toBe(false);
  });

  it('sees past a kink nearby, and calls a gradient at one wrong', async () => {
    const hinge =
      (corner: number): Term =>
      (x) => [Math.max(0, x - corner), x > corner ? 1 : 0];
    for (const distance of [2 ** -8, -(2 ** -8), 2 ** -11, -(2 ** -11)]) {
      expect((await check(right(hinge(-1 + distance)), {}, [[-1]])).isRight).toBe(true);
    }
    const { isRight, worst } = await check(right(hinge(-1)), {}, [[-1]]);
    expect(isRight).toBe(false);
    expect(worst).toMatchObject({ analytic: 0, numeric: 0.5 });
  });

  it('makes smaller moves where the loss has a pole at 0', async () => {
    for (const logprob of [-1e-2, -1e-4, -1e-6]) {
      const { isRight, worst } = await check(right(unlikelihood), {}, [[logprob, -1]]);
      expect(isRight, JSON.stringify(worst)).toBe(true);
      const negated = spoilt(unlikelihood, (rows) => rows.map((row) => row.map((g) => -g)));
      expect((await check(negated, {}, [[logprob, -1]])).ratio).toBeCloseTo(-1, 2);
    }
  });

  it('tells what it cannot see: a gradient that drowns in the loss', async () => {
    const drowned: Term = (x) => [1e9 + 1e-6 * x, 1e-6];
    const { isRight, positions } = await check(right(drowned));
    expect(positions.map(({ isResolved }) => isResolved)).toEqual(positions.map(() => false));
    expect(isRight).toBe(false);
    // Also where the loss is small because its terms cancel out.
    const cancelled: Term = (x, d, p) => {
      const slope = d === 0 && p < 2 ? 1e9 * (p === 0 ? 5 : -2) : 1e-6;
      return [slope * x, slope];
    };
    const { positions: mixed } = await check(right(cancelled));
    expect(mixed.map(({ isResolved }) => isResolved)).toEqual([true, true, ...new Array(7).fill(false)]);
  });

  it('knows what rounding leaves of terms that cancel out around a log-probability of 0', async () => {
    const cancelling: CustomLoss = (_, [row = new Float32Array()]) => {
      const [x = 0, y = 0] = row;
      const [one, other] = [Math.tanh(0.2 * x - 0.2 * y), Math.tanh(0.2 * x + 0.3 * y)];
      const [slope, otherSlope] = [1 - one * one, 1 - other * other];
      return {
        loss: other - one,
        gradients: [[0.2 * (otherSlope - slope), 0.3 * otherSlope + 0.2 * slope]],
      };
    };
    const { isRight, worst } = await check(cancelling, {}, [[0, -1.57 * 2 ** -44]]);
    expect(isRight, JSON.stringify(worst)).toBe(true);
  });

  it('takes no small step whose noise hides a wrong gradient', async () => {
    // 1e4 + 1e-4 x: the first step tells 1e-4 from 2e-4, the last would not.
    const faint = spoilt(
      (x) => [1e3 + 1e-3 * x, 1e-3],
      (rows) => rows.map((row) => row.map((g) => g * 1.5)),
    );
    const { isRight, ratio } = await check(faint, {}, [[-1, -2]]);
    expect(isRight).toBe(false);
    expect(ratio).toBeCloseTo(1.5, 2);
  });

  it('serves a loss that is summed up in float32, with larger steps and tolerance', async () => {
    const coarse: CustomLoss = (_, logprobs) => {
      const { loss, gradients } = sumOf(importance)(logprobs);
      return { loss: Math.fround(1_000 + loss), gradients };
    };
    expect((await check(coarse)).isRight).toBe(false);
    expect((await check(coarse, { step: 0.5, tolerance: 0.1 })).isRight).toBe(true);
  });

  it('hands out copies, changed at one place at most, whatever the loss does with them', async () => {
    const data = dataOf(ROWS);
    const rows = ROWS.map((row) => Float32Array.from(row));
    const reused = ROWS.map((row) => new Float64Array(row.length));
    let evaluations = 0;
    const rude: CustomLoss = (given, logprobs) => {
      expect(given).toBe(data);
      const changed = logprobs.flatMap((row, d) =>
        [...row].filter((x, p) => x !== Math.fround(at(ROWS, d, p))),
      );
      expect(changed.length).toBe(evaluations === 0 || evaluations === 1 ? 0 : Math.min(1, changed.length));
      evaluations++;
      const { loss, gradients } = sumOf(quadratic)(logprobs);
      for (const [d, row] of gradients.entries()) reused[d]?.set(row);
      for (const row of logprobs) row.fill(7);
      return { loss, gradients: reused };
    };
    expect((await checkGradients(rude, data, rows)).isRight).toBe(true);
    expect(rows).toEqual(ROWS.map((row) => Float32Array.from(row)));
    expect(evaluations).toBe(3 + 9 * 4);
  });
});

describe('the positions that are tried', () => {
  const LONG = [Array.from({ length: 40 }, (_, i) => -0.01 * i - 0.1), [-1, -2], [], [-3]];
  const tried = async (options: GradientCheckOptions, term: Term = quadratic) =>
    (await check(right(term), options, LONG)).positions.map(({ datum, position }) => datum * 100 + position);

  it('are all where there are not more than samples, else as many, none twice, in order', async () => {
    expect(await tried({ samples: 43 })).toHaveLength(43);
    expect(await tried({ samples: 1_000 })).toHaveLength(43);
    expect(await tried({})).toHaveLength(32);
    for (let seed = 0; seed < 50; seed++) {
      const some = await tried({ samples: 20, random: seededRandom(seed) });
      expect(new Set(some).size).toBe(20);
      expect(some).toEqual([...some].sort((a, b) => a - b));
    }
  });

  it('are the same for the same seed, and reach everywhere', async () => {
    expect(await tried({ samples: 5, random: seededRandom(1) })).toEqual(
      await tried({ samples: 5, random: seededRandom(1) }),
    );
    const seen = new Set<number>();
    for (let seed = 0; seed < 200; seed++) {
      for (const position of await tried({ samples: 3, random: seededRandom(seed) })) seen.add(position);
    }
    expect(seen.size).toBe(43);
  });

  it('are half with a gradient, half without, as far as there are so many', async () => {
    const few: Term = (x, d, p) => (d === 1 || (d === 0 && p < 8) ? [x, 1] : [0, 0]);
    const steep = (positions: readonly number[]) =>
      positions.filter((id) => id < 8 || (id >= 100 && id < 200)).length;
    expect(steep(await tried({ samples: 10 }, few))).toBe(5);
    expect(steep(await tried({ samples: 1 }, few))).toBe(1);
    const many = await tried({ samples: 30 }, few);
    expect(steep(many)).toBe(10);
    expect(many).toHaveLength(30);
    const most: Term = (x, d, p) => (d === 0 && p < 3 ? [0, 0] : [x, 1]);
    const some = await tried({ samples: 20 }, most);
    expect(some).toHaveLength(20);
    expect(some.filter((id) => id < 3)).toHaveLength(3);
  });
});

describe('what it refuses', () => {
  const wrongAfter = (
    evaluations: number,
    change: (result: CustomLossResult) => CustomLossResult,
  ): CustomLoss => {
    let count = 0;
    return async (data, logprobs) => {
      const result = await right(quadratic)(data, logprobs);
      return count++ >= evaluations ? change(result) : result;
    };
  };
  const louder = (result: CustomLossResult): CustomLossResult => ({ ...result, loss: result.loss + 1 });
  const turned = (result: CustomLossResult): CustomLossResult => ({
    ...result,
    gradients: result.gradients.map((row, d) => Array.from(row, (g, p) => (d === 1 && p === 1 ? -g : g))),
  });

  it.each<readonly [string, CustomLoss, string, RegExp]>([
    [
      'a loss that changes',
      wrongAfter(1, louder),
      'customLoss().loss',
      /same .* again .* got [\d.]+ and [\d.]+$/,
    ],
    ['gradients that change', wrongAfter(1, turned), 'customLoss().gradients[1][1]', /got -12 and 12$/],
    ['a loss that changes late', wrongAfter(2 + 9 * 4, louder), 'customLoss().loss', /same/],
    ['gradients that change late', wrongAfter(2 + 9 * 4, turned), 'customLoss().gradients[1][1]', /same/],
    [
      'no loss',
      () => ({ gradients: ROWS }) as unknown as CustomLossResult,
      'customLoss().loss',
      /got undefined/,
    ],
    ['nothing', () => undefined as unknown as CustomLossResult, 'customLoss()', /got undefined/],
    ['NaN', () => ({ loss: Number.NaN, gradients: ROWS }), 'customLoss().loss', /finite number, got NaN/],
    [
      'no gradients',
      () => ({ loss: 1 }) as CustomLossResult,
      'customLoss().gradients',
      /each of the 3 data, got undefined/,
    ],
    [
      'too few arrays',
      () => ({ loss: 1, gradients: [[1]] }),
      'customLoss().gradients',
      /each of the 3 data, got an array of 1/,
    ],
    [
      'an array too short',
      () => ({ loss: 1, gradients: [[1, 1, 1], [1], [1, 1, 1, 1]] }),
      'customLoss().gradients[1]',
      /2 numbers, one for each target token, got 1$/,
    ],
    [
      'a missing array',
      () => ({ loss: 1, gradients: [[1, 1, 1], undefined, []] }) as unknown as CustomLossResult,
      'customLoss().gradients[1]',
      /2 numbers, one for each target token, got undefined$/,
    ],
    [
      'an infinite gradient',
      spoilt(quadratic, (rows) => rows.map((row, d) => (d === 2 ? row.map(() => 1 / 0) : row))),
      'customLoss().gradients[2][0]',
      /got Infinity/,
    ],
    [
      'a loss that ends at a log-probability',
      right((x, d, p) => (d === 0 && p === 1 && x > -1.25 ? [Number.NaN, 0] : [x, 1])),
      'customLoss().loss',
      /finite near logprobs\[0\]\[1\], -1.25/,
    ],
  ])('%s', async (_, loss, field, message) => {
    const error = await rejection(check(loss));
    expect(error).toMatchObject({ code: 'input_invalid', field, message: expect.stringMatching(message) });
  });

  it.each<readonly [readonly unknown[], unknown, string]>([
    [dataOf(ROWS), [[-1]], 'logprobs'],
    [dataOf(ROWS), undefined, 'logprobs'],
    [undefined as unknown as [], [[-1]], 'logprobs'],
    [[], [], 'logprobs'],
    [dataOf([[]]), [[]], 'logprobs'],
    [dataOf([[-1], [-1]]), [[-1], undefined], 'logprobs[1]'],
    [dataOf([[-1, -1]]), [[-1, Number.NaN]], 'logprobs[0][1] as a float32'],
    [dataOf([[-1]]), [[-1e39]], 'logprobs[0][0] as a float32'],
  ])('data and log-probabilities that do not fit: %#', async (data, logprobs, field) => {
    const work = checkGradients(right(quadratic), data as Datum<'cross_entropy'>[], logprobs as number[][]);
    expect(await rejection(work)).toMatchObject({ code: 'input_invalid', field });
  });

  it.each<readonly [GradientCheckOptions, string]>([
    [{ step: 2 ** -18 }, 'step'],
    [{ step: 0.6 }, 'step'],
    [{ step: Number.NaN }, 'step'],
    [{ tolerance: 0 }, 'tolerance'],
    [{ tolerance: 1 }, 'tolerance'],
    [{ samples: 0 }, 'samples'],
    [{ samples: 1.5 }, 'samples'],
  ])('options that make no sense: %j', async (options, field) => {
    expect(await rejection(check(right(quadratic), options))).toMatchObject({ code: 'input_invalid', field });
  });

  it('passes on what the loss function throws', async () => {
    const mine = new Error('mine');
    const failing: CustomLoss = () => {
      throw mine;
    };
    expect(await rejection(check(failing))).toBe(mine);
  });
});

describe('smooth functions', () => {
  const SHAPES: readonly ((u: number) => readonly [value: number, slope: number])[] = [
    (u) => [Math.sin(u), Math.cos(u)],
    (u) => [Math.exp(u / 8), Math.exp(u / 8) / 8],
    (u) => [Math.tanh(u), 1 - Math.tanh(u) ** 2],
    (u) => [Math.log1p(Math.exp(u)), 1 / (1 + Math.exp(-u))],
    (u) => [(u / 4) ** 3, (3 / 4) * (u / 4) ** 2],
    (u) => [1 / (1 + u * u), (-2 * u) / (1 + u * u) ** 2],
  ];
  // Steep enough everywhere to be seen beside the others.
  const tenths = (from: number, to: number) =>
    fc.integer({ min: from * 10, max: to * 10 }).map((n) => n / 10);
  const weight = fc.oneof(tenths(-1, -0.2), tenths(0.2, 1));
  const mix = fc.array(
    fc.record({
      shape: fc.constantFrom(...SHAPES),
      size: fc.oneof(tenths(-3, -0.5), tenths(0.5, 3)),
      weights: fc.array(weight, { minLength: 6, maxLength: 6 }),
    }),
    { minLength: 1, maxLength: 5 },
  );
  type Terms = typeof mix extends fc.Arbitrary<infer T> ? T : never;
  // Not all of them 0: so many terms would cancel out there as never do elsewhere.
  const rows = fc.array(fc.double({ min: -6, max: -0.05, noNaN: true }), { minLength: 6, maxLength: 6 });

  /** sum size * shape(weights · all log-probabilities), with its gradient made wrong at one place. */
  const lossOf =
    (terms: Terms, wrong?: { at: number; by: number }): CustomLoss =>
    (_, logprobs) => {
      const xs = logprobs.flatMap((row) => [...row]);
      const gradient = xs.map((_, i) => (i === wrong?.at ? wrong.by : 0));
      let loss = 0;
      for (const { shape, size, weights } of terms) {
        const [value, slope] = shape(xs.reduce((sum, x, i) => sum + x * (weights[i] ?? 0), 0));
        loss += size * value;
        for (const i of gradient.keys()) gradient[i] = (gradient[i] ?? 0) + size * slope * (weights[i] ?? 0);
      }
      return { loss, gradients: [gradient.slice(0, 2), gradient.slice(2)] };
    };
  /** Terms that all but cancel out drown in their rounding, of which nobody but the loss function knows. */
  const cancelOut = (terms: Terms, xs: readonly number[]): boolean => {
    const dot = (weights: readonly number[]) => xs.reduce((sum, x, i) => sum + x * (weights[i] ?? 0), 0);
    const values = terms.map(({ shape, size, weights }) => size * shape(dot(weights))[0]);
    const whole = values.reduce((sum, value) => sum + value, 0);
    const largest = Math.max(...values.map(Math.abs));
    return largest > 100 * Math.abs(whole);
  };
  const cut = (xs: readonly number[]): Rows => [xs.slice(0, 2), xs.slice(2)];

  it('are called right', async () => {
    await fc.assert(
      fc.asyncProperty(mix, rows, async (terms, xs) => {
        fc.pre(!cancelOut(terms, xs));
        const { worst } = await check(lossOf(terms), {}, cut(xs));
        expect(worst.relativeError).toBeLessThanOrEqual(1e-3);
      }),
      { numRuns: 200 },
    );
  });

  it('are called wrong at the one place where they are', async () => {
    const wrong = fc.record({ at: fc.nat(5), part: fc.constantFrom(-2, -0.5, -0.02, 0.02, 0.5, 2) });
    await fc.assert(
      fc.asyncProperty(mix, rows, wrong, async (terms, xs, { at: place, part }) => {
        fc.pre(!cancelOut(terms, xs));
        const { positions } = await check(lossOf(terms), {}, cut(xs));
        const slope = positions[place]?.numeric ?? 0;
        // Steeper than what a step's curvature makes of it.
        fc.pre(Math.abs(slope) > 0.05);
        const spoiltLoss = lossOf(terms, { at: place, by: part * slope });
        const { isRight, worst } = await check(spoiltLoss, {}, cut(xs));
        expect(isRight).toBe(false);
        expect(worst.datum * 2 + worst.position).toBe(place);
      }),
      { numRuns: 200 },
    );
  });
});
