import { describe, expect, it } from 'vitest';
import { type PollPolicyOption, resolvePollPolicy } from '../../../src/policy/poll-policy.ts';
import { thrown } from '../../support/settled.ts';

const ADAPTIVE = { kind: 'adaptive', longPollMs: 1_000, immediateRepeats: 3, firstMs: 1_000, maxMs: 30_000 };

describe('resolvePollPolicy', () => {
  it('completes what is left out', () => {
    expect(resolvePollPolicy('p')).toEqual(ADAPTIVE);
    expect(resolvePollPolicy('p', 'adaptive')).toEqual(ADAPTIVE);
    expect(resolvePollPolicy('p', {})).toEqual(ADAPTIVE);
    expect(resolvePollPolicy('p', { maxMs: 5_000, immediateRepeats: 0, firstMs: undefined })).toEqual({
      ...ADAPTIVE,
      maxMs: 5_000,
      immediateRepeats: 0,
    });
    expect(resolvePollPolicy('p', 'python')).toEqual({ kind: 'python' });
  });

  it.each<readonly [unknown, string]>([
    ['none', '"p" must be "adaptive", "python", an object of numbers or a function, got "none"'],
    [true, '"p" must be "adaptive", "python", an object of numbers or a function, got true'],
    [null, '"p" must be "adaptive", "python", an object of numbers or a function, got null'],
    [[1], '"p" must be "adaptive", "python", an object of numbers or a function, got an array of 1'],
    [{ longPollMs: 0 }, '"p.longPollMs" must be a finite number > 0, got 0'],
    [{ immediateRepeats: -1 }, '"p.immediateRepeats" must be an integer >= 0, got -1'],
    [{ immediateRepeats: 0.5 }, '"p.immediateRepeats" must be an integer >= 0, got 0.5'],
    [{ firstMs: 0 }, '"p.firstMs" must be a finite number > 0, got 0'],
    [{ firstMs: Number.NaN }, '"p.firstMs" must be a finite number > 0, got NaN'],
    [{ firstMs: 500, maxMs: 499 }, '"p.maxMs" must be a finite number >= 500, got 499'],
    [{ maxMs: Number.POSITIVE_INFINITY }, '"p.maxMs" must be a finite number >= 1000, got Infinity'],
  ])('refuses %j at once', (option, message) => {
    expect(thrown(() => resolvePollPolicy('p', option as PollPolicyOption))).toMatchObject({
      code: 'input_invalid',
      message,
    });
  });
});
