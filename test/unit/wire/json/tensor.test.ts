import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringifyExact } from '../../../../src/wire/json/exact-json.ts';
import { floats, readTensor, tensorJson, tokens } from '../../../../src/wire/json/tensor.ts';
import { thrown } from '../../../support/settled.ts';

const wire = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('tensorJson', () => {
  it('writes data, dtype and shape', () => {
    expect(tensorJson({ data: Int32Array.of(1, 2), dtype: 'int64', shape: [2] })).toEqual({
      data: [1, 2],
      dtype: 'int64',
      shape: [2],
    });
    expect(tensorJson({ data: Float32Array.of(0.5), dtype: 'float32', shape: [1] })).toEqual({
      data: [0.5],
      dtype: 'float32',
      shape: [1],
    });
  });

  it('keeps the shape of rows', () => {
    const tensor = { data: Float32Array.of(1, 2, 3, 4), dtype: 'float32', shape: [2, 2] } as const;
    expect(tensorJson(tensor)).toEqual({ data: [1, 2, 3, 4], dtype: 'float32', shape: [2, 2] });
  });

  it('makes a sparse one dense (servers.md 2.1 item 8)', () => {
    const sparse = { crowIndices: BigInt64Array.of(0n, 1n, 1n, 2n), colIndices: BigInt64Array.of(1n, 3n) };
    const float = { data: Float32Array.of(1, 2), dtype: 'float32', shape: [3, 4], sparse } as const;
    expect(tensorJson(float)).toEqual({
      data: [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
      dtype: 'float32',
      shape: [3, 4],
    });
    const integer = { ...float, data: Int32Array.of(7, 8), dtype: 'int64' } as const;
    expect(tensorJson(integer).data).toEqual([0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8]);
  });

  it('writes every int64 exactly', () => {
    fc.assert(
      fc.property(fc.bigInt64Array(), (data) => {
        const tensor = tensorJson({ data, dtype: 'int64', shape: [data.length] });
        expect(stringifyExact(tensor)).toBe(
          `{"data":[${data.join(',')}],"dtype":"int64","shape":[${data.length}]}`,
        );
      }),
    );
    const edges = BigInt64Array.of(2n ** 53n - 1n, 2n ** 53n, -(2n ** 63n));
    expect(tensorJson({ data: edges, dtype: 'int64', shape: [3] }).data).toEqual([
      2 ** 53 - 1,
      2n ** 53n,
      -(2n ** 63n),
    ]);
  });
});

describe('readTensor', () => {
  it('reads what was written: every float32 and every int32, bit for bit', () => {
    fc.assert(
      fc.property(fc.float32Array({ noNaN: true, noDefaultInfinity: true }), (values) => {
        const read = readTensor(
          wire(tensorJson({ data: values, dtype: 'float32', shape: [values.length] })),
          'x',
        );
        // JSON has no negative zero.
        expect(read).toEqual({
          data: values.map((value) => value + 0),
          dtype: 'float32',
          shape: [values.length],
        });
      }),
    );
    fc.assert(
      fc.property(fc.int32Array(), (values) => {
        const read = readTensor(
          wire(tensorJson({ data: values, dtype: 'int64', shape: [values.length] })),
          'x',
        );
        expect(read).toEqual({
          data: BigInt64Array.from(values, BigInt),
          dtype: 'int64',
          shape: [values.length],
        });
      }),
    );
  });

  it.each<readonly [string, unknown, object]>([
    [
      'no shape: one axis',
      { data: [1, 2], dtype: 'float32' },
      { data: Float32Array.of(1, 2), dtype: 'float32', shape: [2] },
    ],
    [
      'a null shape',
      { data: [1], dtype: 'float32', shape: null },
      { data: Float32Array.of(1), dtype: 'float32', shape: [1] },
    ],
    [
      'no axis',
      { data: [3], dtype: 'float32', shape: [] },
      { data: Float32Array.of(3), dtype: 'float32', shape: [] },
    ],
    [
      'two axes',
      { data: [1, 2, 3, 4], dtype: 'int64', shape: [2, 2] },
      { data: BigInt64Array.of(1n, 2n, 3n, 4n), dtype: 'int64', shape: [2, 2] },
    ],
    ['no dtype', { data: [1.5] }, { data: Float32Array.of(1.5), dtype: 'float32', shape: [1] }],
    [
      'null for not a number',
      { data: [null, 1], dtype: 'float32' },
      { data: Float32Array.of(Number.NaN, 1), dtype: 'float32', shape: [2] },
    ],
    [
      'nothing in it',
      { data: [], dtype: 'int64', shape: [0] },
      { data: new BigInt64Array(0), dtype: 'int64', shape: [0] },
    ],
    [
      'narrower integers',
      { data: [-3], dtype: 'int32' },
      { data: BigInt64Array.of(-3n), dtype: 'int64', shape: [1] },
    ],
    [
      'other floats',
      { data: [1.5, null], dtype: 'bfloat16' },
      { data: Float32Array.of(1.5, Number.NaN), dtype: 'float32', shape: [2] },
    ],
    [
      'placeholders of what is not there',
      { data: [1], dtype: 'float32', shape: [1], sparse_crow_indices: null, sparse_col_indices: null },
      { data: Float32Array.of(1), dtype: 'float32', shape: [1] },
    ],
    [
      'large integers',
      { data: [2 ** 53 - 1], dtype: 'int64' },
      { data: BigInt64Array.of(2n ** 53n - 1n), dtype: 'int64', shape: [1] },
    ],
  ])('understands %s', (_, value, expected) => {
    expect(readTensor(value, 'x')).toEqual(expected);
  });

  it.each<readonly [string, unknown, string]>([
    ['text', 'secret', 'x is not a tensor: its "data" is not an array'],
    ['nothing', undefined, 'x is not a tensor: its "data" is not an array'],
    ['null', null, 'x is not a tensor: its "data" is not an array'],
    ['data in a string', { data: 'secret' }, 'x is not a tensor: its "data" is not an array'],
    ['text among numbers', { data: [1, 'secret'] }, 'x[1] is not a number'],
    ['a fraction among integers', { data: [1, 2.5], dtype: 'int64' }, 'x[1] is not an exact integer'],
    ['an integer no double holds', { data: [2 ** 53], dtype: 'int64' }, 'x[0] is not an exact integer'],
    ['null among integers', { data: [null], dtype: 'int64' }, 'x[0] is not an exact integer'],
    [
      'a shape for other data',
      { data: [1, 2, 3], shape: [2, 2] },
      'x does not have the 4 values of its shape but 3',
    ],
    ['a shape of words', { data: [1], shape: ['secret'] }, 'x has a shape that is not one'],
    ['a shape with a negative axis', { data: [1], shape: [-1, -1] }, 'x has a shape that is not one'],
  ])('refuses %s without showing it', (_, value, message) => {
    expect(thrown(() => readTensor(value, 'x'))).toMatchObject({ code: 'response_invalid', message });
  });
});

describe('floats', () => {
  it('takes null for not a number', () => {
    expect(floats([1, null, undefined], 'x')).toEqual(Float32Array.of(1, Number.NaN, Number.NaN));
    expect(() => floats([true], 'x')).toThrow('x[0] is not a number');
  });
});

describe('tokens', () => {
  it('takes int32', () => {
    expect(tokens([0, 2 ** 31 - 1], 'x')).toEqual(Int32Array.of(0, 2 ** 31 - 1));
  });

  it.each([[1.5], [2 ** 31], ['5'], [null], [Number.NaN]])('refuses %j', (value) => {
    expect(() => tokens([1, value], 'x')).toThrow('x[1] is not a token id');
  });
});
