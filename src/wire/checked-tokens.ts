import { checkInteger, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';

/** The largest token id: ids are int32 on the wire. */
export const MAX_TOKEN = 2 ** 31 - 1;

/** A copy of token ids. @throws TinkerInputError - naming the position of the first that is not one. */
export function checkedTokens(field: string, values: unknown): Int32Array {
  if (!Array.isArray(values) && !(values instanceof Int32Array)) {
    throw new TinkerInputError(field, `must be an array of token ids, got ${show(values)}`);
  }
  const out = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const id = values[i] as unknown;
    const isToken = typeof id === 'number' && (id | 0) === id && id >= 0;
    out[i] = isToken ? id : checkInteger(`${field}[${i}]`, id, { min: 0, max: MAX_TOKEN });
  }
  return out;
}
