/**
 * JSON text of plain data, in which bigints are integers, digit for digit. Where there is none it is `JSON.stringify`'s,
 * to the letter; strings are written as such in any case, so that none can be taken for an integer.
 */
export function stringifyExact(value: object): string {
  return holdsBigint(value) ? write(value) : JSON.stringify(value);
}

/** Also where `BigInt.prototype.toJSON` is defined, which would let `JSON.stringify` write a string. */
function holdsBigint(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint';
  if (!Array.isArray(value)) return Object.values(value).some(holdsBigint);
  // A plain loop: arrays of numbers are long.
  for (let i = 0; i < value.length; i++) {
    const type = typeof value[i];
    if (type === 'bigint' || (type === 'object' && holdsBigint(value[i]))) return true;
  }
  return false;
}

/** Parts without bigints are left to `JSON.stringify`; so is the rule that undefined and functions are not JSON. */
function write(value: object): string {
  if (Array.isArray(value)) return `[${Array.from(value, (item) => part(item) ?? 'null').join(',')}]`;
  const members = Object.entries(value).flatMap(([key, member]) => {
    const text = part(member);
    return text === undefined ? [] : [`${JSON.stringify(key)}:${text}`];
  });
  return `{${members.join(',')}}`;
}

function part(value: unknown): string | undefined {
  if (typeof value === 'bigint') return `${value}`;
  if (typeof value === 'object' && value !== null && holdsBigint(value)) return write(value);
  return JSON.stringify(value) as string | undefined;
}
