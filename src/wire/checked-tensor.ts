import { checkInteger, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import type { CheckedTensor } from './checked-datum.ts';
import { checkedSparse } from './checked-sparse.ts';
import {
  type CheckedValues,
  copyValues,
  isValueArray,
  newValues,
  type TensorKind,
  type ValueArray,
} from './checked-values.ts';

/**
 * A tensor of a loss that is safe to send: an own copy, of the right type.
 *
 * @throws TinkerInputError - naming the position of the first value that cannot be sent, or what is wrong with the shape.
 */
export function checkedTensor(field: string, value: unknown, kind: TensorKind): CheckedTensor {
  if (isValueArray(kind, value)) return checkedArray(field, value, kind);
  if (typeof value !== 'object' || value === null || !('data' in value)) {
    const what = kind === 'tokens' ? 'token ids' : 'numbers';
    throw new TinkerInputError(field, `must be an array of ${what}, got ${show(value)}`);
  }
  return checkedTensorData(field, value, kind);
}

/** Number of values a tensor of this shape has. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, axis) => size * axis, 1);
}

/** A tensor as results have them, or a sparse one. */
function checkedTensorData(
  field: string,
  tensor: Readonly<Record<string, unknown>>,
  kind: TensorKind,
): CheckedTensor {
  const { dtype } = tensor;
  if (dtype !== 'int64' && (dtype !== 'float32' || kind === 'tokens')) {
    const names = kind === 'tokens' ? '"int64"' : '"float32" or "int64"';
    throw new TinkerInputError(`${field}.dtype`, `must be ${names}, got ${show(dtype)}`);
  }
  const isInteger = kind === 'floats' && tensor['data'] instanceof BigInt64Array;
  const data: unknown = isInteger
    ? Float64Array.from(tensor['data'] as BigInt64Array, Number)
    : tensor['data'];
  if (!isValueArray(kind, data)) {
    throw new TinkerInputError(`${field}.data`, `must be an array of values, got ${show(data)}`);
  }
  const values = newValues(kind, data.length);
  copyValues(`${field}.data`, data, values, 0);
  const shape = checkedShape(`${field}.shape`, tensor['shape']);
  if (tensor['crowIndices'] !== undefined || tensor['colIndices'] !== undefined) {
    return { ...tensorOf(values, shape), sparse: checkedSparse(field, values.length, shape, tensor) };
  }
  const size = sizeOf(shape);
  if (size === values.length) return tensorOf(values, shape);
  throw new TinkerInputError(
    `${field}.data`,
    `must hold the ${size} values of its shape, got ${values.length}`,
  );
}

function tensorOf(data: CheckedValues, shape: readonly number[]): CheckedTensor {
  return { data, dtype: data instanceof Int32Array ? 'int64' : 'float32', shape };
}

function checkedShape(field: string, shape: unknown): number[] {
  if (!Array.isArray(shape))
    throw new TinkerInputError(field, `must be an array of lengths, got ${show(shape)}`);
  return Array.from(shape, (axis: unknown, i) => checkInteger(`${field}[${i}]`, axis, { min: 0 }));
}

/** Values, or rows of them that have one length. */
function checkedArray(field: string, values: ValueArray, kind: TensorKind): CheckedTensor {
  const first = values[0];
  if (!isValueArray(kind, first)) {
    const out = newValues(kind, values.length);
    copyValues(field, values, out, 0);
    return tensorOf(out, [values.length]);
  }
  const rows = Array.from(values, (row: unknown, r) => {
    if (isValueArray(kind, row) && row.length === first.length) return row;
    const got = isValueArray(kind, row) ? row.length : show(row);
    throw new TinkerInputError(
      `${field}[${r}]`,
      `is ragged: it must hold ${first.length} values as row 0 does, got ${got}`,
    );
  });
  const out = newValues(kind, rows.length * first.length);
  for (const [r, row] of rows.entries()) copyValues(`${field}[${r}]`, row, out, r * first.length);
  return tensorOf(out, [rows.length, first.length]);
}
