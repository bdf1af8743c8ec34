import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkedTensor } from '../../../src/wire/checked-tensor.ts';
import { tensorJson } from '../../../src/wire/json/tensor.ts';
import { thrown } from '../../support/settled.ts';

/** The golden sparse tensor (protocol 4.7 V2), with changes. */
const sparse = (changes: object = {}): unknown => ({
  data: [1, 2],
  dtype: 'float32',
  shape: [3, 4],
  crowIndices: [0, 1, 1, 2],
  colIndices: [1, 3],
  ...changes,
});

/** Compressed sparse rows of a matrix, by the book. */
function compress(rows: readonly (readonly number[])[]) {
  const cells = rows.map((row) => [...row.entries()].filter(([, value]) => value !== 0));
  return {
    data: cells.flat().map(([, value]) => value),
    crowIndices: [0, ...cells.map((_, r) => cells.slice(0, r + 1).flat().length)],
    colIndices: cells.flat().map(([column]) => column),
  };
}

describe('a sparse tensor', () => {
  it('is checked, copied, and kept sparse', () => {
    const given = { crowIndices: Int32Array.of(0, 1, 1, 2), colIndices: BigInt64Array.of(1n, 3n) };
    const checked = checkedTensor('x', sparse(given), 'floats');
    given.crowIndices.fill(0);
    given.colIndices.fill(0n);
    expect(checked).toEqual({
      data: Float32Array.of(1, 2),
      dtype: 'float32',
      shape: [3, 4],
      sparse: { crowIndices: BigInt64Array.of(0n, 1n, 1n, 2n), colIndices: BigInt64Array.of(1n, 3n) },
    });
  });

  it('of token ids', () => {
    const given = sparse({ data: BigInt64Array.of(7n, 8n), dtype: 'int64' });
    expect(checkedTensor('x', given, 'tokens')).toMatchObject({
      data: Int32Array.of(7, 8),
      dtype: 'int64',
    });
  });

  it('stands for its matrix: made dense, it is the same', () => {
    const value = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: -9, max: 9 }));
    const matrix = fc
      .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }))
      .chain(([rows, columns]) =>
        fc.array(fc.array(value, { minLength: columns, maxLength: columns }), {
          minLength: rows,
          maxLength: rows,
        }),
      );
    fc.assert(
      fc.property(matrix, (rows) => {
        const shape = [rows.length, rows[0]?.length ?? 0];
        const checked = checkedTensor('x', { ...compress(rows), dtype: 'float32', shape }, 'floats');
        expect(tensorJson(checked)).toEqual({ data: rows.flat(), dtype: 'float32', shape });
      }),
    );
  });

  it.each<readonly [string, object, string]>([
    ['one axis', { shape: [12] }, '"x.shape" must have 2 axes for a sparse tensor, got 1'],
    ['three axes', { shape: [3, 4, 1] }, '"x.shape" must have 2 axes for a sparse tensor, got 3'],
    [
      'too many values in full',
      { shape: [2 ** 20, 2 ** 20] },
      '"x.shape" must be of at most 134217728 values in full, got 1099511627776',
    ],
    ['no rows', { crowIndices: undefined }, '"x.crowIndices" must be an array of indices, got undefined'],
    ['no columns', { colIndices: undefined }, '"x.colIndices" must be an array of indices, got undefined'],
    ['too few rows', { crowIndices: [0, 1, 2] }, '"x.crowIndices" must hold 4 indices, got 3'],
    ['too many rows', { crowIndices: [0, 1, 1, 1, 2] }, '"x.crowIndices" must hold 4 indices, got 5'],
    ['too few columns', { colIndices: [1] }, '"x.colIndices" must hold 2 indices, got 1'],
    ['a row that begins late', { crowIndices: [1, 1, 1, 2] }, '"x.crowIndices[0]" must be 0, got 1'],
    [
      'rows out of order',
      { crowIndices: [0, 2, 1, 2] },
      '"x.crowIndices[2]" must be >= 2, the index before it, got 1',
    ],
    [
      'rows that end early',
      { crowIndices: [0, 1, 1, 1] },
      '"x.crowIndices[3]" must be 2, the number of values, got 1',
    ],
    [
      'rows that end late',
      { crowIndices: [0, 1, 1, 3] },
      '"x.crowIndices[3]" must be 2, the number of values, got 3',
    ],
    ['a column out of range', { colIndices: [1, 4] }, '"x.colIndices[1]" must be an integer <= 3, got 4'],
    [
      'a negative column',
      { colIndices: [-1, 3] },
      '"x.colIndices[0]" must be an integer >= 0 and <= 134217728, got -1',
    ],
    [
      'a fraction',
      { colIndices: [1.5, 3] },
      '"x.colIndices[0]" must be an integer >= 0 and <= 134217728, got 1.5',
    ],
    [
      'a bigint no double holds',
      { colIndices: [1n, 2n ** 60n] },
      '"x.colIndices[1]" must be an integer >= 0 and <= 134217728, got 1152921504606846976n',
    ],
    [
      'columns out of order in a row',
      { crowIndices: [0, 2, 2, 2], colIndices: [3, 1] },
      '"x.colIndices[1]" must be > 3, the column before it in its row, got 1',
    ],
    [
      'a column twice in a row',
      { crowIndices: [0, 0, 2, 2], colIndices: [3, 3] },
      '"x.colIndices[1]" must be > 3, the column before it in its row, got 3',
    ],
    [
      'a value that is none',
      { data: [1, Number.NaN] },
      '"x.data[1]" must be a number that float32 can hold, got NaN',
    ],
  ])('is refused with %s', (_, changes, message) => {
    expect(thrown(() => checkedTensor('x', sparse(changes), 'floats'))).toMatchObject({
      code: 'input_invalid',
      message,
    });
  });

  it('may have the same column in two rows', () => {
    const given = sparse({ crowIndices: [0, 1, 2, 2], colIndices: [3, 3] });
    expect(tensorJson(checkedTensor('x', given, 'floats')).data).toEqual([
      0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0,
    ]);
  });
});
