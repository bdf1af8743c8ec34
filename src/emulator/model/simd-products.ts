import { columnsAsFactor, type Factor, rowsAsFactor } from './factor.ts';
import type { Products } from './javascript-products.ts';
import { type Matrix, windowOf } from './matrix.ts';
import { createSimdPanels } from './simd-panels.ts';
import {
  LEFT,
  loadSimdProgram,
  MAX_COLUMNS,
  MAX_INNER,
  PANEL_LENGTH,
  RESULT,
  RIGHT,
  resultStride,
  TILE,
  type WebAssemblyApi,
} from './simd-program.ts';

/** With fewer rows, or fewer multiplications, packing costs more than it saves. */
const MIN_ROWS = 2;
const MIN_MULTIPLICATIONS = 512;

/** Elements of the left factor that are packed at a time: a stream through the second-level cache. */
const BLOCK_LENGTH = 8192;

/**
 * Matrix products in WebAssembly, the same bits as those of `small`, which takes over where packing does not pay;
 * or undefined where the platform has no WebAssembly for us.
 *
 * No matrix lives in the memory of the program: both factors are packed into it panel by panel, and the result is
 * copied out. So its size is fixed, and arrays need no release.
 */
export function createSimdProducts(small: Products, api: WebAssemblyApi | undefined): Products | undefined {
  const program = loadSimdProgram(api);
  if (program === undefined) return undefined;
  const panels = createSimdPanels(program);

  /** Multiply into the window `into`; the right factor is already packed. */
  const multiplyBlock = (a: Factor, row: number, inner: number, into: Matrix, accumulate: boolean): void => {
    panels.pack(a, row, into.rows, inner, LEFT);
    const rowTiles = Math.ceil(into.rows / TILE);
    const columnTiles = Math.ceil(into.columns / TILE);
    const stride = resultStride(into.columns) * (accumulate ? 8 : 4);
    program.multiply(LEFT, RIGHT, inner, rowTiles, columnTiles, RESULT, stride, accumulate ? 1 : 0);
    if (accumulate) panels.add(into);
    else panels.store(into);
  };

  const multiplyAll = (a: Factor, b: Factor, inner: number, into: Matrix, accumulate: boolean): void => {
    const width = Math.min(into.columns, MAX_COLUMNS, tilesOf(PANEL_LENGTH, inner));
    const height = Math.min(tilesOf(BLOCK_LENGTH, inner), tilesOf(PANEL_LENGTH, resultStride(width)));
    for (let column = 0; column < into.columns; column += width) {
      const columns = Math.min(width, into.columns - column);
      panels.pack(b, column, columns, inner, RIGHT);
      for (let row = 0; row < into.rows; row += height) {
        const rows = Math.min(height, into.rows - row);
        multiplyBlock(a, row, inner, windowOf(into, row, rows, column, columns), accumulate);
      }
    }
  };

  const suits = (inner: number, into: Matrix): boolean =>
    inner >= 1 &&
    inner <= MAX_INNER &&
    into.rows >= MIN_ROWS &&
    into.rows * into.columns * inner >= MIN_MULTIPLICATIONS;

  return {
    multiply(a, b, into, accumulate) {
      if (!suits(a.columns, into)) small.multiply(a, b, into, accumulate);
      else multiplyAll(rowsAsFactor(a), columnsAsFactor(b), a.columns, into, accumulate);
    },
    multiplyTransposedLeft(a, b, into, accumulate) {
      if (!suits(a.rows, into)) small.multiplyTransposedLeft(a, b, into, accumulate);
      else multiplyAll(columnsAsFactor(a), columnsAsFactor(b), a.rows, into, accumulate);
    },
    multiplyTransposedRight(a, b, into, accumulate) {
      if (!suits(a.columns, into)) small.multiplyTransposedRight(a, b, into, accumulate);
      else multiplyAll(rowsAsFactor(a), rowsAsFactor(b), a.columns, into, accumulate);
    },
  };
}

/** How many vectors of `length` elements fit `room`: a multiple of {@link TILE}, at least one. */
function tilesOf(room: number, length: number): number {
  return Math.max(1, Math.floor(room / (length * TILE))) * TILE;
}
