import { exp, log, sineCosine } from './elementary.ts';
import type { Matrix } from './matrix.ts';

/** Cosines and sines of rotary position embedding: entry `position * pairs + i` is for pair i of a head. */
export interface RotaryTable {
  /** Half the size of a head. */
  readonly pairs: number;
  readonly cosines: Float32Array;
  readonly sines: Float32Array;
}

/** The slowest pairs take about a default context for a turn; the paper's 10 000 suits far longer ones. */
const ROTARY_BASE = 100;

/**
 * The table for rotary position embedding (Su et al. 2021): pair i turns by `base^(-i / pairs)` radians per
 * position.
 */
export function createRotaryTable(contextLength: number, headSize: number): RotaryTable {
  const pairs = headSize / 2;
  const cosines = new Float32Array(contextLength * pairs);
  const sines = new Float32Array(contextLength * pairs);
  for (let i = 0; i < pairs; i++) {
    const frequency = exp((-i / pairs) * log(ROTARY_BASE));
    for (let position = 0; position < contextLength; position++) {
      const { sine, cosine } = sineCosine(position * frequency);
      cosines[position * pairs + i] = cosine;
      sines[position * pairs + i] = sine;
    }
  }
  return { pairs, cosines, sines };
}

/**
 * Turn, in place, every head in the columns of `vectors` by its row's position: row r has position `past + r`.
 * Dimension i of a head is paired with i + pairs. `direction` -1 turns back, which is the gradient.
 */
export function rotate(vectors: Matrix, table: RotaryTable, past: number, direction: 1 | -1): void {
  const { values, offset, rows, columns, stride } = vectors;
  const { pairs, cosines, sines } = table;
  for (let row = 0; row < rows; row++) {
    const entry = (past + row) * pairs;
    const end = offset + row * stride + columns;
    for (let head = offset + row * stride; head < end; head += 2 * pairs) {
      for (let i = 0; i < pairs; i++) {
        const cosine = cosines[entry + i]!;
        const sine = direction * sines[entry + i]!;
        const x = values[head + i]!;
        const y = values[head + pairs + i]!;
        values[head + i] = x * cosine - y * sine;
        values[head + pairs + i] = x * sine + y * cosine;
      }
    }
  }
}
