import { show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import { firstNegative, MAX_TOKEN } from './checked-tokens.ts';

/** What a tensor of a loss holds: token ids (int64 on the wire), or real numbers (float32). */
export type TensorKind = 'tokens' | 'floats';

/** Values as they are sent, in memory. */
export type CheckedValues = Int32Array | Float32Array;

/** Any array whose elements may be values of a tensor. */
export type ValueArray = readonly unknown[] | Int32Array | BigInt64Array | Float32Array | Float64Array;

/** Whether a value is an array of which a tensor of this kind may be made. Does not look at the elements. */
export function isValueArray(kind: TensorKind, value: unknown): value is ValueArray {
  if (Array.isArray(value)) return true;
  return kind === 'tokens'
    ? value instanceof Int32Array || value instanceof BigInt64Array
    : value instanceof Float32Array || value instanceof Float64Array;
}

/** Room for this many values. */
export function newValues(kind: TensorKind, length: number): CheckedValues {
  return kind === 'tokens' ? new Int32Array(length) : new Float32Array(length);
}

/** Copy values to `out`, from position `at` on. @throws TinkerInputError - naming the first that cannot be sent. */
export function copyValues(field: string, values: ValueArray, out: CheckedValues, at: number): void {
  // One that was handed to another thread has none, and cannot be copied.
  if (values.length === 0) return;
  if (out instanceof Int32Array) copyTokens(field, values, out, at);
  else copyFloats(field, values, out, at);
}

// A typed array is copied whole and the copy looked through: several times as fast as one element at a time.

function copyTokens(field: string, values: ValueArray, out: Int32Array, at: number): void {
  if (values instanceof Int32Array) {
    out.set(values, at);
    const bad = firstNegative(out, at, at + values.length);
    if (bad >= 0) refuseToken(field, values, bad - at);
    return;
  }
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    const id = typeof value === 'bigint' ? Number(value) : value;
    if (typeof id === 'number' && (id | 0) === id && id >= 0) out[at + i] = id;
    else refuseToken(field, values, i);
  }
}

function copyFloats(field: string, values: ValueArray, out: Float32Array, at: number): void {
  if (values instanceof Float32Array || values instanceof Float64Array) out.set(values, at);
  else {
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      out[at + i] = typeof value === 'number' ? value : Number.NaN;
    }
  }
  // The rounded value is what is sent: 1e39 is finite, but not as a float32.
  const bad = firstNotFinite(out, at, at + values.length);
  if (bad >= 0) {
    const i = bad - at;
    refuse('floats', `${field}[${i}]`, 'a number that float32 can hold', values[i]);
  }
}

/** Position of the first NaN or infinity from `begin` on and before `end`, or -1. */
function firstNotFinite(values: Float32Array, begin: number, end: number): number {
  for (let i = begin; i < end; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
}

function refuseToken(field: string, values: ValueArray, i: number): never {
  refuse('tokens', `${field}[${i}]`, `an integer >= 0 and <= ${MAX_TOKEN}`, values[i]);
}

function refuse(kind: TensorKind, field: string, expected: string, value: unknown): never {
  if (isValueArray(kind, value))
    throw new TinkerInputError(
      field,
      'is ragged, or has more than 2 axes: an array stands where a value must',
    );
  // Other libraries leave a position out by a target of -100.
  const isIgnored = kind === 'tokens' && typeof value === 'number' && value < 0;
  throw new TinkerInputError(field, `must be ${expected}, got ${show(value)}`, {
    hint: isIgnored ? 'To leave a position out, give it any token and a weight of 0' : undefined,
  });
}
