import { problem } from './http.ts';

/** A JSON object whose fields are read one by one; a field that does not fit is a 422 that names it. */
export interface Fields {
  text(name: string): string;
  optionalText(name: string): string | undefined;
  integer(name: string): number;
  optionalInteger(name: string): number | undefined;
  /** An integer of any size; `seq_id` and `seed` arrive exactly even beyond 2^53. */
  bigInteger(name: string): bigint;
  optionalBigInteger(name: string): bigint | undefined;
  number(name: string, missing: number): number;
  flag(name: string, missing: boolean): boolean;
  object(name: string): Fields;
  optionalObject(name: string): Fields | undefined;
  list(name: string): readonly unknown[];
  raw(name: string): unknown;
  /** Absent or null. */
  isMissing(name: string): boolean;
  /** Of all fields. */
  names(): readonly string[];
}

/** Read the fields of `value`. @param at - Where it is, for messages. @throws HttpProblem 422 */
export function fieldsOf(value: unknown, at = 'body'): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw problem(422, `${at} must be an object`);
  const record = value as Record<string, unknown>;
  const path = (name: string): string => `${at}.${name}`;
  const isMissing = (name: string): boolean => record[name] === undefined || record[name] === null;

  function read<T>(name: string, what: string, fits: (field: unknown) => field is T): T {
    const field = record[name];
    if (fits(field)) return field;
    throw problem(422, `${path(name)} must be ${what}`);
  }
  const fields: Fields = {
    text: (name) => read(name, 'a string', (field) => typeof field === 'string'),
    optionalText: (name) => (isMissing(name) ? undefined : fields.text(name)),
    integer: (name) => read(name, 'an integer', (field): field is number => Number.isInteger(field)),
    optionalInteger: (name) => (isMissing(name) ? undefined : fields.integer(name)),
    bigInteger: (name) =>
      BigInt(read(name, 'an integer', (field): field is number | bigint => isInteger(field))),
    optionalBigInteger: (name) => (isMissing(name) ? undefined : fields.bigInteger(name)),
    number: (name, missing) =>
      isMissing(name) ? missing : read(name, 'a number', (field): field is number => Number.isFinite(field)),
    flag: (name, missing) =>
      isMissing(name) ? missing : read(name, 'a boolean', (field) => typeof field === 'boolean'),
    object: (name) => fieldsOf(record[name], path(name)),
    optionalObject: (name) => (isMissing(name) ? undefined : fields.object(name)),
    list: (name) => read(name, 'an array', (field): field is unknown[] => Array.isArray(field)),
    raw: (name) => record[name],
    isMissing,
    names: () => Object.keys(record),
  };
  return fields;
}

function isInteger(value: unknown): boolean {
  return typeof value === 'bigint' || Number.isInteger(value);
}

/** The finite numbers in an array. @throws HttpProblem 422 */
export function readNumbers(values: readonly unknown[], at: string): Float64Array {
  const numbers = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw problem(422, `${at}[${i}] is not a finite number`);
    numbers[i] = value;
  }
  return numbers;
}
