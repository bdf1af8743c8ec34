import type { Matrix } from './matrix.ts';

/**
 * `into` = or += `a` · `b`. Blocks of two rows by four columns keep eight independent sums in registers; edges
 * run one element at a time in the same order, so every element is the same sum whatever block it falls in.
 */
export function multiply(a: Matrix, b: Matrix, into: Matrix, accumulate: boolean): void {
  blocks(a.values, a.offset, a.stride, 1, b.values, b.offset, b.stride, 1, into, a.columns, accumulate);
}

/** `into` = or += `a`ᵀ · `b`, like {@link multiply}. */
export function multiplyTransposedLeft(a: Matrix, b: Matrix, into: Matrix, accumulate: boolean): void {
  blocks(a.values, a.offset, 1, a.stride, b.values, b.offset, b.stride, 1, into, a.rows, accumulate);
}

/** `into` = or += `a` · `b`ᵀ, like {@link multiply}. */
export function multiplyTransposedRight(a: Matrix, b: Matrix, into: Matrix, accumulate: boolean): void {
  blocks(a.values, a.offset, a.stride, 1, b.values, b.offset, 1, b.stride, into, a.columns, accumulate);
}

function blocks(
  a: Float32Array,
  aOffset: number,
  aRow: number,
  aInner: number,
  b: Float32Array,
  bOffset: number,
  bInner: number,
  bColumn: number,
  into: Matrix,
  inner: number,
  accumulate: boolean,
): void {
  const c = into.values;
  const { rows, columns, stride } = into;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < inner; k++)
        sum += a[aOffset + i * aRow + k * aInner]! * b[bOffset + k * bInner + j * bColumn]!;
      const at = into.offset + i * stride + j;
      c[at] = accumulate ? c[at]! + sum : sum;
    }
  }
}
