import type { Factor } from './factor.ts';
import type { Matrix } from './matrix.ts';
import { RAW, RESULT, resultStride, type SimdProgram, TILE } from './simd-program.ts';

/** Carries numbers between matrices and the memory of a {@link SimdProgram}. */
export interface SimdPanels {
  /** Pack `count` vectors of length `inner`, from vector `first` on, into the panel at byte `panel`. */
  pack(factor: Factor, first: number, count: number, inner: number, panel: number): void;
  /** Write the result's floats to `into`. */
  store(into: Matrix): void;
  /** Add the result's doubles to `into`, rounding once. */
  add(into: Matrix): void;
}

/** Shorter stretches are not worth the call that copies them. */
const MIN_COPIED = 128;

const RESULT_FLOATS = RESULT / 4;
const RESULT_DOUBLES = RESULT / 8;

/** Panels in the memory of `program`. */
export function createSimdPanels(program: SimdProgram): SimdPanels {
  const floats = new Float32Array(program.memory.buffer);
  const packElements = createElementPacker(new Float64Array(program.memory.buffer));
  return {
    pack(factor, first, count, inner, panel) {
      const { values, step, next } = factor;
      const from = factor.offset + first * step;
      const length = (count - 1) * step + (inner - 1) * next + 1;
      // Where at least half of a stretch is wanted, copying all of it and packing there is faster.
      if (length >= MIN_COPIED && length <= 2 * count * inner) {
        floats.set(values.subarray(from, from + length), RAW / 4);
        // What is missing of the last four vectors is whatever lies there; nobody reads its sums. A single vector's
        // step may lead out of the memory.
        const distance = count > 1 ? step * 4 : 0;
        program.pack(RAW, distance, next * 4, inner, Math.ceil(count / TILE), panel);
      } else {
        packElements(factor, from, count, inner, panel / 8);
      }
    },
    store: createStore(floats),
    add: createAdd(new Float64Array(program.memory.buffer)),
  };
}

/** Packs by elements. Missing vectors of the last four repeat their first; nobody reads their sums. */
function createElementPacker(doubles: Float64Array) {
  const panels = doubles; // as a constant, not a parameter: engines then know its address
  return (
    { values, step, next }: Factor,
    from: number,
    count: number,
    inner: number,
    panel: number,
  ): void => {
    let at = panel;
    for (let vector = 0; vector < count; vector += TILE) {
      const left = count - vector;
      const second = left > 1 ? step : 0;
      const third = left > 2 ? 2 * step : 0;
      const fourth = left > 3 ? 3 * step : 0;
      const end = (at + TILE * inner) | 0;
      let source = from + vector * step;
      for (; at < end; at = (at + TILE) | 0) {
        panels[at] = values[source]!;
        panels[(at + 1) | 0] = values[(source + second) | 0]!;
        panels[(at + 2) | 0] = values[(source + third) | 0]!;
        panels[(at + 3) | 0] = values[(source + fourth) | 0]!;
        source = (source + next) | 0;
      }
    }
  };
}

function createStore(floats: Float32Array) {
  // Making a view costs more than copying through it: keep one per width and row.
  const viewsOfWidth: Float32Array[][] = [];
  return ({ values, offset, rows, columns, stride }: Matrix): void => {
    const distance = resultStride(columns);
    viewsOfWidth[columns] ??= [];
    const views = viewsOfWidth[columns];
    for (let row = 0; row < rows; row++) {
      const start = RESULT_FLOATS + row * distance;
      views[row] ??= floats.subarray(start, start + columns);
      values.set(views[row]!, offset + row * stride);
    }
  };
}

function createAdd(doubles: Float64Array) {
  const sums = doubles; // as a constant: see above
  return ({ values, offset, rows, columns, stride }: Matrix): void => {
    const distance = resultStride(columns);
    for (let row = 0; row < rows; row++) {
      let from = (RESULT_DOUBLES + row * distance) | 0;
      let to = (offset + row * stride) | 0;
      const end = (from + columns) | 0;
      const lastFour = (end - 4) | 0;
      for (; from <= lastFour; from = (from + 4) | 0) {
        values[to] = values[to]! + sums[from]!;
        values[(to + 1) | 0] = values[(to + 1) | 0]! + sums[(from + 1) | 0]!;
        values[(to + 2) | 0] = values[(to + 2) | 0]! + sums[(from + 2) | 0]!;
        values[(to + 3) | 0] = values[(to + 3) | 0]! + sums[(from + 3) | 0]!;
        to = (to + 4) | 0;
      }
      for (; from < end; from = (from + 1) | 0) {
        values[to] = values[to]! + sums[from]!;
        to = (to + 1) | 0;
      }
    }
  };
}
