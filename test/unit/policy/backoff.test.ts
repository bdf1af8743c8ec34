import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { retryDelay } from '../../../src/policy/backoff.ts';

const ALMOST_ONE = 1 - 2 ** -32;
const unit = fc.double({ min: 0, max: ALMOST_ONE, noNaN: true });

describe('retryDelay', () => {
  it('doubles from half a second up to ten seconds', () => {
    const delays = Array.from({ length: 8 }, (_, retries) => retryDelay(retries, undefined, () => 0));
    expect(delays).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000]);
  });

  it('takes up to a quarter off at random', () => {
    expect(retryDelay(0, undefined, () => 0.5)).toBe(500 * (1 - 0.125));
    expect(retryDelay(9, undefined, () => ALMOST_ONE)).toBeCloseTo(7_500);
  });

  it('stays within its bounds for any count and any chance', () => {
    fc.assert(
      fc.property(fc.nat(5_000), unit, (retries, random) => {
        const whole = Math.min(500 * 2 ** retries, 10_000);
        const delay = retryDelay(retries, undefined, () => random);
        expect(delay).toBeLessThanOrEqual(whole);
        expect(delay).toBeGreaterThanOrEqual(0.75 * whole);
      }),
    );
  });

  it('obeys a hint exactly, up to a minute, without chance', () => {
    const random = () => {
      throw new Error('no jitter on a hint');
    };
    expect(retryDelay(5, 1, random)).toBe(1);
    expect(retryDelay(0, 59_999.5, random)).toBe(59_999.5);
    expect(retryDelay(0, 3_600_000, random)).toBe(60_000);
  });

  it('takes a hint of no time for no hint', () => {
    expect(retryDelay(1, 0, () => 0)).toBe(1_000);
    expect(retryDelay(1, -5, () => 0)).toBe(1_000);
  });
});
