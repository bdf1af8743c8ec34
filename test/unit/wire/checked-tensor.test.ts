import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkedTensor } from '../../../src/wire/checked-tensor.ts';
import { thrown } from '../../support/settled.ts';

const floats = (shape: readonly number[], ...values: number[]) => ({
  data: Float32Array.from(values),
  dtype: 'float32',
  shape,
});
const tokens = (shape: readonly number[], ...values: number[]) => ({
  data: Int32Array.from(values),
  dtype: 'int64',
  shape,
});

describe('checkedTensor', () => {
  it.each<readonly [string, unknown, object]>([
    ['an array', [0.5, -1], floats([2], 0.5, -1)],
    ['float32', Float32Array.of(0.5), floats([1], 0.5)],
    ['float64, rounded', Float64Array.of(0.1), floats([1], Math.fround(0.1))],
    [
      'rows',
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      floats([2, 3], 1, 2, 3, 4, 5, 6),
    ],
    ['typed rows', [Float32Array.of(1), Float64Array.of(2)], floats([2, 1], 1, 2)],
    ['rows of nothing', [[], []], floats([2, 0])],
    ['nothing', [], floats([0])],
    [
      'a tensor of a result',
      { data: Float32Array.of(1, 2), dtype: 'float32', shape: [2, 1] },
      floats([2, 1], 1, 2),
    ],
    [
      'a tensor of integers',
      { data: BigInt64Array.of(-1n, 2n ** 62n), dtype: 'int64', shape: [2] },
      floats([2], -1, 2 ** 62),
    ],
    ['a tensor that JSON has made plain', { data: [1], dtype: 'float32', shape: [1] }, floats([1], 1)],
    ['a tensor without axes', { data: Float32Array.of(1), dtype: 'float32', shape: [] }, floats([], 1)],
  ])('takes %s for numbers', (_, value, expected) => {
    expect(checkedTensor('x', value, 'floats')).toEqual(expected);
  });

  it.each<readonly [string, unknown, object]>([
    ['an array', [0, 2 ** 31 - 1], tokens([2], 0, 2 ** 31 - 1)],
    ['bigints', [1n, 2], tokens([2], 1, 2)],
    ['int32', Int32Array.of(5), tokens([1], 5)],
    ['int64', BigInt64Array.of(5n, 2n ** 31n - 1n), tokens([2], 5, 2 ** 31 - 1)],
    ['rows of every kind', [[1], Int32Array.of(2), BigInt64Array.of(3n)], tokens([3, 1], 1, 2, 3)],
    ['a tensor', { data: BigInt64Array.of(1n, 2n), dtype: 'int64', shape: [1, 2] }, tokens([1, 2], 1, 2)],
  ])('takes %s for token ids', (_, value, expected) => {
    expect(checkedTensor('x', value, 'tokens')).toEqual(expected);
  });

  it('takes the rows of any matrix, and makes no difference between kinds of arrays', () => {
    const matrix = fc
      .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 6 }))
      .chain(([rows, columns]) =>
        fc.array(
          fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
            minLength: columns,
            maxLength: columns,
          }),
          { minLength: rows, maxLength: rows },
        ),
      );
    fc.assert(
      fc.property(matrix, (rows) => {
        const expected = floats([rows.length, rows[0]?.length ?? 0], ...rows.flat());
        expect(checkedTensor('x', rows, 'floats')).toEqual(expected);
        expect(
          checkedTensor(
            'x',
            rows.map((row) => Float32Array.from(row)),
            'floats',
          ),
        ).toEqual(expected);
        expect(checkedTensor('x', expected, 'floats')).toEqual(expected);
      }),
    );
  });

  it('copies values and shape', () => {
    const given = { data: Float32Array.of(1, 2), dtype: 'float32', shape: [2] };
    const checked = checkedTensor('x', given, 'floats');
    given.data.fill(0);
    given.shape[0] = 7;
    expect(checked).toEqual(floats([2], 1, 2));
  });

  it.each<readonly [string, 'floats' | 'tokens', unknown, string]>([
    ['text', 'floats', 'many', '"x" must be an array of numbers, got "many"'],
    ['an object', 'tokens', {}, '"x" must be an array of token ids, got an object'],
    ['floats', 'tokens', Float32Array.of(1), '"x" must be an array of token ids, got an object'],
    ['bytes', 'floats', Uint8Array.of(1), '"x" must be an array of numbers, got an object'],
    ['a short row', 'floats', [[1, 2], [3]], '"x[1]" is ragged: it must hold 2 values as row 0 does, got 1'],
    [
      'a long row',
      'tokens',
      [[1], [2], [3, 4]],
      '"x[2]" is ragged: it must hold 1 values as row 0 does, got 2',
    ],
    ['a value for a row', 'floats', [[1], 2], '"x[1]" is ragged: it must hold 1 values as row 0 does, got 2'],
    [
      'a hole for a row',
      'floats',
      [[1], undefined],
      '"x[1]" is ragged: it must hold 1 values as row 0 does, got undefined',
    ],
    [
      'a row for a value',
      'floats',
      [1, [2]],
      '"x[1]" is ragged, or has more than 2 axes: an array stands where a value must',
    ],
    [
      'three axes',
      'tokens',
      [[[1]]],
      '"x[0][0]" is ragged, or has more than 2 axes: an array stands where a value must',
    ],
    [
      'a row of another kind',
      'tokens',
      [Float32Array.of(1)],
      '"x[0]" must be an integer >= 0 and <= 2147483647, got an object',
    ],
    [
      'NaN in a row',
      'floats',
      [
        [1, 2],
        [3, Number.NaN],
      ],
      '"x[1][1]" must be a number that float32 can hold, got NaN',
    ],
    [
      'too large an id',
      'tokens',
      [1, 2n ** 31n],
      '"x[1]" must be an integer >= 0 and <= 2147483647, got 2147483648n',
    ],
    [
      'a negative id',
      'tokens',
      BigInt64Array.of(-1n),
      '"x[0]" must be an integer >= 0 and <= 2147483647, got -1n',
    ],
    [
      'no dtype',
      'floats',
      { data: [1], shape: [1] },
      '"x.dtype" must be "float32" or "int64", got undefined',
    ],
    [
      'floats for token ids',
      'tokens',
      { data: Float32Array.of(1), dtype: 'float32', shape: [1] },
      '"x.dtype" must be "int64", got "float32"',
    ],
    [
      'another dtype',
      'floats',
      { data: [1], dtype: 'bfloat16', shape: [1] },
      '"x.dtype" must be "float32" or "int64", got "bfloat16"',
    ],
    ['no data', 'floats', { data: null, dtype: 'float32' }, '"x.data" must be an array of values, got null'],
    [
      'no shape',
      'floats',
      { data: [1], dtype: 'float32' },
      '"x.shape" must be an array of lengths, got undefined',
    ],
    [
      'a negative axis',
      'floats',
      { data: [1], dtype: 'float32', shape: [-1] },
      '"x.shape[0]" must be an integer >= 0, got -1',
    ],
    [
      'a shape of other data',
      'floats',
      { data: [1, 2, 3], dtype: 'float32', shape: [2, 2] },
      '"x.data" must hold the 4 values of its shape, got 3',
    ],
    [
      'a shape of less data',
      'floats',
      { data: [1, 2, 3], dtype: 'float32', shape: [2] },
      '"x.data" must hold the 2 values of its shape, got 3',
    ],
    [
      'a tensor with a log-probability that is not known',
      'floats',
      { data: Float32Array.of(1, Number.NaN), dtype: 'float32', shape: [2] },
      '"x.data[1]" must be a number that float32 can hold, got NaN',
    ],
  ])('refuses %s', (_, kind, value, message) => {
    expect(thrown(() => checkedTensor('x', value, kind))).toMatchObject({ code: 'input_invalid', message });
  });

  it('refuses an array that holds itself', () => {
    const endless: unknown[] = [];
    endless.push(endless);
    expect(thrown(() => checkedTensor('x', endless, 'floats'))).toMatchObject({
      message: '"x[0][0]" is ragged, or has more than 2 axes: an array stands where a value must',
    });
  });

  it('names the place of the only bad value, in arrays of any kind and in rows of them', () => {
    const kinds: readonly (readonly [
      kind: 'tokens' | 'floats',
      bad: number,
      make: (row: number[]) => unknown,
    ])[] = [
      ['tokens', -100, (row) => row],
      ['tokens', -100, (row) => Int32Array.from(row)],
      ['tokens', -100, (row) => BigInt64Array.from(row, BigInt)],
      ['floats', Number.NaN, (row) => row],
      ['floats', Number.NEGATIVE_INFINITY, (row) => Float32Array.from(row)],
      ['floats', 1e39, (row) => Float64Array.from(row)],
    ];
    const places = fc
      .integer({ min: 1, max: 40 })
      .chain((length) => fc.tuple(fc.constant(length), fc.nat(length - 1)));
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        places,
        fc.nat(3),
        ([kind, bad, make], [length, place], before) => {
          const good = make(new Array<number>(length).fill(3));
          const row = make(Array.from({ length }, (_, i) => (i === place ? bad : 3)));
          expect(() => checkedTensor('x', good, kind)).not.toThrow();
          expect(thrown(() => checkedTensor('x', row, kind))).toMatchObject({ field: `x[${place}]` });
          const rows = [...new Array<unknown>(before).fill(good), row, good];
          expect(thrown(() => checkedTensor('x', rows, kind))).toMatchObject({
            field: `x[${before}][${place}]`,
          });
        },
      ),
    );
  });
});
