import { TinkerResponseError } from '../../kernel/errors.ts';
import type { TensorData } from '../types/datum.ts';

/** A tensor in a JSON body (protocol 4.8). */
export interface TensorJson {
  readonly data: readonly number[];
  readonly dtype: 'int64' | 'float32';
  readonly shape: readonly number[];
}

/** The tensor of a checked, flat loss input. */
export function tensorJson(values: Int32Array | Float32Array): TensorJson {
  return {
    data: Array.from(values),
    dtype: values instanceof Int32Array ? 'int64' : 'float32',
    shape: [values.length],
  };
}

/** Read a tensor; a missing shape means one axis, a missing dtype means float32, null means not a number. */
export function readTensor(value: unknown, where: string): TensorData {
  const { data, dtype, shape } = (value ?? {}) as { data?: unknown; dtype?: unknown; shape?: unknown };
  if (!Array.isArray(data))
    throw new TinkerResponseError(`${where} is not a tensor: its "data" is not an array`);
  const axes = readShape(shape, data.length, where);
  if (dtype === 'int64') return { data: bigints(data, where), dtype, shape: axes };
  return { data: floats(data, where), dtype: 'float32', shape: axes };
}

function readShape(shape: unknown, length: number, where: string): readonly number[] {
  if (!Array.isArray(shape)) return [length];
  const isShape = (axes: unknown[]): axes is number[] =>
    axes.every((axis) => Number.isSafeInteger(axis) && (axis as number) >= 0);
  if (!isShape(shape)) throw new TinkerResponseError(`${where} has a shape that is not one`);
  const size = shape.reduce((product, axis) => product * axis, 1);
  if (size === length) return shape;
  throw new TinkerResponseError(`${where} does not have the ${size} values of its shape but ${length}`);
}

/** Numbers as float32; null (a value the server did not compute) becomes NaN. */
export function floats(values: readonly unknown[], where: string): Float32Array {
  const out = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value === 'number') out[i] = value;
    else if (value === null || value === undefined) out[i] = Number.NaN;
    else throw new TinkerResponseError(`${where}[${i}] is not a number`);
  }
  return out;
}

/** Token ids as int32. */
export function tokens(values: readonly unknown[], where: string): Int32Array {
  const out = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== 'number' || (value | 0) !== value) {
      throw new TinkerResponseError(`${where}[${i}] is not a token id`);
    }
    out[i] = value;
  }
  return out;
}

function bigints(values: readonly unknown[], where: string): BigInt64Array {
  const out = new BigInt64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!Number.isSafeInteger(value)) throw new TinkerResponseError(`${where}[${i}] is not an exact integer`);
    out[i] = BigInt(value as number);
  }
  return out;
}
