import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createBodyReader } from '../../../src/emulator/http/request-body.ts';

const read = async (body: string, type = 'application/json') => {
  const request = new Request('https://host/', { method: 'POST', body, headers: { 'content-type': type } });
  return (await createBodyReader(undefined)(request)).body;
};

it('reads sequence ids and seeds exactly, and all else as JSON has it', async () => {
  const integer = fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n });
  const other = fc.record({
    seq: fc.maxSafeInteger(),
    text: fc.string({ unit: 'binary' }),
    floats: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true })),
  });
  await fc.assert(
    fc.asyncProperty(
      integer,
      integer,
      other,
      fc.constantFrom('', ' ', '\n\t'),
      async (id, seed, rest, space) => {
        const text = `{"rest":${JSON.stringify(rest)},"seq_id"${space}:${space}${id}${space},"deep":[{"seed":${seed}}]}`;
        const number = (value: bigint) => (Number.isSafeInteger(Number(value)) ? Number(value) : value);
        expect(await read(text)).toEqual({
          rest: JSON.parse(JSON.stringify(rest)),
          seq_id: number(id),
          deep: [{ seed: number(seed) }],
        });
      },
    ),
  );
});

it.each([
  // What looks like one inside a text is text.
  [
    '{"a":"\\"seq_id\\":12345678901234567890,","seed":12345678901234567890}',
    { a: '"seq_id":12345678901234567890,', seed: 12345678901234567890n },
  ],
  ['{"seed":"#12345678901234567","seq_id":1}', { seed: '#12345678901234567', seq_id: 1 }],
  ['{"seed":1234567890123456.5}', { seed: 1234567890123456.5 }],
  ['{"seed":1e300}', { seed: 1e300 }],
  ['{"other":12345678901234567890}', { other: 12345678901234567000 }],
  ['', {}],
])('reads %s', async (text, expected) => {
  expect(await read(text)).toEqual(expected);
});

it.each([
  ['{"seed":00000000000000001}', 400, 'The body is not JSON'],
  ['{"seed":12345678901234567890', 400, 'The body is not JSON'],
  ['{', 400, 'The body is not JSON'],
  ['[]', 422, 'The body is not a JSON object'],
  ['null', 422, 'The body is not a JSON object'],
])('refuses %s', async (text, status, detail) => {
  await expect(read(text)).rejects.toMatchObject({ status, detail });
});

it('takes no notice of a body of another type', async () => {
  expect(await read('{', 'application/x-protobuf')).toEqual({});
  expect(await read('{', 'application/octet-stream')).toEqual({});
});
