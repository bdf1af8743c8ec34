import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { stringifyExact } from '../../../../src/wire/json/exact-json.ts';

/**
 * The same text another way: bigints become strings that begin with a mark no other string holds, and are then taken out of
 * their quotes.
 */
function reference(value: unknown): string {
  const mark = '\u{1F511}';
  const marked = (item: unknown): unknown => (typeof item === 'bigint' ? `${mark}${item}` : item);
  return JSON.stringify(value, (_, item) => marked(item)).replaceAll(
    new RegExp(`"${mark}(-?\\d+)"`, 'gu'),
    '$1',
  );
}

const text = fc.string({ unit: 'grapheme' }).filter((string) => !string.includes('\u{1F511}'));
const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.double(),
    fc.bigInt(),
    fc.boolean(),
    fc.constant(null),
    fc.constant(undefined),
    fc.bigInt().map(String),
    fc.array(tie('value')),
    fc.dictionary(text, tie('value')),
  ),
})).value;

describe('stringifyExact', () => {
  afterEach(() => {
    Reflect.deleteProperty(BigInt.prototype, 'toJSON');
  });

  it('writes what JSON.stringify writes, and bigints as integers', () => {
    fc.assert(
      fc.property(fc.oneof(fc.array(plain), fc.dictionary(text, plain)), (value) => {
        expect(stringifyExact(value)).toBe(reference(value));
      }),
      { numRuns: 500 },
    );
  });

  it('writes every integer of 64 bits digit for digit', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), (seed) => {
        expect(stringifyExact({ sampling_params: { seed } })).toBe(`{"sampling_params":{"seed":${seed}}}`);
      }),
    );
    expect(stringifyExact([2n ** 64n - 1n, -(2n ** 63n)])).toBe(
      '[18446744073709551615,-9223372036854775808]',
    );
  });

  it('never takes a string for an integer', () => {
    const strings = [
      '1n',
      '"1n"',
      'BigInt(1)',
      '18446744073709551615',
      '\u{1F511}1',
      '{"seed":1}',
      '\\"',
      '\ud800',
    ];
    const body = { seed: 1n, stop: strings, [strings[1] ?? '']: 'x' };
    const written = stringifyExact(body);
    expect(JSON.parse(written)).toEqual({ ...body, seed: 1 });
    expect(written.startsWith('{"seed":1,"stop":["1n",')).toBe(true);
  });

  it('leaves out what is not JSON, as JSON.stringify does', () => {
    const work = (): void => {};
    expect(stringifyExact({ a: undefined, b: work, c: 1n, d: [undefined, work, Number.NaN, -0] })).toBe(
      '{"c":1,"d":[null,null,null,0]}',
    );
    expect(stringifyExact({ at: 1n, date: { toJSON: () => 'then' } })).toBe('{"at":1,"date":"then"}');
  });

  it('writes integers where bigints have a toJSON of the caller’s', () => {
    Object.defineProperty(BigInt.prototype, 'toJSON', {
      configurable: true,
      value(this: bigint) {
        return `${this}`;
      },
    });
    expect(JSON.stringify({ seed: 5n })).toBe('{"seed":"5"}');
    expect(stringifyExact({ seed: 5n, deep: [{ x: 6n }], other: 'x' })).toBe(
      '{"seed":5,"deep":[{"x":6}],"other":"x"}',
    );
  });
});
