import { checkInteger, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';

/** The largest token id: ids are int32 on the wire. */
export const MAX_TOKEN = 0x7fff_ffff;

/** A copy of token ids. @throws TinkerInputError - naming the position of the first that is not one. */
export function checkedTokens(field: string, values: unknown): Int32Array {
  if (!Array.isArray(values) && !(values instanceof Int32Array)) {
    throw new TinkerInputError(field, `must be an array of token ids, got ${show(values)}`);
  }
  const refuse = (i: number, id: unknown): number =>
    checkInteger(`${field}[${i}]`, id, { min: 0, max: MAX_TOKEN });
  if (values instanceof Int32Array) {
    // The copy is what is checked, and looking through an array of one type is several times as fast.
    // One that was handed to another thread has no values, and cannot be copied.
    const out = new Int32Array(values.length > 0 ? values : []);
    const bad = firstNegative(out, 0, out.length);
    if (bad >= 0) refuse(bad, out[bad]);
    return out;
  }
  const out = new Int32Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const id = values[i] as unknown;
    const isToken = typeof id === 'number' && (id | 0) === id && id >= 0;
    out[i] = isToken ? id : refuse(i, id);
  }
  return out;
}

/** Position of the first negative number from `begin` on and before `end`, or -1. */
export function firstNegative(values: Int32Array, begin: number, end: number): number {
  for (let i = begin; i < end; i++) if (values[i]! < 0) return i;
  return -1;
}
