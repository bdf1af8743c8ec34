import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Derivative, derivatives } from '../../../src/client/custom-loss/central-difference.ts';

const STEP = 1 / 64;

/** All derivatives of a function at a float32, and where it was evaluated. */
async function all(f: (x: number) => number, at: number, magnitude = Math.abs(f(Math.fround(at)))) {
  const x = Math.fround(at);
  const seen: number[] = [];
  const evaluate = async (to: number): Promise<number> => {
    seen.push(to);
    return f(to);
  };
  const found: Derivative[] = [];
  for await (const one of derivatives({ evaluate, x, value: f(x), magnitude, step: STEP })) found.push(one);
  return { x, found, seen, first: found[0]?.value ?? Number.NaN };
}

/** Log-probabilities of any size, also between two powers of two. */
const logprob = fc.oneof(
  fc.double({ min: -20, max: 0, noNaN: true }),
  fc.integer({ min: -30, max: 4 }).map((exponent) => -(2 ** exponent)),
  fc.integer({ min: -30, max: 4 }).map((exponent) => -(2 ** exponent) * (1 - 2 ** -24)),
  fc.integer({ min: -30, max: 4 }).map((exponent) => -(2 ** exponent) * (1 - 2 ** -20 * 1.3)),
);

describe('derivatives', () => {
  it('asks for float32 values only, on both sides, nearer and nearer', async () => {
    await fc.assert(
      fc.asyncProperty(logprob, async (at) => {
        const { x, seen } = await all((value) => value, at);
        expect(seen.map(Math.fround)).toEqual(seen);
        const distances = seen.map((to, index) => (index % 2 === 0 ? to - x : x - to));
        expect(Math.min(...distances)).toBeGreaterThan(0);
        const sides = distances.filter((_, index) => index % 2 === 0);
        expect(sides).toEqual([...sides].sort((a, b) => b - a));
        expect(sides[0]).toBeLessThanOrEqual(1.01 * STEP * Math.max(1, Math.abs(x)));
        expect(sides[0]).toBeGreaterThan(0.49 * STEP * Math.max(1, Math.abs(x)));
      }),
    );
  });

  it('steps by powers of two, which a float32 can mostly add exactly', async () => {
    const { x, seen } = await all((value) => value, -3);
    expect(seen.slice(0, 4).map((to) => to - x)).toEqual([2 ** -5, -(2 ** -5), 2 ** -8, -(2 ** -8)]);
  });

  it('is exact for lines and parabolas, whatever the rounding of the steps', async () => {
    const coefficient = fc.integer({ min: -9, max: 9 });
    await fc.assert(
      fc.asyncProperty(logprob, coefficient, coefficient, async (at, a, b) => {
        const { x, first, found } = await all((value) => a * value * value + b * value, at, 400);
        expect(Math.abs(first - (2 * a * x + b))).toBeLessThan(1e-10);
        for (const { value, noise } of found) {
          expect(Math.abs(value - (2 * a * x + b))).toBeLessThanOrEqual(noise);
        }
      }),
    );
  });

  it.each<readonly [string, (x: number) => number, (x: number) => number, number]>([
    ['exp', Math.exp, Math.exp, -0.5],
    ['exp, far down', Math.exp, Math.exp, -16],
    ['exp(10 x)', (x) => Math.exp(10 * x), (x) => 10 * Math.exp(10 * x), -1],
    ['sin', Math.sin, Math.cos, -3],
    ['1 / (1 + x²)', (x) => 1 / (1 + x * x), (x) => (-2 * x) / (1 + x * x) ** 2, -1.5],
  ])('is right to six digits at the first try: %s', async (_, f, slope, at) => {
    const { x, first } = await all(f, at);
    expect(Math.abs(first / slope(x) - 1)).toBeLessThan(1e-6);
  });

  it('tells the steeper side of a kink, and that a stationary point is flat', async () => {
    const kink = await all((x) => (x > -1 ? 5 * (x + 1) : x + 1), -1);
    for (const { value, slope } of kink.found) {
      expect(value).toBeCloseTo(3, 9);
      expect(slope).toBeCloseTo(5, 9);
    }
    const flat = await all((x) => Math.exp(x + 1) - x - 1, -1);
    expect(Math.abs(flat.first)).toBeLessThan(1e-9);
    expect(flat.found[0]?.slope).toBeGreaterThan(1e-4);
  });

  it('passes over steps to where the function is not finite', async () => {
    const { x, found, first } = await all((value) => Math.log(-value), -1e-6);
    expect(found.length).toBeGreaterThan(1);
    expect(first * x).toBeCloseTo(1, 2);
    expect((found.at(-1)?.value ?? 0) * x).toBeCloseTo(1, 5);
    expect((await all((value) => (value === -1 ? 0 : Number.NaN), -1)).found).toEqual([]);
    expect((await all((value) => (value <= -1 ? 0 : Number.POSITIVE_INFINITY), -1)).found).toEqual([]);
    expect((await all((value) => (value >= -1 ? 0 : Number.NEGATIVE_INFINITY), -1)).found).toEqual([]);
  });

  it('comes to an end at 0, and knows more noise the smaller the step is', async () => {
    const { found, seen } = await all((x) => 1_000 + x, 0);
    expect(seen.length).toBeLessThan(200);
    const noises = found.map(({ noise }) => noise);
    expect(noises).toEqual([...noises].sort((a, b) => a - b));
    expect(noises[0]).toBeGreaterThan(1e-8);
    expect(noises[0]).toBeLessThan(1e-5);
  });
});
