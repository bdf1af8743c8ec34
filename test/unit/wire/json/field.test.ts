import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import {
  choice,
  flag,
  id,
  list,
  number,
  record,
  recordOf,
  text,
  time,
} from '../../../../src/wire/json/field.ts';

const nested = z.looseObject({ user: z.nullish(text()) });

/** Fields, and the package's own schemas that they stand for. */
const PAIRS: Readonly<Record<string, readonly [z.ZodMiniType, z.ZodMiniType]>> = {
  text: [text(), z.string()],
  id: [id(), z.string().check(z.minLength(1))],
  number: [number(), z.number()],
  flag: [flag(), z.boolean()],
  time: [time(), z.union([z.string(), z.number()])],
  list: [list(), z.array(z.unknown())],
  choice: [choice('a', 'b'), z.enum(['a', 'b'])],
  record: [record(), z.record(z.string(), z.unknown())],
  'record of numbers': [recordOf(z.nullable(number())), z.record(z.string(), z.nullable(z.number()))],
  'record of objects': [recordOf(nested), z.record(z.string(), nested)],
};

/** What a schema makes of a value: the same, or where it does not fit. */
function verdict(schema: z.ZodMiniType, value: unknown): unknown {
  const { success, data, error } = schema.safeParse(value);
  return success ? { data } : { path: error.issues[0]?.path };
}

describe.each(Object.entries(PAIRS))('a field: %s', (_, [field, model]) => {
  it.each([
    undefined,
    null,
    true,
    false,
    0,
    -1.5,
    // As JSON writes what no double holds.
    JSON.parse('1e999'),
    '',
    'a',
    'c',
    [],
    [1, 'a'],
    {},
    { a: 1, b: null },
    { a: 1, b: '2' },
    { a: 1, b: JSON.parse('-1e999') },
    { a: {}, b: { user: 3 } },
    { a: { user: 'x', more: [1] } },
  ])('is read as the package reads it: %j', (value) => {
    for (const [ours, theirs] of [
      [field, model],
      [z.nullish(field), z.nullish(model)],
      [z.looseObject({ at: field }), z.looseObject({ at: model })],
      [z.array(z.looseObject({ at: z.nullish(field) })), z.array(z.looseObject({ at: z.nullish(model) }))],
    ] as const) {
      for (const given of [value, { at: value }, [{}, { at: value }]])
        expect(verdict(ours, given)).toEqual(verdict(theirs, given));
    }
  });

  it('is read as the package reads it, whatever JSON says', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
        expect(verdict(field, value)).toEqual(verdict(model, value));
      }),
      { numRuns: 300 },
    );
  });
});

it('an object whose names are data has names of every kind', () => {
  const odd = JSON.parse('{"constructor": 1, "toString": 2, "": 3, "length": null}');
  expect(verdict(recordOf(z.nullable(number())), odd)).toEqual({ data: odd });
  expect(verdict(record(), odd)).toEqual({ data: odd });
  // A name that would change what the object is is left out.
  expect(verdict(record(), JSON.parse('{"__proto__": {"a": 1}, "b": 2}'))).toEqual({ data: { b: 2 } });
});
