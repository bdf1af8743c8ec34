import { describe, expect, it } from 'vitest';
import { exp, log, sineCosine } from '../../../../src/emulator/model/elementary.ts';

/** Largest relative difference of `mine` and `theirs` over an even grid. */
function worstRelative(
  mine: (x: number) => number,
  theirs: (x: number) => number,
  from: number,
  to: number,
  points = 50_001,
): number {
  let worst = 0;
  for (let i = 0; i < points; i++) {
    const x = from + (to - from) * (i / (points - 1));
    const expected = theirs(x);
    const error = expected === 0 ? Math.abs(mine(x)) : Math.abs(mine(x) / expected - 1);
    worst = Math.max(worst, error);
  }
  return worst;
}

describe('exp', () => {
  it.each([
    [-708, 709.7],
    [-40, 40],
    [-1, 1],
    [-1e-8, 1e-8],
    [709.7, 709.78],
  ])('is within 3e-15 of the truth from %d to %d', (from, to) => {
    expect(worstRelative(exp, Math.exp, from, to)).toBeLessThan(3e-15);
  });

  it('never falls', () => {
    for (const step of [1e-3, 1e-9]) {
      let previous = exp(-2);
      for (let i = 1; i < 4000; i++) {
        const next = exp(-2 + i * step);
        expect(next).toBeGreaterThanOrEqual(previous);
        previous = next;
      }
    }
  });

  it('has the right edges', () => {
    expect(exp(0)).toBe(1);
    expect(exp(-0)).toBe(1);
    expect(exp(709.79)).toBe(Number.POSITIVE_INFINITY);
    expect(exp(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
    expect(exp(709.78)).toBeLessThan(Number.POSITIVE_INFINITY);
    expect(exp(-708.31)).toBe(0);
    expect(exp(-708.29)).toBeGreaterThan(0);
    expect(exp(Number.NEGATIVE_INFINITY)).toBe(0);
    expect(exp(Number.NaN)).toBeNaN();
  });
});

describe('log', () => {
  it.each([
    [1e-300, 1e-299],
    [1e-3, 0.9],
    [0.99, 1.01],
    [1, 300],
    [1e300, 1.7e308],
    [5e-324, 1e-310],
  ])('is within 1e-15 of the truth from %d to %d', (from, to) => {
    expect(worstRelative(log, Math.log, from, to)).toBeLessThan(1e-15);
  });

  it('has the right edges', () => {
    expect(log(1)).toBe(0);
    expect(log(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(log(-0)).toBe(Number.NEGATIVE_INFINITY);
    expect(log(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
    expect(log(-1)).toBeNaN();
    expect(log(Number.NaN)).toBeNaN();
  });

  it('undoes exp', () => {
    for (let x = -700; x <= 700; x += 0.37) expect(log(exp(x))).toBeCloseTo(x, 11);
  });
});

describe('sineCosine', () => {
  it.each([
    [-1, 1],
    [-1000, 1000],
    [99_000, 100_000],
  ])('is within 3e-16 of the truth from %d to %d', (from, to) => {
    let worst = 0;
    for (let i = 0; i <= 20_000; i++) {
      const angle = from + ((to - from) * i) / 20_000;
      const { sine, cosine } = sineCosine(angle);
      worst = Math.max(worst, Math.abs(sine - Math.sin(angle)), Math.abs(cosine - Math.cos(angle)));
    }
    expect(worst).toBeLessThan(3e-16);
  });

  it('is exact at 0', () => {
    expect(sineCosine(0)).toEqual({ sine: 0, cosine: 1 });
  });
});
