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
    [{ a: [{ b: 'x' }, { b: 'secret'.length }] }, '"a.1.b"'],
    [{ a: 'secret' }, '"a"'],
    [{}, '"a"'],
    ['secret', 'the body'],
    [undefined, 'the body'],
    [null, 'the body'],
  ])('names the place and not the value: %j', (value, where) => {
    const error = thrown(() => parseWire(schema, value, 'thing')) as Error;
    expect(error).toMatchObject({
      code: 'response_invalid',
      retryable: false,
      message: `The thing does not follow the protocol: ${where} is not what was expected`,
    });
    expect(error.stack).not.toContain('secret"');
    expect(error.cause).toBeUndefined();
  });
});
