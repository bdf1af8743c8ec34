import { columnsAsFactor, type Factor, rowsAsFactor } from './factor.ts';
import type { Kernels } from './kernels.ts';
import type { Matrix } from './matrix.ts';

/** The matrix products of a backend. */
export type Products = Pick<Kernels, 'multiply' | 'multiplyTransposedLeft' | 'multiplyTransposedRight'>;

/** A tile is two rows by three columns: six sums and five factors fit the registers that engines leave us. */
const TILE_ROWS = 2;
const TILE_COLUMNS = 3;

/** With fewer rows than this, packing costs more than it saves. */
const MIN_PACKED_ROWS = 4;

/** Numbers of the right factor that are packed at a time. */
const PANEL_LENGTH = 32_768;

/** Longer sums than this do not fit a panel and run unpacked. */
const MAX_PACKED_INNER = (PANEL_LENGTH - (PANEL_LENGTH % TILE_COLUMNS)) / TILE_COLUMNS;

/**
 * Matrix products in plain JavaScript, 32-bit storage with 64-bit sums. Both factors are first packed, as doubles
 * and in the order a tile reads them, into arrays that belong to this factory. Where it has run once per process,
 * V8 treats those as constants and the inner loop gets 1.6 times as fast: share one set of kernels.
 *
 * Each element is one sum over the inner index in ascending order, packed or not, whatever tile it falls in.
 */
export function createJavascriptProducts(): Products {
  const rowPanel = createRowPanel();
  const columnPanels = createColumnPanels();
  const multiplyPanels = createPanelProduct(rowPanel.values, columnPanels.values);

  const run = (a: Factor, b: Factor, inner: number, into: Matrix, accumulate: boolean): void => {
    const { rows, columns } = into;
    if (rows < MIN_PACKED_ROWS || inner === 0 || inner > MAX_PACKED_INNER) {
      multiplyUnpacked(a, b, inner, into, accumulate);
      return;
    }
    const perPass = Math.floor(PANEL_LENGTH / (inner * TILE_COLUMNS)) * TILE_COLUMNS;
    for (let column = 0; column < columns; column += perPass) {
      const end = Math.min(columns, column + perPass);
      columnPanels.pack(b, column, end, inner);
      for (let row = 0; row < rows; row += TILE_ROWS) {
        rowPanel.pack(a, row, rows, inner);
        multiplyPanels(inner, into, row, column, end, accumulate);
      }
    }
  };

  return {
    multiply: (a, b, into, accumulate) =>
      run(rowsAsFactor(a), columnsAsFactor(b), a.columns, into, accumulate),
    multiplyTransposedLeft: (a, b, into, accumulate) =>
      run(columnsAsFactor(a), columnsAsFactor(b), a.rows, into, accumulate),
    multiplyTransposedRight: (a, b, into, accumulate) =>
      run(rowsAsFactor(a), rowsAsFactor(b), a.columns, into, accumulate),
  };
}

function createRowPanel() {
  const panel = new Float64Array(TILE_ROWS * MAX_PACKED_INNER);
  return {
    values: panel,
    /** Two rows side by side. A missing second row repeats the first; its sums are not stored. */
    pack({ values, offset, step, next }: Factor, row: number, rows: number, inner: number): void {
      const second = row + 1 < rows ? step : 0;
      const end = 2 * inner;
      let from = offset + row * step;
      for (let at = 0; at < end; at = (at + 2) | 0) {
        panel[at] = values[from]!;
        panel[(at + 1) | 0] = values[(from + second) | 0]!;
        from = (from + next) | 0;
      }
    },
  };
}

function createColumnPanels() {
  const panels = new Float64Array(PANEL_LENGTH);
  return {
    values: panels,
    /** Columns three by three. Missing columns repeat the first of their three; their sums are not stored. */
    pack({ values, offset, step, next }: Factor, first: number, columns: number, inner: number): void {
      let at = 0;
      for (let column = first; column < columns; column += TILE_COLUMNS) {
        const second = column + 1 < columns ? step : 0;
        const third = column + 2 < columns ? 2 * step : 0;
        const end = (at + 3 * inner) | 0;
        let from = offset + column * step;
        for (; at < end; at = (at + 3) | 0) {
          panels[at] = values[from]!;
          panels[(at + 1) | 0] = values[(from + second) | 0]!;
          panels[(at + 2) | 0] = values[(from + third) | 0]!;
          from = (from + next) | 0;
        }
      }
    },
  };
}

/** Multiplies packed factors into two rows and the columns `first` to `columns` of `into`. */
function createPanelProduct(rowPanel: Float64Array, columnPanels: Float64Array) {
  const a = rowPanel; // as constants, not parameters: see above
  const b = columnPanels;
  const tile = (
    start: number,
    end: number,
    into: Matrix,
    at: number,
    rows: number,
    columns: number,
    accumulate: boolean,
  ) => {
    let s00 = 0;
    let s01 = 0;
    let s02 = 0;
    let s10 = 0;
    let s11 = 0;
    let s12 = 0;
    let p = 0;
    let q = start;
    do {
      const x0 = a[p]!;
      const x1 = a[(p + 1) | 0]!;
      const y0 = b[q]!;
      const y1 = b[(q + 1) | 0]!;
      const y2 = b[(q + 2) | 0]!;
      s00 += x0 * y0;
      s10 += x1 * y0;
      s01 += x0 * y1;
      s11 += x1 * y1;
      s02 += x0 * y2;
      s12 += x1 * y2;
      p = (p + 2) | 0;
      q = (q + 3) | 0;
    } while (p < end);
    store(into.values, at, s00, s01, s02, columns, accumulate);
    if (rows > 1) store(into.values, at + into.stride, s10, s11, s12, columns, accumulate);
  };

  return (
    inner: number,
    into: Matrix,
    row: number,
    first: number,
    columns: number,
    accumulate: boolean,
  ): void => {
    const at = into.offset + row * into.stride;
    for (let column = first; column < columns; column += TILE_COLUMNS) {
      tile(
        (column - first) * inner,
        2 * inner,
        into,
        at + column,
        into.rows - row,
        columns - column,
        accumulate,
      );
    }
  };
}

function store(
  c: Float32Array,
  at: number,
  s0: number,
  s1: number,
  s2: number,
  columns: number,
  accumulate: boolean,
): void {
  c[at] = accumulate ? c[at]! + s0 : s0;
  if (columns > 1) c[at + 1] = accumulate ? c[at + 1]! + s1 : s1;
  if (columns > 2) c[at + 2] = accumulate ? c[at + 2]! + s2 : s2;
}

function multiplyUnpacked(a: Factor, b: Factor, inner: number, into: Matrix, accumulate: boolean): void {
  for (let row = 0; row < into.rows; row++) {
    const from = a.offset + row * a.step;
    const at = into.offset + row * into.stride;
    for (let column = 0; column < into.columns; column += 4) {
      multiplyRow(a, from, b, column, inner, into, at, accumulate);
    }
  }
}

function multiplyRow(
  a: Factor,
  from: number,
  b: Factor,
  column: number,
  inner: number,
  into: Matrix,
  at: number,
  accumulate: boolean,
): void {
  const x = a.values;
  const y = b.values;
  const columns = into.columns - column;
  const second = columns > 1 ? b.step : 0;
  const third = columns > 2 ? 2 * b.step : 0;
  const fourth = columns > 3 ? 3 * b.step : 0;
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let p = from;
  let q = b.offset + column * b.step;
  for (let k = 0; k < inner; k++) {
    const factor = x[p]!;
    s0 += factor * y[q]!;
    s1 += factor * y[(q + second) | 0]!;
    s2 += factor * y[(q + third) | 0]!;
    s3 += factor * y[(q + fourth) | 0]!;
    p = (p + a.next) | 0;
    q = (q + b.next) | 0;
  }
  store(into.values, at + column, s0, s1, s2, columns, accumulate);
  if (columns > 3) store(into.values, at + column + 3, s3, 0, 0, 1, accumulate);
}
