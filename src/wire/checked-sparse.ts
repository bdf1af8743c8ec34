import { checkInteger, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import type { CheckedTensor } from './checked-datum.ts';

/** Most values of the full matrix, which servers without sparse tensors get: half a gigabyte of float32. */
const MAX_DENSE = 0x800_0000;

/**
 * The index arrays of a sparse tensor with this many values.
 *
 * @throws TinkerInputError - naming the first index that cannot be right, and its bound.
 */
export function checkedSparse(
  field: string,
  valueCount: number,
  shape: readonly number[],
  indices: { readonly crowIndices?: unknown; readonly colIndices?: unknown },
): NonNullable<CheckedTensor['sparse']> {
  const [rows, columns] = shape;
  if (rows === undefined || columns === undefined || shape.length !== 2) {
    throw new TinkerInputError(`${field}.shape`, `must have 2 axes for a sparse tensor, got ${shape.length}`);
  }
  if (rows * columns > MAX_DENSE) {
    throw new TinkerInputError(
      `${field}.shape`,
      `must be of at most ${MAX_DENSE} values in full, got ${rows * columns}`,
    );
  }
  const crow = checkedIndices(`${field}.crowIndices`, indices.crowIndices, rows + 1);
  const column = checkedIndices(`${field}.colIndices`, indices.colIndices, valueCount);
  checkRowStarts(`${field}.crowIndices`, crow, valueCount);
  for (let row = 0; row < rows; row++)
    checkColumns(`${field}.colIndices`, column, crow[row]!, crow[row + 1]!, columns);
  return { crowIndices: BigInt64Array.from(crow, BigInt), colIndices: BigInt64Array.from(column, BigInt) };
}

/** Exact, not negative, and as many as there must be. */
function checkedIndices(field: string, values: unknown, length: number): Float64Array {
  if (!Array.isArray(values) && !(values instanceof Int32Array) && !(values instanceof BigInt64Array)) {
    throw new TinkerInputError(field, `must be an array of indices, got ${show(values)}`);
  }
  if (values.length !== length) {
    throw new TinkerInputError(field, `must hold ${length} indices, got ${values.length}`);
  }
  const out = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const value: unknown = values[i];
    const index = typeof value === 'bigint' && value <= MAX_DENSE ? Number(value) : value;
    out[i] = checkInteger(`${field}[${i}]`, index, { min: 0, max: MAX_DENSE });
  }
  return out;
}

function checkRowStarts(field: string, crow: Float64Array, valueCount: number): void {
  if (crow[0] !== 0) throw new TinkerInputError(`${field}[0]`, `must be 0, got ${crow[0]}`);
  for (let i = 1; i < crow.length; i++) {
    if (crow[i]! < crow[i - 1]!) {
      throw new TinkerInputError(
        `${field}[${i}]`,
        `must be >= ${crow[i - 1]}, the index before it, got ${crow[i]}`,
      );
    }
  }
  const end = crow.length - 1;
  if (crow[end] !== valueCount) {
    throw new TinkerInputError(
      `${field}[${end}]`,
      `must be ${valueCount}, the number of values, got ${crow[end]}`,
    );
  }
}

/** Columns of one row: in range, each beyond the one before it. */
function checkColumns(
  field: string,
  column: Float64Array,
  start: number,
  end: number,
  columns: number,
): void {
  for (let i = start; i < end; i++) {
    checkInteger(`${field}[${i}]`, column[i], { max: columns - 1 });
    if (i > start && column[i]! <= column[i - 1]!) {
      throw new TinkerInputError(
        `${field}[${i}]`,
        `must be > ${column[i - 1]}, the column before it in its row, got ${column[i]}`,
      );
    }
  }
}
