import { describe, expect, it } from 'vitest';
import { createJavascriptProducts } from '../../../../src/emulator/model/javascript-products.ts';
import { type Matrix, matrixOver, windowOf } from '../../../../src/emulator/model/matrix.ts';
import { seededRandom } from '../../../../src/kernel/random.ts';

const products = createJavascriptProducts();
const random = seededRandom(1);

/** A window in the middle of a larger matrix, so that offsets and strides matter. */
function randomMatrix(rows: number, columns: number): Matrix {
  const values = Float32Array.from({ length: (rows + 2) * (columns + 3) }, () => random() - 0.5);
  return windowOf(matrixOver(values, rows + 2, columns + 3), 1, rows, 2, columns);
}

function at({ values, offset, stride }: Matrix, row: number, column: number): number {
  return values[offset + row * stride + column]!;
}

/** One sum per element, in order: the definition. */
function define(
  rows: number,
  columns: number,
  inner: number,
  term: (row: number, column: number, k: number) => number,
): number[] {
  return Array.from({ length: rows * columns }, (_, index) => {
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += term(Math.floor(index / columns), index % columns, k);
    return sum;
  });
}

function elements(matrix: Matrix): number[] {
  return define(matrix.rows, matrix.columns, 1, (row, column) => at(matrix, row, column));
}

const shapes: [number, number, number][] = [
  [1, 1, 1],
  [1, 7, 5],
  [3, 4, 2],
  [4, 3, 6],
  [5, 1, 9],
  [6, 2, 1],
  [7, 8, 12],
  [16, 13, 33],
  [9, 5, 0],
  [4, 7, 12_000], // longer than a panel
  [4, 50, 900], // more columns than a panel holds
];

describe.each(shapes)('products of %d x %d over %d', (rows, columns, inner) => {
  const cases: [keyof typeof products, Matrix, Matrix, number[]][] = [];
  {
    const a = randomMatrix(rows, inner);
    const b = randomMatrix(inner, columns);
    cases.push(['multiply', a, b, define(rows, columns, inner, (i, j, k) => at(a, i, k) * at(b, k, j))]);
  }
  {
    const a = randomMatrix(inner, rows);
    const b = randomMatrix(inner, columns);
    cases.push([
      'multiplyTransposedLeft',
      a,
      b,
      define(rows, columns, inner, (i, j, k) => at(a, k, i) * at(b, k, j)),
    ]);
  }
  {
    const a = randomMatrix(rows, inner);
    const b = randomMatrix(columns, inner);
    cases.push([
      'multiplyTransposedRight',
      a,
      b,
      define(rows, columns, inner, (i, j, k) => at(a, i, k) * at(b, j, k)),
    ]);
  }

  it.each(cases)('%s equals the definition bit for bit and stays in its window', (name, a, b, sums) => {
    const into = randomMatrix(rows, columns);
    const before = into.values.slice();
    const start = elements(into);
    products[name](a, b, into, false);
    expect(elements(into)).toEqual(sums.map(Math.fround));

    const again = { ...into, values: before.slice() };
    products[name](a, b, again, true);
    expect(elements(again)).toEqual(sums.map((sum, i) => Math.fround(start[i]! + sum)));

    for (const window of [into, again]) {
      for (let row = 0; row < rows; row++) {
        const from = window.offset + row * window.stride;
        before.copyWithin(0, 0);
        window.values.set(before.subarray(from, from + columns), from);
      }
      expect(window.values).toEqual(before);
    }
  });
});

describe('an element', () => {
  // Only in this order does the 1 survive: 1e20 + 1 is 1e20.
  const terms = [1e20, -1e20, 1];
  const ones = [1, 1, 1];
  const across = (rows: number, row: readonly number[]) =>
    matrixOver(
      Float32Array.from({ length: rows * 3 }, (_, i) => row[i % 3]!),
      rows,
      3,
    );
  const down = (columns: number, column: readonly number[]) =>
    matrixOver(
      Float32Array.from({ length: 3 * columns }, (_, i) => column[Math.floor(i / columns)]!),
      3,
      columns,
    );

  it.each([1, 2, 6, 7])('is summed in ascending order, with %d rows', (rows) => {
    for (const columns of [1, 2, 3, 4, 5]) {
      const into = () => matrixOver(new Float32Array(rows * columns), rows, columns);
      const results = [into(), into(), into()] as const;
      products.multiply(across(rows, terms), down(columns, ones), results[0], false);
      products.multiplyTransposedLeft(down(rows, ones), down(columns, terms), results[1], false);
      products.multiplyTransposedRight(across(rows, terms), across(columns, ones), results[2], false);
      for (const { values } of results) expect(values.every((x) => x === 1)).toBe(true);
    }
  });

  it('is the same bits however many rows and columns there are', () => {
    const a = randomMatrix(9, 21);
    const b = randomMatrix(21, 10);
    const whole = matrixOver(new Float32Array(90), 9, 10);
    products.multiply(a, b, whole, false);
    for (let row = 0; row < 9; row++) {
      const alone = matrixOver(new Float32Array(10), 1, 10);
      products.multiply(windowOf(a, row, 1, 0, 21), b, alone, false);
      expect(elements(alone)).toEqual(elements(windowOf(whole, row, 1, 0, 10)));
    }
  });
});
