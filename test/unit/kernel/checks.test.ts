import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkBoolean, checkFinite, checkInteger, checkText, show } from '../../../src/kernel/checks.ts';
import { isTinkerError, type TinkerInputError } from '../../../src/kernel/errors.ts';
import { thrown } from '../../support/settled.ts';

const messageOf = (work: () => unknown): string => {
  const error = thrown(work);
  expect(isTinkerError(error, 'input_invalid')).toBe(true);
  return (error as TinkerInputError).message;
};

describe('checkInteger', () => {
  it.each([
    [0, {}],
    [-3, {}],
    [Number.MAX_SAFE_INTEGER, {}],
    [1, { min: 1, max: 1 }],
    [2, { min: 1, aboveMin: true, max: 3, belowMax: true }],
  ])('passes %d within %j', (value, bounds) => {
    expect(checkInteger('n', value, bounds)).toBe(value);
  });

  it.each([
    [1.5, {}, '"n" must be an integer, got 1.5'],
    [2 ** 53, {}, '"n" must be an integer, got 9007199254740992'],
    [Number.NaN, {}, '"n" must be an integer, got NaN'],
    ['7', {}, '"n" must be an integer, got "7"'],
    [7n, {}, '"n" must be an integer, got 7n'],
    [null, {}, '"n" must be an integer, got null'],
    [undefined, { min: 1 }, '"n" must be an integer >= 1, got undefined'],
    [0, { min: 1 }, '"n" must be an integer >= 1, got 0'],
    [9, { max: 8 }, '"n" must be an integer <= 8, got 9'],
    [9, { min: 1, max: 8 }, '"n" must be an integer >= 1 and <= 8, got 9'],
    [1, { min: 1, aboveMin: true }, '"n" must be an integer > 1, got 1'],
    [8, { min: 1, max: 8, belowMax: true }, '"n" must be an integer >= 1 and < 8, got 8'],
    [[1], {}, '"n" must be an integer, got an array of 1'],
    [{}, { min: 0 }, '"n" must be an integer >= 0, got an object'],
    [Symbol('s'), { min: 0 }, '"n" must be an integer >= 0, got Symbol(s)'],
    [Object.create(null), { min: 0 }, '"n" must be an integer >= 0, got an object'],
    [() => 1, {}, '"n" must be an integer, got a function'],
  ])('refuses %o within %j', (value, bounds, message) => {
    expect(messageOf(() => checkInteger('n', value, bounds))).toBe(message);
  });
});

describe('checkFinite', () => {
  it.each([0, -1.5, 1e300, Number.MIN_VALUE])('passes %d', (value) => {
    expect(checkFinite('x', value)).toBe(value);
  });

  it.each([
    [Number.POSITIVE_INFINITY, {}, '"x" must be a finite number, got Infinity'],
    [Number.NaN, { min: 0 }, '"x" must be a finite number >= 0, got NaN'],
    [-0.1, { min: 0 }, '"x" must be a finite number >= 0, got -0.1'],
    [0, { min: 0, aboveMin: true, max: 1 }, '"x" must be a finite number > 0 and <= 1, got 0'],
    [1, { min: 0, max: 1, belowMax: true }, '"x" must be a finite number >= 0 and < 1, got 1'],
    ['1', {}, '"x" must be a finite number, got "1"'],
  ])('refuses %o within %j', (value, bounds, message) => {
    expect(messageOf(() => checkFinite('x', value, bounds))).toBe(message);
  });

  it('agrees with its bounds for every number', () => {
    fc.assert(
      fc.property(fc.double(), fc.double({ noNaN: true }), fc.double({ noNaN: true }), (value, min, max) => {
        const isInside = Number.isFinite(value) && value >= min && value <= max;
        let passed = true;
        try {
          checkFinite('x', value, { min, max });
        } catch {
          passed = false;
        }
        expect(passed).toBe(isInside);
      }),
    );
  });
});

describe('checkText', () => {
  it('passes text', () => expect(checkText('t', 'a')).toBe('a'));

  it.each([
    ['', '"t" must be a non-empty string, got ""'],
    [5, '"t" must be a non-empty string, got 5'],
    [undefined, '"t" must be a non-empty string, got undefined'],
    [[], '"t" must be a non-empty string, got an array of 0'],
  ])('refuses %o', (value, message) => {
    expect(messageOf(() => checkText('t', value))).toBe(message);
  });
});

describe('checkBoolean', () => {
  it.each([true, false])('passes %s', (value) => expect(checkBoolean('b', value)).toBe(value));

  it.each([
    [0, '"b" must be true or false, got 0'],
    ['true', '"b" must be true or false, got "true"'],
    [null, '"b" must be true or false, got null'],
  ])('refuses %o', (value, message) => {
    expect(messageOf(() => checkBoolean('b', value))).toBe(message);
  });
});

describe('show', () => {
  it('cuts long text', () => {
    expect(show('x'.repeat(60))).toBe(`"${'x'.repeat(60)}"`);
    expect(show('x'.repeat(61))).toBe(`"${'x'.repeat(60)}…"`);
  });

  it('is short and never throws, whatever it is shown', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withNullPrototype: true, withTypedArray: true }),
        (value) => {
          expect(show(value).length).toBeLessThan(330);
        },
      ),
    );
  });
});
