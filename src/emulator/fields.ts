import { problem } from './http.ts';

/** A JSON object whose fields are read one by one; a field that does not fit is a 422 that names it. */
export interface Fields {
  text(name: string): string;
  optionalText(name: string): string | undefined;
  integer(name: string): number;
  optionalInteger(name: string): number | undefined;
  number(name: string, missing: number): number;
  flag(name: string, missing: boolean): boolean;
  object(name: string): Fields;
  optionalObject(name: string): Fields | undefined;
  list(name: string): readonly unknown[];
  raw(name: string): unknown;
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
    number: (name, missing) =>
      isMissing(name) ? missing : read(name, 'a number', (field) => typeof field === 'number'),
    flag: (name, missing) =>
      isMissing(name) ? missing : read(name, 'a boolean', (field) => typeof field === 'boolean'),
    object: (name) => fieldsOf(record[name], path(name)),
    optionalObject: (name) => (isMissing(name) ? undefined : fields.object(name)),
    list: (name) => read(name, 'an array', (field): field is unknown[] => Array.isArray(field)),
    raw: (name) => record[name],
  };
  return fields;
}

/** The tokens of a `ModelInput` (protocol 4.8): its text chunks, joined. @throws HttpProblem 422 */
export function readTokens(input: Fields, at: string): Int32Array {
  const tokens = input.list('chunks').flatMap((chunk, c) => {
    const fields = fieldsOf(chunk, `${at}.chunks[${c}]`);
    const type = fields.optionalText('type') ?? 'encoded_text';
    if (type !== 'encoded_text')
      throw problem(422, `${at}.chunks[${c}].type "${type}" is not supported by this model`);
    return fields.list('tokens');
  });
  return Int32Array.from(readNumbers(tokens, at, Number.isInteger));
}

/** The flat numbers of a `TensorData`. @throws HttpProblem 422 */
export function readTensor(value: unknown, at: string, isInteger: boolean): Float64Array {
  const data = fieldsOf(value, at).list('data');
  return readNumbers(data, `${at}.data`, isInteger ? Number.isInteger : Number.isFinite);
}

function readNumbers(
  values: readonly unknown[],
  at: string,
  fits: (value: unknown) => boolean,
): Float64Array {
  const out = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    if (!fits(values[i])) throw problem(422, `${at}[${i}] is not a number of the right kind`);
    out[i] = values[i] as number;
  }
  return out;
}
