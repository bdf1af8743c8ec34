import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { parseWire } from '../../../../src/wire/json/parse.ts';
import { thrown } from '../../../support/settled.ts';

const schema = () => z.looseObject({ a: z.array(z.looseObject({ b: z.string() })) });

describe('parseWire', () => {
  it('gives the value, unknown fields included', () => {
    const value = { a: [{ b: 'x', more: 1 }], extra: [] };
    expect(parseWire(schema, value, 'thing')).toEqual(value);
  });

  it.each([
    [{ a: [{ b: 'x' }, { b: 'secret'.length }] }, '"a.1.b" is a number, which was not expected'],
    [{ a: 'secret' }, '"a" is text, which was not expected'],
    [{ a: '' }, '"a" is empty'],
    [{ a: {} }, '"a" is an object, which was not expected'],
    [{ a: [{ b: [] }] }, '"a.0.b" is a list, which was not expected'],
    [{ a: [{ b: false }] }, '"a.0.b" is a flag, which was not expected'],
    [{}, '"a" is missing'],
    ['secret', 'the body is text, which was not expected'],
    [undefined, 'the body is missing'],
    [null, 'the body is null, which was not expected'],
  ])('names the place and not the value: %j', (value, where) => {
    const error = thrown(() => parseWire(schema, value, 'thing')) as Error;
    expect(error).toMatchObject({
      code: 'response_invalid',
      retryable: false,
      message: `The thing does not follow the protocol: ${where}`,
    });
    expect(error.stack).not.toContain('secret"');
    expect(error.cause).toBeUndefined();
  });
});
