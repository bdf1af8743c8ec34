/**
 * A row-major window on a `Float32Array`: element (r, c) is `values[offset + r * stride + c]`. Windows share
 * their array, so slicing rows or the columns of one attention head copies nothing.
 */
export interface Matrix {
  readonly values: Float32Array;
  readonly offset: number;
  readonly rows: number;
  readonly columns: number;
  /** Distance in elements between the starts of two rows, at least `columns`. */
  readonly stride: number;
}

/** A matrix of its own over the start of `values`, rows packed without gaps. */
export function matrixOver(values: Float32Array, rows: number, columns: number): Matrix {
  return { values, offset: 0, rows, columns, stride: columns };
}

/** The window of `rows` x `columns` whose first element is (`row`, `column`) of `matrix`. */
export function windowOf(matrix: Matrix, row: number, rows: number, column: number, columns: number): Matrix {
  const { values, offset, stride } = matrix;
  return { values, offset: offset + row * stride + column, rows, columns, stride };
}

/** All columns of `rows` rows from `row` on. */
export function rowsOf(matrix: Matrix, row: number, rows: number): Matrix {
  return windowOf(matrix, row, rows, 0, matrix.columns);
}

/** Set every element of the window to zero. */
export function clear(matrix: Matrix): void {
  const { values, offset, rows, columns, stride } = matrix;
  for (let row = 0; row < rows; row++) {
    const start = offset + row * stride;
    values.fill(0, start, start + columns);
  }
}
