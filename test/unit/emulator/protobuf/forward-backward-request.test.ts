import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeForwardBackwardRequest } from '../../../../src/emulator/protobuf/forward-backward-request.ts';
import { oracleEncode } from '../../wire/proto/oracle.ts';
import { delimited, join, raw, varint } from '../../wire/proto/raw-fields.ts';

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const float = fc.float({ noNaN: true });

const bytesOf = (values: Int32Array | Float32Array | BigInt64Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** A tensor for protobuf-es, and what is to be read. */
const tensor = fc.oneof(
  fc.array(float, { maxLength: 6 }).map((values) => ({
    init: tensorInit(bytesOf(Float32Array.from(values)), 1, [BigInt(values.length)]),
    expected: { dtype: 'float32', shape: [values.length], values: Float32Array.from(values) },
  })),
  fc.array(fc.bigInt({ min: -(2n ** 53n), max: 2n ** 53n }), { maxLength: 6 }).map((values) => ({
    init: tensorInit(bytesOf(BigInt64Array.from(values)), 2, [1n, BigInt(values.length)]),
    expected: { dtype: 'int64', shape: [1, values.length], values: Float64Array.from(values, Number) },
  })),
);

function tensorInit(dense: Uint8Array, dtype: number, shape: readonly bigint[]): object {
  return { encoding: { case: 'dense', value: dense }, dtype, shape };
}

const chunk = fc.oneof(
  fc.array(int32, { maxLength: 5 }).map((tokens) => ({
    init: { chunk: { case: 'encodedText', value: { tokens: bytesOf(Int32Array.from(tokens)) } } },
    expected: { type: 'encoded_text', tokens: Int32Array.from(tokens) },
  })),
  fc.constant({
    init: { chunk: { case: 'image', value: { data: Uint8Array.of(1), format: 'png', expectedTokens: 0 } } },
    expected: { type: 'image' },
  }),
  fc.constant({
    init: { chunk: { case: 'dmel', value: { dmel: Uint8Array.of(1, 2) } } },
    expected: { type: 'dmel' },
  }),
);

const named = <T>(value: fc.Arbitrary<T>) =>
  fc.uniqueArray(fc.tuple(fc.string({ unit: 'binary', maxLength: 5 }), value), {
    maxLength: 3,
    selector: ([name]) => name,
  });

it('reads what another runtime writes', () => {
  const request = fc.record({
    modelId: fc.string({ unit: 'binary' }),
    seqId: int32,
    lossFn: fc.string({ unit: 'binary' }),
    config: named(fc.double()),
    forwardOnly: fc.boolean(),
    data: fc.array(fc.record({ chunks: fc.array(chunk, { maxLength: 3 }), tensors: named(tensor) }), {
      maxLength: 3,
    }),
  });
  fc.assert(
    fc.property(request, ({ config, data, ...rest }) => {
      const bytes = oracleEncode('ForwardBackwardRequest', {
        ...rest,
        lossFnConfig: Object.fromEntries(config),
        data: data.map(({ chunks, tensors }) => ({
          modelInput: chunks.map(({ init }) => init),
          lossFnInputs: Object.fromEntries(tensors.map(([name, { init }]) => [name, init])),
        })),
      });
      expect(decodeForwardBackwardRequest(bytes)).toEqual({
        modelId: rest.modelId,
        sequenceId: rest.seqId === 0 ? undefined : rest.seqId,
        forwardOnly: rest.forwardOnly,
        lossFn: rest.lossFn,
        lossFnConfig: new Map(config),
        data: data.map(({ chunks, tensors }) => ({
          chunks: chunks.map(({ expected }) => expected),
          tensors: new Map(tensors.map(([name, { expected }]) => [name, expected])),
        })),
      });
    }),
  );
});

describe('sparse tensors', () => {
  it('become dense, whatever rows and columns they fill', () => {
    const matrix = fc
      .record({ rows: fc.integer({ min: 0, max: 4 }), columns: fc.integer({ min: 1, max: 4 }) })
      .chain(({ rows, columns }) =>
        fc
          .array(fc.option(fc.integer({ min: 1, max: 9 }), { nil: 0 }), {
            minLength: rows * columns,
            maxLength: rows * columns,
          })
          .map((values) => ({ rows, columns, values })),
      );
    fc.assert(
      fc.property(matrix, fc.constantFrom(1, 2), ({ rows, columns, values }, dtype) => {
        const filled = values.flatMap((value, at) => (value === 0 ? [] : [{ value, at }]));
        const starts = Array.from({ length: rows + 1 }, (_, row) =>
          BigInt(filled.filter(({ at }) => at < row * columns).length),
        );
        const numbers = filled.map(({ value }) => value);
        const sparse = {
          values: bytesOf(dtype === 1 ? Float32Array.from(numbers) : BigInt64Array.from(numbers, BigInt)),
          crowIndices: bytesOf(BigInt64Array.from(starts)),
          colIndices: bytesOf(BigInt64Array.from(filled, ({ at }) => BigInt(at % columns))),
        };
        const found = decodeTensor({
          encoding: { case: 'sparseCsr', value: sparse },
          dtype,
          shape: [BigInt(rows), BigInt(columns)],
        });
        expect(found?.shape).toEqual([rows, columns]);
        expect(Array.from(found?.values ?? [])).toEqual(values);
      }),
    );
  });

  const csr = (
    starts: readonly bigint[],
    columns: readonly bigint[],
    shape: readonly bigint[],
    count = 2,
  ) => ({
    encoding: {
      case: 'sparseCsr',
      value: {
        values: bytesOf(Float32Array.from({ length: count }, () => 1)),
        crowIndices: bytesOf(BigInt64Array.from(starts)),
        colIndices: bytesOf(BigInt64Array.from(columns)),
      },
    },
    dtype: 1,
    shape,
  });
  it.each([
    [csr([0n, 2n], [0n, 1n], [2n, 2n]), 'it has 2 row indices instead of 3'],
    [csr([0n, 1n, 2n], [0n], [2n, 2n]), '2 values have 1 column indices'],
    [csr([1n, 1n, 2n], [0n, 1n], [2n, 2n]), 'its row indices go from 1 to 2, its values from 0 to 2'],
    [csr([0n, 1n, 1n], [0n, 1n], [2n, 2n]), 'its row indices go from 0 to 1, its values from 0 to 2'],
    [csr([0n, 3n, 2n], [0n, 1n], [2n, 2n]), 'row 0 starts at 0 and ends at 3'],
    [csr([0n, 2n, 1n, 2n], [0n, 1n], [3n, 2n]), 'row 1 starts at 2 and ends at 1'],
    [csr([0n, 1n, 2n], [0n, 2n], [2n, 2n]), 'value 1 is in column 2'],
    [csr([0n, 1n, 2n], [0n, -1n], [2n, 2n]), 'value 1 is in column -1'],
    [csr([0n], [], [0n, 2n ** 40n], 0), undefined],
    [csr([0n, 1n, 2n], [0n, 1n], [2n, 2n ** 40n]), 'it may hold 4194304 values'],
  ])('that cannot be are refused: %#', (init, detail) => {
    const decode = () => decodeTensor(init);
    if (detail === undefined) expect(decode()?.values).toHaveLength(0);
    else
      expect(decode).toThrowError(
        expect.objectContaining({ status: 422, detail: expect.stringContaining(detail) }),
      );
  });

  it('need a shape of two dimensions', () => {
    for (const shape of [[], [4n], [1n, 2n, 2n]]) {
      expect(() => decodeTensor(csr([0n, 2n], [0n, 1n], shape))).toThrowError(
        expect.objectContaining({ detail: expect.stringContaining('it needs a shape of two dimensions') }),
      );
    }
  });
});

/** The one tensor of a request. */
function decodeTensor(init: object) {
  const data = [{ modelInput: [], lossFnInputs: { x: init } }];
  return decodeForwardBackwardRequest(oracleEncode('ForwardBackwardRequest', { data })).data[0]?.tensors.get(
    'x',
  );
}

describe('bytes that are no request', () => {
  const dense = (bytes: readonly number[], dtype: number, shape: readonly bigint[] = []) => ({
    ...tensorInit(Uint8Array.from(bytes), dtype, shape),
  });
  it.each([
    [
      'tensor of another dtype',
      dense([0, 0, 0, 0], 3),
      'has the dtype 3; it must be float32 (1) or int64 (2)',
    ],
    ['tensor of no dtype', dense([0, 0, 0, 0], 0), 'has the dtype 0'],
    ['cut float', dense([0, 0, 0], 1), 'has 3 bytes, which is no multiple of 4'],
    ['cut integer', dense([0, 0, 0, 0], 2), 'has 4 bytes, which is no multiple of 8'],
    ['wrong shape', dense([0, 0, 0, 0], 1, [2n]), 'has 1 values; its shape [2] holds 2'],
    ['negative shape', dense([0, 0, 0, 0], 1, [-1n, -1n]), 'has the shape [-1, -1], which cannot be'],
  ])('a %s', (_, init, detail) => {
    expect(() => decodeTensor(init)).toThrowError(
      expect.objectContaining({
        status: 422,
        detail: expect.stringContaining(`body.data[0].loss_fn_inputs.x ${detail}`),
      }),
    );
  });

  const model = delimited(1, 'm');
  it.each([
    ['cut tag', Uint8Array.of(0x80), 'it is cut short'],
    ['cut length', Uint8Array.of(0x0a, 0x80), 'it is cut short'],
    ['length beyond the end', Uint8Array.of(0x0a, 5, 1), 'it is cut short'],
    [
      'negative length',
      join(Uint8Array.of(0x0a), Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)),
      'it is cut short',
    ],
    ['cut double', raw(9, 1, 1, 2, 3), 'it is cut short'],
    ['cut float', raw(9, 5, 1, 2, 3), 'it is cut short'],
    ['field 0', Uint8Array.of(0, 1), '0 is not a field number'],
    ['group', raw(9, 3), 'wire type 3 is not used'],
    ['unknown wire type', raw(9, 7), 'wire type 7 is not used'],
    ['endless number', raw(2, 0, ...Array(11).fill(0x80)), 'a number has more than ten bytes'],
    ['text that is not UTF-8', delimited(1, Uint8Array.of(0xff)), 'a text is not UTF-8'],
    ['datum that is no message', delimited(3, Uint8Array.of(0x0a, 9)), 'it is cut short'],
  ])('a %s', (_, bytes, detail) => {
    expect(() => decodeForwardBackwardRequest(join(model, bytes))).toThrowError(
      expect.objectContaining({
        status: 422,
        detail: `The body is not a valid protobuf message: ${detail}`,
      }),
    );
  });

  it('are refused or read, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          decodeForwardBackwardRequest(bytes);
        } catch (thrown) {
          expect(thrown).toMatchObject({ status: 422 });
        }
      }),
      { numRuns: 500 },
    );
  });
});

it('skips what it does not know, takes the last of several, and merges parts of a message', () => {
  const tokens = (...values: number[]) => delimited(1, bytesOf(Int32Array.from(values)));
  const float = bytesOf(Float32Array.of(1));
  const bytes = join(
    raw(15, 5, 1, 2, 3, 4),
    raw(16, 1, 1, 2, 3, 4, 5, 6, 7, 8),
    delimited(17, 'unknown'),
    varint(18, 2n ** 60n),
    delimited(2, 'of another wire type'),
    varint(2, 7),
    varint(2, 8),
    delimited(1, 'first'),
    delimited(1, 'last'),
    delimited(
      3,
      join(
        delimited(1, delimited(1, tokens(1))),
        // A oneof: the later kind counts.
        delimited(1, join(delimited(3, ''), delimited(1, tokens(2)))),
        delimited(
          2,
          join(
            delimited(1, 'w'),
            delimited(2, join(delimited(1, float), varint(3, 2))),
            delimited(2, join(varint(3, 1), delimited(4, Uint8Array.of(1)), varint(4, 1))),
          ),
        ),
      ),
    ),
  );
  expect(decodeForwardBackwardRequest(bytes)).toEqual({
    modelId: 'last',
    sequenceId: 8,
    forwardOnly: false,
    lossFn: '',
    lossFnConfig: new Map(),
    data: [
      {
        chunks: [
          { type: 'encoded_text', tokens: Int32Array.of(1) },
          { type: 'encoded_text', tokens: Int32Array.of(2) },
        ],
        tensors: new Map([['w', { dtype: 'float32', shape: [1, 1], values: Float32Array.of(1) }]]),
      },
    ],
  });
});

it('refuses a chunk of no kind, and a tensor that is not there', () => {
  const empty = delimited(3, delimited(1, ''));
  expect(() => decodeForwardBackwardRequest(empty)).toThrowError(
    expect.objectContaining({ status: 422, detail: 'body.data[0].model_input.chunks[0] is empty' }),
  );
  const nothing = delimited(3, delimited(2, delimited(1, 'w')));
  expect(() => decodeForwardBackwardRequest(nothing)).toThrowError(
    expect.objectContaining({ status: 422, detail: expect.stringContaining('w has the dtype 0') }),
  );
});
