import type { Matrix } from './matrix.ts';

/** One factor of a product as vectors along the inner index: element k of vector v is `values[offset + v * step + k * next]`. */
export interface Factor {
  readonly values: Float32Array;
  readonly offset: number;
  /** Distance between two vectors. */
  readonly step: number;
  /** Distance between two elements of a vector. */
  readonly next: number;
}

/** The rows of `matrix` as vectors. */
export function rowsAsFactor({ values, offset, stride }: Matrix): Factor {
  return { values, offset, step: stride, next: 1 };
}

/** The columns of `matrix` as vectors. */
export function columnsAsFactor({ values, offset, stride }: Matrix): Factor {
  return { values, offset, step: 1, next: stride };
}
