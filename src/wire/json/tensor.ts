import { TinkerResponseError } from '../../kernel/errors.ts';
import type { CheckedTensor } from '../checked-datum.ts';
import type { TensorData } from '../types/datum.ts';

/** A tensor in a JSON body (protocol 4.8). Integers no double holds are bigints. */
export interface TensorJson {
  readonly data: readonly (number | bigint)[];
  readonly dtype: 'int64' | 'float32';
  readonly shape: readonly number[];
}

/** A checked tensor; a sparse one in full, because servers misread one that is not (servers.md 2.1 item 8). */
export function tensorJson({ data, dtype, shape, sparse }: CheckedTensor): TensorJson {
  const values = data instanceof BigInt64Array ? Array.from(data, exactNumber) : Array.from(data);
  return { data: sparse === undefined ? values : dense(values, shape, sparse), dtype, shape };
}

function exactNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function dense(
  values: readonly (number | bigint)[],
  shape: readonly number[],
  { crowIndices, colIndices }: NonNullable<CheckedTensor['sparse']>,
): (number | bigint)[] {
  const [rows = 0, columns = 0] = shape;
  const out = new Array<number | bigint>(rows * columns).fill(0);
  for (let row = 0; row < rows; row++) {
    const end = Number(crowIndices[row + 1]);
    for (let i = Number(crowIndices[row]); i < end; i++)
      out[row * columns + Number(colIndices[i])] = values[i]!;
  }
  return out;
}

/**
 * Read a tensor; a missing shape means one axis, a missing dtype means float32, null means not a number. Narrower integers
 * widen to int64, other floats to float32, as in protobuf (protocol 4.6).
 *
 * @throws TinkerResponseError - naming the value that cannot be read, e.g. an integer that JSON has made inexact.
 */
export function readTensor(value: unknown, where: string): TensorData {
  const { data, dtype, shape } = (value ?? {}) as { data?: unknown; dtype?: unknown; shape?: unknown };
  if (!Array.isArray(data))
    throw new TinkerResponseError(`${where} is not a tensor: its "data" is not an array`);
  const axes = readShape(shape, data.length, where);
  if (typeof dtype === 'string' && /^u?int\d*$/.test(dtype))
    return { data: bigints(data, where), dtype: 'int64', shape: axes };
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
export function floats(values: readonly unknown[], where: string): Float32Array<ArrayBuffer> {
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
export function tokens(values: readonly unknown[], where: string): Int32Array<ArrayBuffer> {
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

function bigints(values: readonly unknown[], where: string): BigInt64Array<ArrayBuffer> {
  const out = new BigInt64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!Number.isSafeInteger(value)) throw new TinkerResponseError(`${where}[${i}] is not an exact integer`);
    out[i] = BigInt(value as number);
  }
  return out;
}
