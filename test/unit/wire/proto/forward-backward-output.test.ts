import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeForwardBackwardOutput } from '../../../../src/wire/proto/forward-backward-output.ts';
import type { TensorData } from '../../../../src/wire/types/datum.ts';
import { thrown } from '../../../support/settled.ts';
import { fromHex, GOLDEN } from './golden.ts';
import { oracleEncode } from './oracle.ts';
import { delimited, double, join, raw, varint } from './raw-fields.ts';
import { offsetBytes, records } from './records.ts';

const encode = (init: Record<string, unknown>): Uint8Array => oracleEncode('ForwardBackwardOutput', init);

const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

/** A `BatchedTensor` of float32 numbers, three datums of 1, 0 and 2 of them; parts may be replaced. */
const batched = (parts: Record<string, unknown> = {}): object => ({
  data: floats(1, 2, 3),
  offsets: offsetBytes([0, 4, 4, 12]),
  dtype: 1,
  ...parts,
});

/** A result of one record with a field `x`. */
const withField = (parts: Record<string, unknown>, numDatums = 0n): Uint8Array =>
  encode({ lossFnOutputs: [{ fields: { x: batched(parts) }, numDatums }] });

/** The values of a field, datum by datum. */
const valuesOf = (bytes: Uint8Array, name = 'x'): unknown[] =>
  decodeForwardBackwardOutput(bytes).lossFnOutputs.map((datum) => [...(datum[name]?.data ?? [])]);

const tensor = (data: TensorData['data'], shape = [data.length]): TensorData =>
  data instanceof Float32Array ? { data, dtype: 'float32', shape } : { data, dtype: 'int64', shape };

describe('decodeForwardBackwardOutput', () => {
  it('reads golden vector V4 (protocol 4.7)', () => {
    expect(decodeForwardBackwardOutput(fromHex(GOLDEN.v4))).toEqual({
      lossFnOutputType: 'TorchLossReturn',
      lossFnOutputs: [
        { logprobs: tensor(Float32Array.of(-1, -2)) },
        { logprobs: tensor(Float32Array.of(-3)) },
      ],
      metrics: { 'loss:sum': 6 },
    });
  });

  it('reads golden vector V5: bfloat16', () => {
    expect(decodeForwardBackwardOutput(fromHex(GOLDEN.v5))).toEqual({
      lossFnOutputType: 'T',
      lossFnOutputs: [{ x: tensor(Float32Array.of(1, -0.5, Number.NaN)) }],
      metrics: {},
    });
  });

  it('reads what protobuf-es writes: every dtype, shape and split', () => {
    const metrics = fc.dictionary(
      fc.string({ unit: 'binary' }).filter((name) => name !== '__proto__'),
      fc.double(),
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(records, metrics, fc.nat(8), ({ init, expected }, numbers, shift) => {
        const encoded = encode({ lossFnOutputType: 'a:b:T', lossFnOutputs: init, metrics: numbers });
        // Anywhere in a buffer: what is aligned is viewed, what is not is copied.
        const shifted = new Uint8Array(encoded.length + 8).subarray(shift, shift + encoded.length);
        shifted.set(encoded);
        expect(decodeForwardBackwardOutput(shifted)).toEqual({
          lossFnOutputType: 'T',
          lossFnOutputs: expected,
          metrics: numbers,
        });
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['', 0, 'ArrayRecord'],
    ['a:T', 0, 'a:T'],
    ['', 1, ''],
    ['T', 1, 'T'],
    ['a:b:T', 1, 'T'],
    ['a:', 1, ''],
  ])('names the type %j of %i records %j', (lossFnOutputType, count, expected) => {
    const lossFnOutputs = new Array(count).fill({});
    const read = decodeForwardBackwardOutput(encode({ lossFnOutputType, lossFnOutputs }));
    expect(read).toEqual({ lossFnOutputType: expected, lossFnOutputs: [], metrics: {} });
  });

  it('reads nothing as nothing', () => {
    expect(decodeForwardBackwardOutput(new Uint8Array(0))).toEqual({
      lossFnOutputType: 'ArrayRecord',
      lossFnOutputs: [],
      metrics: {},
    });
  });

  it('reads integers beyond 2^53, and widens int32 with its sign', () => {
    const large = BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n);
    const int64 = { data: new Uint8Array(large.buffer), offsets: offsetBytes([0, 24]), dtype: 2 };
    expect(decodeForwardBackwardOutput(withField(int64)).lossFnOutputs).toEqual([{ x: tensor(large) }]);
    const small = Int32Array.of(-(2 ** 31), -1, 2 ** 31 - 1);
    const int32 = { data: new Uint8Array(small.buffer), offsets: offsetBytes([0, 12]), dtype: 3 };
    expect(decodeForwardBackwardOutput(withField(int32)).lossFnOutputs).toEqual([
      { x: tensor(BigInt64Array.from(small, BigInt)) },
    ]);
  });

  it('keeps names that objects have by themselves', () => {
    const key = delimited(1, '__proto__');
    const value = oracleEncode('BatchedTensor', { dtype: 1, offsets: offsetBytes([0, 0]) });
    const bytes = join(
      delimited(2, delimited(2, join(key, delimited(2, value)))),
      delimited(3, join(key, double(2, 2))),
    );
    const read = decodeForwardBackwardOutput(bytes);
    expect(Object.entries(read.metrics)).toEqual([['__proto__', 2]]);
    expect(read.lossFnOutputs.map(Object.entries)).toEqual([[['__proto__', tensor(new Float32Array(0))]]]);
  });
});

describe('the number of datums', () => {
  it('is what the server says, where that is all: one empty map each', () => {
    const lossFnOutputs = [{ numDatums: 3n }, {}, { numDatums: 1n }];
    expect(decodeForwardBackwardOutput(encode({ lossFnOutputs })).lossFnOutputs).toEqual([{}, {}, {}, {}]);
  });

  it('is that of the first field where the server says none', () => {
    const y = { ...batched(), data: floats(9, 8, 7, 6), offsets: offsetBytes([0, 4, 8, 12, 16]) };
    const bytes = encode({ lossFnOutputs: [{ fields: { x: batched(), y } }] });
    expect(valuesOf(bytes)).toEqual([[1], [], [2, 3]]);
    expect(valuesOf(bytes, 'y')).toEqual([[9], [8], [7]]);
  });

  it('is less than a field has where the server says so', () => {
    expect(valuesOf(withField({}, 2n))).toEqual([[1], []]);
  });

  it('keeps the datums of records apart, also where a field has more than there are', () => {
    const record = { fields: { x: batched() }, numDatums: 1n };
    expect(valuesOf(encode({ lossFnOutputs: [record, record] }))).toEqual([[1], [1]]);
  });

  it('takes none from a record that says none, beside others that do', () => {
    const uncounted = { fields: { x: batched() } };
    const counted = {
      fields: { x: batched({ data: floats(7), offsets: offsetBytes([0, 4]) }) },
      numDatums: 1n,
    };
    expect(valuesOf(encode({ lossFnOutputs: [uncounted, counted] }))).toEqual([[7]]);
  });

  it('may be the most there is, and no more', () => {
    const of = (...counts: bigint[]): Uint8Array =>
      encode({ lossFnOutputs: counts.map((numDatums) => ({ numDatums })) });
    expect(decodeForwardBackwardOutput(of(2n ** 20n)).lossFnOutputs).toHaveLength(2 ** 20);
    for (const bytes of [
      of(2n ** 20n + 1n),
      of(2n ** 19n, 2n ** 19n, 1n),
      of(2n ** 40n),
      of(2n ** 53n - 1n),
    ]) {
      expect(thrown(() => decodeForwardBackwardOutput(bytes))).toMatchObject({
        code: 'response_invalid',
        message: expect.stringMatching(/^ArrayRecord\.num_datums adds up to \d+, more than 1048576$/),
      });
    }
  });

  it.each<readonly [string, bigint, string]>([
    ['negative', -1n, 'ArrayRecord.num_datums is negative'],
    [
      'more than the field has',
      4n,
      'ForwardBackwardOutput.loss_fn_outputs[0].fields["x"] has 3 tensors for 4 datums',
    ],
    [
      'not exact',
      2n ** 53n,
      'ArrayRecord.num_datums has an integer beyond 2^53 - 1, which a number cannot hold exactly',
    ],
  ])('is refused: %s', (_, numDatums, message) => {
    expect(thrown(() => decodeForwardBackwardOutput(withField({}, numDatums)))).toMatchObject({
      code: 'response_invalid',
      message,
    });
  });

  it.each([
    ['of a later record', [{ fields: { x: batched() }, numDatums: 3n }, { numDatums: 1n }], 3, 4],
    ['of an earlier record', [{ numDatums: 2n }, { fields: { x: batched() }, numDatums: 3n }], 3, 5],
    ['in uncounted records', [{ fields: { y: batched() } }, { fields: { x: batched() } }], 3, 6],
  ])('is refused where a field lacks the datums %s', (_, lossFnOutputs, length, total) => {
    const error = thrown(() => decodeForwardBackwardOutput(encode({ lossFnOutputs }))) as Error;
    expect(error.message).toMatch(
      new RegExp(
        `^ForwardBackwardOutput.loss_fn_outputs: field "[xy]" has ${length} tensors for ${total} datums$`,
      ),
    );
  });
});

describe('a batched tensor', () => {
  it('repeats its trailing shape for each datum', () => {
    const parts = {
      data: floats(1, 2, 3, 4, 5, 6),
      offsets: offsetBytes([0, 8, 8, 24]),
      trailingShape: [2n, 1n],
    };
    expect(decodeForwardBackwardOutput(withField(parts)).lossFnOutputs).toEqual([
      { x: tensor(Float32Array.of(1, 2), [1, 2, 1]) },
      { x: tensor(new Float32Array(0), [0, 2, 1]) },
      { x: tensor(Float32Array.of(3, 4, 5, 6), [2, 2, 1]) },
    ]);
  });

  it.each([
    ['an axis of 0', [0]],
    ['another one too', [3, 0]],
    ['large axes', [2 ** 53 - 1, 2 ** 53 - 1]],
    ['axes whose product no number holds', new Array(40).fill(2 ** 53 - 1)],
    ['such axes, and one of 0', [...new Array(40).fill(2 ** 53 - 1), 0]],
    ['as many axes as there may be', new Array(64).fill(1)],
  ])('has no row where it has no number: %s', (_, trailing: number[]) => {
    const trailingShape = trailing.map(BigInt);
    const parts = { data: new Uint8Array(0), offsets: offsetBytes([0, 0]), trailingShape };
    expect(decodeForwardBackwardOutput(withField(parts)).lossFnOutputs).toEqual([
      { x: tensor(new Float32Array(0), [0, ...trailing]) },
    ]);
  });

  it('needs no offset where there is no datum', () => {
    const parts = { data: new Uint8Array(0), offsets: new Uint8Array(0) };
    expect(decodeForwardBackwardOutput(withField(parts)).lossFnOutputs).toEqual([]);
  });

  it('may begin and end within its data', () => {
    expect(valuesOf(withField({ offsets: offsetBytes([4, 8]) }))).toEqual([[2]]);
  });

  it('is a view of its own part of the bytes, where they are aligned', () => {
    const encoded = withField({});
    const alignments = Array.from({ length: 4 }, (_, shift) => {
      const bytes = new Uint8Array(encoded.length + 4).subarray(shift, shift + encoded.length);
      bytes.set(encoded);
      const [first, , third] = decodeForwardBackwardOutput(bytes).lossFnOutputs;
      expect([...(first?.['x']?.data ?? []), ...(third?.['x']?.data ?? [])]).toEqual([1, 2, 3]);
      first?.['x']?.data.fill(9 as never);
      expect([...(third?.['x']?.data ?? [])]).toEqual([2, 3]);
      return first?.['x']?.data.buffer === bytes.buffer;
    });
    expect(alignments.filter((isView) => isView)).toHaveLength(1);
  });

  it('copies no more than one field, for bytes of any kind', () => {
    const encoded = Buffer.from(withField({}));
    const bytes = Buffer.concat([Buffer.from([0]), encoded]).subarray(1);
    expect(valuesOf(bytes)).toEqual([[1], [], [2, 3]]);
  });

  it.each<readonly [string, Record<string, unknown>, string]>([
    ['dtype UNSPECIFIED', { dtype: 0 }, 'has an unknown dtype, 0'],
    ['a dtype of the future', { dtype: 5 }, 'has an unknown dtype, 5'],
    ['a dtype that is a property of arrays', { dtype: -1 }, 'has an unknown dtype, -1'],
    [
      'half a number',
      { data: floats(1, 2, 3).subarray(0, 11) },
      'has 11 bytes of data, which no 4-byte numbers fill',
    ],
    ['half an int64', { dtype: 2 }, 'has 12 bytes of data, which no 8-byte numbers fill'],
    ['half an offset', { offsets: offsetBytes([0, 4]).subarray(0, 12) }, 'has offsets that are not int64'],
    [
      'an offset inside a number',
      { offsets: offsetBytes([0, 6]) },
      'has an offset 1 that is not a multiple of 4 from 0 to 12: 6',
    ],
    [
      'an offset beyond its data',
      { offsets: offsetBytes([0, 16]) },
      'has an offset 1 that is not a multiple of 4 from 0 to 12: 16',
    ],
    [
      'an offset beyond all numbers',
      { offsets: offsetBytes([0, 2 ** 40]) },
      'has an offset 1 that is not a multiple of 4 from 0 to 12: 1099511627776',
    ],
    [
      'a negative offset',
      { offsets: offsetBytes([-4, 4]) },
      'has an offset 0 that is not a multiple of 4 from 0 to 12: -4',
    ],
    [
      'datums that overlap',
      { offsets: offsetBytes([0, 8, 4, 12]) },
      'has an offset 2 that is not a multiple of 4 from 8 to 12: 4',
    ],
    [
      'a row that is not full',
      { trailingShape: [2n] },
      ': the 1 numbers of datum 0 do not fill rows of 2, as its trailing shape has them',
    ],
    [
      'numbers in rows without any',
      { trailingShape: [0n] },
      ': the 1 numbers of datum 0 do not fill rows of 0, as its trailing shape has them',
    ],
    [
      'rows beyond all numbers',
      { trailingShape: new Array(40).fill(2n ** 53n - 1n) },
      ': the 1 numbers of datum 0 do not fill rows of Infinity, as its trailing shape has them',
    ],
  ])('is refused for %s', (_, parts, message) => {
    const error = thrown(() => decodeForwardBackwardOutput(withField(parts))) as Error;
    expect(error).toMatchObject({ code: 'response_invalid' });
    const separator = message.startsWith(':') ? '' : ' ';
    expect(error.message).toBe(`ForwardBackwardOutput.loss_fn_outputs[0].fields["x"]${separator}${message}`);
  });

  it.each<readonly [string, bigint[], string]>([
    ['a negative axis', [1n, -1n], 'has a negative axis'],
    ['too many axes', new Array(65).fill(1n), 'has more than 64 axes'],
    [
      'an axis no number holds',
      [2n ** 53n],
      'has an integer beyond 2^53 - 1, which a number cannot hold exactly',
    ],
  ])('is refused for %s', (_, trailingShape, message) => {
    expect(thrown(() => decodeForwardBackwardOutput(withField({ trailingShape })))).toMatchObject({
      code: 'response_invalid',
      message: `BatchedTensor.trailing_shape ${message}`,
    });
  });

  it('is refused without a value at all', () => {
    const bytes = delimited(2, delimited(2, delimited(1, 'x')));
    expect(() => decodeForwardBackwardOutput(bytes)).toThrow('fields["x"] has an unknown dtype, 0');
  });

  it('is named, but not at any length', () => {
    const bytes = delimited(2, delimited(2, delimited(1, 'x'.repeat(10_000))));
    const error = thrown(() => decodeForwardBackwardOutput(bytes)) as Error;
    expect(error.message.length).toBeLessThan(200);
  });
});

describe('what protobuf allows', () => {
  const part = (init: Record<string, unknown>): Uint8Array => oracleEncode('BatchedTensor', init);

  it('takes the last of a field that comes twice', () => {
    const bytes = join(
      delimited(1, 'a'),
      delimited(1, 'b'),
      delimited(2, join(varint(3, 5), varint(3, 1))),
      delimited(3, join(delimited(1, 'old'), delimited(1, 'm'), double(2, 1), double(2, 2))),
      delimited(3, join(delimited(1, 'm'), double(2, 3))),
    );
    expect(decodeForwardBackwardOutput(bytes)).toEqual({
      lossFnOutputType: 'b',
      lossFnOutputs: [{}],
      metrics: { m: 3 },
    });
  });

  it('takes the last of a map’s entries with one key', () => {
    const entry = (value: number): Uint8Array =>
      delimited(
        2,
        join(
          delimited(1, 'x'),
          delimited(2, part({ data: floats(value), offsets: offsetBytes([0, 4]), dtype: 1 })),
        ),
      );
    expect(valuesOf(delimited(2, join(entry(1), entry(2))))).toEqual([[2]]);
  });

  it('merges the parts of a message that comes twice', () => {
    const one = part({ data: floats(1, 2), dtype: 2, trailingShape: [2n] });
    const two = part({ offsets: offsetBytes([0, 8]), dtype: 1, trailingShape: [1n] });
    const bytes = delimited(2, delimited(2, join(delimited(2, one), delimited(1, 'x'), delimited(2, two))));
    expect(decodeForwardBackwardOutput(bytes).lossFnOutputs).toEqual([
      { x: tensor(Float32Array.of(1, 2), [1, 2, 1]) },
    ]);
  });

  it('takes repeated numbers packed, one by one, and both', () => {
    const rest = part({ data: floats(1, 2, 3, 4, 5, 6), offsets: offsetBytes([0, 24]), dtype: 1 });
    for (const axes of [
      join(varint(4, 1), varint(4, 2), varint(4, 3)),
      delimited(4, Uint8Array.of(1, 2, 3)),
      join(varint(4, 1), delimited(4, Uint8Array.of(2, 3)), delimited(4, '')),
    ]) {
      const bytes = delimited(2, delimited(2, join(delimited(1, 'x'), delimited(2, join(axes, rest)))));
      expect(decodeForwardBackwardOutput(bytes).lossFnOutputs[0]?.['x']?.shape).toEqual([1, 1, 2, 3]);
    }
  });

  it('gives an entry’s absent parts their defaults', () => {
    const bytes = join(delimited(3, delimited(1, 'm')), delimited(3, double(2, 4)));
    expect(decodeForwardBackwardOutput(bytes).metrics).toEqual({ m: 0, '': 4 });
  });

  it('skips what it does not know', () => {
    const unknown = join(
      varint(9, 2n ** 63n - 1n),
      double(15, 1),
      delimited(16, 'x'),
      raw(2000, 5, 1, 2, 3, 4),
    );
    const bytes = join(
      unknown,
      delimited(
        2,
        join(
          unknown,
          delimited(
            2,
            join(
              unknown,
              delimited(1, 'x'),
              delimited(2, join(unknown, part(batched() as Record<string, unknown>))),
            ),
          ),
        ),
      ),
      delimited(3, join(delimited(1, 'm'), unknown, double(2, 1))),
    );
    expect(valuesOf(bytes)).toEqual([[1], [], [2, 3]]);
    expect(decodeForwardBackwardOutput(bytes).metrics).toEqual({ m: 1 });
  });

  it.each<readonly [string, Uint8Array]>([
    ['ForwardBackwardOutput.loss_fn_output_type has wire type 0 instead of 2', varint(1, 1)],
    ['ForwardBackwardOutput.loss_fn_outputs has wire type 1 instead of 2', double(2, 1)],
    ['ForwardBackwardOutput.metrics has wire type 0 instead of 2', varint(3, 1)],
    ['ArrayRecord.type_tag has wire type 0 instead of 2', delimited(2, varint(1, 1))],
    ['ArrayRecord.fields has wire type 0 instead of 2', delimited(2, varint(2, 1))],
    ['ArrayRecord.num_datums has wire type 2 instead of 0', delimited(2, delimited(3, ''))],
    ['ArrayRecord.fields.key has wire type 0 instead of 2', delimited(2, delimited(2, varint(1, 1)))],
    ['ArrayRecord.fields.value has wire type 0 instead of 2', delimited(2, delimited(2, varint(2, 1)))],
    [
      'BatchedTensor.data has wire type 0 instead of 2',
      delimited(2, delimited(2, delimited(2, varint(1, 1)))),
    ],
    [
      'BatchedTensor.offsets has wire type 0 instead of 2',
      delimited(2, delimited(2, delimited(2, varint(2, 1)))),
    ],
    [
      'BatchedTensor.dtype has wire type 2 instead of 0',
      delimited(2, delimited(2, delimited(2, delimited(3, '')))),
    ],
    [
      'BatchedTensor.trailing_shape has wire type 1 instead of 0',
      delimited(2, delimited(2, delimited(2, double(4, 1)))),
    ],
    ['ForwardBackwardOutput.metrics.key has wire type 1 instead of 2', delimited(3, double(1, 1))],
    ['ForwardBackwardOutput.metrics.value has wire type 0 instead of 1', delimited(3, varint(2, 1))],
    [
      'ForwardBackwardOutput.loss_fn_output_type is not text in UTF-8',
      delimited(1, Uint8Array.of(0x61, 0xff)),
    ],
    [
      'ArrayRecord.fields.key is not text in UTF-8',
      delimited(2, delimited(2, delimited(1, Uint8Array.of(0xc0)))),
    ],
  ])('says %j', (message, bytes) => {
    expect(thrown(() => decodeForwardBackwardOutput(bytes))).toMatchObject({
      name: 'TinkerResponseError',
      message,
    });
  });
});
