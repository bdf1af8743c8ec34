import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeForwardBackwardOutput,
  type OutputField,
  type OutputRecord,
} from '../../../../src/emulator/protobuf/forward-backward-output.ts';
import { EMPTY_CELL, encodeSampleResponse } from '../../../../src/emulator/protobuf/sample-response.ts';
import { oracleDecode, oracleEncode, oracleMessage } from '../../wire/proto/oracle.ts';

// Another runtime reads what is written here, and would write the same bytes.

const bytesOf = (values: Int32Array | Float32Array | BigInt64Array | Uint16Array): Uint8Array =>
  new Uint8Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength));

const floats = fc.float32Array({ maxLength: 5 });
const ints = fc.int32Array({ maxLength: 5 });

describe('a sample response', () => {
  const sequence = fc
    .array(fc.tuple(fc.integer({ min: 0, max: 2 ** 31 - 1 }), fc.float()), { maxLength: 5 })
    .chain((cells) =>
      fc.constantFrom('stop' as const, 'length' as const).map((stopReason) => ({
        stopReason,
        tokens: Int32Array.from(cells, ([token]) => token),
        logprobs: Float32Array.from(cells, ([, logprob]) => logprob),
      })),
    );
  const topk = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4 })).map(([k, rows]) => ({
    k,
    tokens: Int32Array.from({ length: k * rows }, (_, i) => i * 1000),
    logprobs: Float32Array.from({ length: k * rows }, (_, i) => (i < k ? EMPTY_CELL : -i)),
  }));
  const response = fc.record({
    sequences: fc.array(sequence, { maxLength: 4 }),
    promptLogprobs: fc.option(floats, { nil: undefined }),
    topkPromptLogprobs: fc.option(topk, { nil: undefined }),
    promptCacheHitTokens: fc.nat(),
  });

  it('is what another runtime reads and writes', () => {
    fc.assert(
      fc.property(
        response,
        ({ sequences, promptLogprobs, topkPromptLogprobs: matrix, promptCacheHitTokens }) => {
          const init = {
            sequences: sequences.map(({ stopReason, tokens, logprobs }) => ({
              stopReason: stopReason === 'stop' ? 0 : 1,
              tokens: bytesOf(tokens),
              logprobs: bytesOf(logprobs),
            })),
            ...(promptLogprobs && { promptLogprobs: bytesOf(promptLogprobs) }),
            ...(matrix && {
              topkPromptLogprobs: {
                tokenIds: bytesOf(matrix.tokens),
                logprobs: bytesOf(matrix.logprobs),
                k: matrix.k,
                promptLength: matrix.tokens.length / matrix.k,
              },
            }),
            promptCacheHitTokens,
          };
          const bytes = encodeSampleResponse({
            sequences,
            promptLogprobs,
            topkPromptLogprobs: matrix,
            promptCacheHitTokens,
          });
          expect(oracleDecode('SampleResponse', bytes)).toEqual(oracleMessage('SampleResponse', init));
          expect(bytes).toEqual(oracleEncode('SampleResponse', init));
        },
      ),
    );
  });
});

describe('a forward-backward output', () => {
  const trailingShape = fc.array(fc.nat(300), { maxLength: 2 });
  const wireNumbers = { float32: 1, int64: 2, int32: 3, bfloat16: 4 } as const;
  const field: fc.Arbitrary<OutputField> = fc.oneof(
    fc.record({
      dtype: fc.constant('float32' as const),
      items: fc.array(floats, { maxLength: 3 }),
      trailingShape,
    }),
    fc.record({
      dtype: fc.constant('int64' as const),
      items: fc.array(fc.array(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { maxLength: 4 }), { maxLength: 3 }),
      trailingShape,
    }),
    fc.record({
      dtype: fc.constant('int32' as const),
      items: fc.array(ints, { maxLength: 3 }),
      trailingShape,
    }),
    fc.record({
      dtype: fc.constant('bfloat16' as const),
      items: fc.array(fc.uint16Array({ maxLength: 5 }), { maxLength: 3 }),
      trailingShape,
    }),
  );
  const name = fc.string({ unit: 'binary', maxLength: 6 }).filter((text) => text !== '__proto__');
  const record: fc.Arbitrary<OutputRecord> = fc.record({
    typeTag: name,
    fields: fc.dictionary(name, field, { maxKeys: 3, noNullPrototype: true }),
    count: fc.nat(2 ** 40),
  });

  /** The field's items as bytes, one array each. */
  function itemsOf(given: OutputField): Uint8Array[] {
    if (given.dtype !== 'int64') return given.items.map(bytesOf);
    return given.items.map((item) => bytesOf(BigInt64Array.from(Array.from(item), BigInt)));
  }

  function fieldInit(given: OutputField): object {
    const items = itemsOf(given);
    const ends = items.map((_, i) => items.slice(0, i + 1).reduce((sum, item) => sum + item.length, 0));
    return {
      data: Uint8Array.from(items.flatMap((item) => [...item])),
      offsets: bytesOf(BigInt64Array.from([0, ...ends], BigInt)),
      dtype: wireNumbers[given.dtype],
      trailingShape: given.trailingShape.map(BigInt),
    };
  }

  it('is what another runtime reads and writes', () => {
    const output = fc.record({
      type: name,
      records: fc.array(record, { maxLength: 3 }),
      metrics: fc.dictionary(name, fc.double(), { maxKeys: 3, noNullPrototype: true }),
    });
    fc.assert(
      fc.property(output, ({ type, records, metrics }) => {
        const init = {
          lossFnOutputType: type,
          lossFnOutputs: records.map(({ typeTag, fields, count }) => ({
            typeTag,
            fields: Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, fieldInit(value)])),
            numDatums: BigInt(count),
          })),
          metrics,
        };
        const bytes = encodeForwardBackwardOutput({ type, records, metrics });
        expect(oracleDecode('ForwardBackwardOutput', bytes)).toEqual(
          oracleMessage('ForwardBackwardOutput', init),
        );
      }),
    );
  });

  it.each([0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 32 + 128, Number.MAX_SAFE_INTEGER])(
    'writes the number %d in as many bytes as it takes',
    (count) => {
      const bytes = encodeForwardBackwardOutput({
        type: '',
        records: [{ typeTag: '', fields: {}, count }],
        metrics: {},
      });
      expect(bytes).toEqual(
        oracleEncode('ForwardBackwardOutput', { lossFnOutputs: [{ numDatums: BigInt(count) }] }),
      );
    },
  );
});
