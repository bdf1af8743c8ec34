import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../../src/kernel/bytes.ts';
import type { CheckedChunk, CheckedDatum, CheckedTensor } from '../../../../src/wire/checked-datum.ts';
import {
  encodeForwardBackwardRequest,
  type ForwardBackwardRequest,
} from '../../../../src/wire/proto/forward-backward-request.ts';
import { thrown } from '../../../support/settled.ts';
import { fromHex, GOLDEN } from './golden.ts';
import { oracleDecode, oracleEncode, oracleMessage } from './oracle.ts';

const DATUM: CheckedDatum = {
  chunks: [{ type: 'encoded_text', tokens: Int32Array.of(1, 2) }],
  lossFnInputs: {
    target_tokens: { data: Int32Array.of(2, 3), dtype: 'int64', shape: [2] },
    weights: { data: Float32Array.of(1, 0.5), dtype: 'float32', shape: [2] },
  },
};

const V1: ForwardBackwardRequest = {
  modelId: 'm',
  sequenceId: 1,
  data: [DATUM],
  lossFn: 'cross_entropy',
  lossFnConfig: undefined,
  forwardOnly: false,
};

const V2: ForwardBackwardRequest = {
  modelId: 'm',
  sequenceId: 300,
  data: [
    {
      chunks: [
        { type: 'image', data: Uint8Array.of(0x89, 0x50), format: 'png', expectedTokens: 0 },
        { type: 'dmel', dmel: Uint8Array.of(4, 2, 1, 0x50) },
      ],
      lossFnInputs: {
        weights: {
          data: Float32Array.of(1, 2),
          dtype: 'float32',
          shape: [3, 4],
          sparse: { crowIndices: BigInt64Array.of(0n, 1n, 1n, 2n), colIndices: BigInt64Array.of(1n, 3n) },
        },
      },
    },
  ],
  lossFn: 'ppo',
  lossFnConfig: { clip: 0.2 },
  forwardOnly: false,
};

/** Elements as the wire has them, one at a time: little-endian, int32 as int64 where `isWide`. */
function wireBytes(
  values: Int32Array | BigInt64Array | Float32Array | Uint8Array,
  isWide = false,
): Uint8Array {
  const width = isWide ? 8 : values.BYTES_PER_ELEMENT;
  const view = new DataView(new ArrayBuffer(width * values.length));
  values.forEach((value: number | bigint, i: number) => {
    if (values instanceof Float32Array) view.setFloat32(width * i, value as number, true);
    else if (width === 8) view.setBigInt64(width * i, BigInt(value), true);
    else if (width === 4) view.setInt32(width * i, value as number, true);
    else view.setUint8(i, value as number);
  });
  return new Uint8Array(view.buffer);
}

function chunkInit(chunk: CheckedChunk): object {
  switch (chunk.type) {
    case 'encoded_text':
      return { chunk: { case: 'encodedText', value: { tokens: wireBytes(chunk.tokens) } } };
    case 'image': {
      const { data, format, expectedTokens } = chunk;
      const value = { data, format, ...(expectedTokens === undefined ? {} : { expectedTokens }) };
      return { chunk: { case: 'image', value } };
    }
    case 'dmel':
      return { chunk: { case: 'dmel', value: { dmel: chunk.dmel } } };
    default:
      throw new Error('protobuf has no such chunk');
  }
}

function tensorInit({ data, dtype, shape, sparse }: CheckedTensor): object {
  const values = wireBytes(data, dtype === 'int64');
  const csr = sparse && {
    values,
    crowIndices: wireBytes(sparse.crowIndices),
    colIndices: wireBytes(sparse.colIndices),
  };
  return {
    encoding: csr === undefined ? { case: 'dense', value: values } : { case: 'sparseCsr', value: csr },
    dtype: dtype === 'float32' ? 1 : 2,
    shape: shape.map(BigInt),
  };
}

/** The request for protobuf-es. */
function oracleInit(request: ForwardBackwardRequest): Record<string, unknown> {
  return {
    modelId: request.modelId,
    seqId: request.sequenceId,
    data: request.data.map(({ chunks, lossFnInputs }) => ({
      modelInput: chunks.map(chunkInit),
      lossFnInputs: Object.fromEntries(
        Object.entries(lossFnInputs).map(([name, tensor]) => [name, tensorInit(tensor)]),
      ),
    })),
    lossFn: request.lossFn,
    lossFnConfig: request.lossFnConfig ?? {},
    forwardOnly: request.forwardOnly,
  };
}

// Code points of every length in UTF-8. protobuf-es keeps maps in plain objects, so one name is not for it.
const text = fc.string({ unit: 'binary', maxLength: 40 }).filter((name) => name !== '__proto__');
const bytes = fc.uint8Array({ maxLength: 300 });
/** Arrays that start anywhere in their buffer. */
const shifted = <T extends Int32Array | BigInt64Array | Float32Array>(arrays: fc.Arbitrary<T>) =>
  fc.tuple(arrays, fc.nat(3)).map(([array, skip]) => array.subarray(Math.min(skip, array.length)) as T);
const int32s = shifted(fc.int32Array({ maxLength: 40 }));
const int64s = shifted(fc.bigInt64Array({ maxLength: 40 }));
const float32s = shifted(fc.float32Array({ maxLength: 40 }));
const shape = fc.array(fc.oneof(fc.nat(300), fc.maxSafeNat()), { maxLength: 4 });
const sparse = fc.option(fc.record({ crowIndices: int64s, colIndices: int64s }), { nil: undefined });

const chunk: fc.Arbitrary<CheckedChunk> = fc.oneof(
  fc.record({ type: fc.constant('encoded_text' as const), tokens: int32s }),
  fc.record({
    type: fc.constant('image' as const),
    data: bytes,
    format: fc.constantFrom('png' as const, 'jpeg' as const),
    expectedTokens: fc.option(fc.nat(), { nil: undefined }),
  }),
  fc.record({ type: fc.constant('dmel' as const), dmel: bytes }),
);
const tensor: fc.Arbitrary<CheckedTensor> = fc.oneof(
  fc.record({ data: fc.oneof(int32s, int64s), dtype: fc.constant('int64' as const), shape, sparse }),
  fc.record({ data: float32s, dtype: fc.constant('float32' as const), shape, sparse }),
);
const datum: fc.Arbitrary<CheckedDatum> = fc.record({
  chunks: fc.array(chunk, { maxLength: 4 }),
  lossFnInputs: fc.dictionary(text, tensor, { maxKeys: 4, noNullPrototype: true }),
});
const request: fc.Arbitrary<ForwardBackwardRequest> = fc.record({
  modelId: text,
  sequenceId: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  data: fc.array(datum, { maxLength: 4 }),
  lossFn: text,
  lossFnConfig: fc.option(fc.dictionary(text, fc.double(), { noNullPrototype: true }), { nil: undefined }),
  forwardOnly: fc.boolean(),
});

describe('encodeForwardBackwardRequest', () => {
  it.each<readonly [string, ForwardBackwardRequest, string]>([
    ['V1', V1, GOLDEN.v1],
    ['V1, forward only', { ...V1, forwardOnly: true }, `${GOLDEN.v1}3001`],
    ['V2', V2, GOLDEN.v2],
  ])('writes golden vector %s (protocol 4.7)', (_, input, hex) => {
    expect(toHex(encodeForwardBackwardRequest(input))).toBe(hex);
    expect(oracleDecode('ForwardBackwardRequest', fromHex(hex))).toEqual(
      oracleMessage('ForwardBackwardRequest', oracleInit(input)),
    );
  });

  it('writes what protobuf-es writes, byte for byte, and protobuf-es reads it back', () => {
    fc.assert(
      fc.property(request, (input) => {
        const encoded = encodeForwardBackwardRequest(input);
        expect(toHex(encoded)).toBe(toHex(oracleEncode('ForwardBackwardRequest', oracleInit(input))));
        expect(oracleDecode('ForwardBackwardRequest', encoded)).toEqual(
          oracleMessage('ForwardBackwardRequest', oracleInit(input)),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('fills one buffer of exactly its size', () => {
    fc.assert(
      fc.property(request, (input) => {
        const encoded = encodeForwardBackwardRequest(input);
        expect(encoded.byteOffset).toBe(0);
        expect(encoded.buffer.byteLength).toBe(encoded.length);
      }),
    );
  });

  it('takes token ids as int32 or int64', () => {
    const data = [-(2 ** 31), -1, 0, 1, 2 ** 31 - 1];
    const encoded = [Int32Array.from(data), BigInt64Array.from(data, BigInt)].map((values) =>
      encodeForwardBackwardRequest({
        ...V1,
        data: [{ chunks: [], lossFnInputs: { x: { data: values, dtype: 'int64', shape: [5] } } }],
      }),
    );
    expect(encoded[0]).toEqual(encoded[1]);
  });

  it('writes lengths that take several bytes', () => {
    const tokens = new Int32Array(600_000).fill(7);
    const input: ForwardBackwardRequest = {
      ...V1,
      data: [
        {
          chunks: [{ type: 'encoded_text', tokens }],
          lossFnInputs: { target_tokens: { data: tokens, dtype: 'int64', shape: [tokens.length] } },
        },
      ],
    };
    const encoded = encodeForwardBackwardRequest(input);
    const expected = oracleEncode('ForwardBackwardRequest', oracleInit(input));
    // Buffers compare without a walk through every byte.
    expect(Buffer.compare(encoded, expected)).toBe(0);
  });

  it('sends a tensor named like a property of every object', () => {
    const lossFnInputs = Object.fromEntries([
      ['__proto__', { data: Int32Array.of(1), dtype: 'int64', shape: [1] } satisfies CheckedTensor],
    ]);
    const encoded = encodeForwardBackwardRequest({ ...V1, data: [{ chunks: [], lossFnInputs }] });
    expect(new TextDecoder().decode(encoded)).toContain('__proto__');
  });

  it.each([[0], [-1], [2 ** 31], [1.5], [Number.NaN], [Number.POSITIVE_INFINITY]])(
    'refuses sequence id %s: the field is an int32, and 0 means none',
    (sequenceId) => {
      expect(thrown(() => encodeForwardBackwardRequest({ ...V1, sequenceId }))).toMatchObject({
        code: 'input_invalid',
        field: 'sequenceId',
        message: `"sequenceId" must be an integer >= 1 and <= 2147483647, got ${sequenceId}`,
      });
    },
  );

  it('takes every sequence id of an int32', () => {
    const sequenceId = 2 ** 31 - 1;
    const encoded = encodeForwardBackwardRequest({ ...V1, sequenceId });
    expect(oracleDecode('ForwardBackwardRequest', encoded)).toMatchObject({ seqId: sequenceId });
  });

  it('refuses an image asset pointer, and says where it works', () => {
    const pointer: CheckedChunk = {
      type: 'image_asset_pointer',
      format: 'png',
      location: 'a',
      expectedTokens: 1,
    };
    const chunks = [...DATUM.chunks, pointer];
    const error = thrown(() =>
      encodeForwardBackwardRequest({ ...V1, data: [DATUM, { ...DATUM, chunks }] }),
    ) as Error;
    expect(error).toMatchObject({ code: 'input_invalid', field: 'data[1].modelInput.chunks[1]' });
    expect(error.message).toContain('pointers work for sampling');
  });

  it.each([[2 ** 31], [-1], [0.5]])('refuses an image of %s expected tokens', (expectedTokens) => {
    const image: CheckedChunk = { type: 'image', data: Uint8Array.of(1), format: 'jpeg', expectedTokens };
    expect(
      thrown(() => encodeForwardBackwardRequest({ ...V1, data: [{ chunks: [image], lossFnInputs: {} }] })),
    ).toMatchObject({
      field: 'data[0].modelInput.chunks[0].expectedTokens',
      message: `"data[0].modelInput.chunks[0].expectedTokens" must be an integer >= 0 and <= 2147483647, got ${expectedTokens}`,
    });
  });

  it('refuses more than protobuf can carry before it takes memory for it', () => {
    const large: CheckedDatum = {
      chunks: [],
      lossFnInputs: { x: { data: new Float32Array(2 ** 18), dtype: 'float32', shape: [2 ** 18] } },
    };
    const size = (data: readonly CheckedDatum[]): number =>
      encodeForwardBackwardRequest({ ...V1, data }).length;
    const total = size([]) + 2048 * (size([large]) - size([]));
    expect(
      thrown(() => encodeForwardBackwardRequest({ ...V1, data: new Array(2048).fill(large) })),
    ).toMatchObject({
      code: 'input_invalid',
      field: 'data',
      message: `"data" must take at most 2147483647 bytes in protobuf, got ${total}`,
    });
  });
});
