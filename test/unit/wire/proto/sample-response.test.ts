import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSampleResponse } from '../../../../src/wire/proto/sample-response.ts';
import { thrown } from '../../../support/settled.ts';
import { fromHex, GOLDEN } from './golden.ts';
import { oracleEncode } from './oracle.ts';
import { delimited, double, join, raw, varint } from './raw-fields.ts';

const encode = (init: Record<string, unknown>): Uint8Array => oracleEncode('SampleResponse', init);
const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const int32s = (...values: number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);

/** Cells as the protocol pads them (4.5). */
const EMPTY = -99999;

/** Rows of `[token, logprob]` as two matrices of `k` columns. */
function topkInit(rows: readonly (readonly (readonly [number, number])[] | undefined)[], k: number): object {
  const cells = rows.flatMap((row) => Array.from({ length: k }, (_, i) => row?.[i] ?? ([0, EMPTY] as const)));
  return {
    tokenIds: int32s(...cells.map(([token]) => token)),
    logprobs: floats(...cells.map(([, logprob]) => logprob)),
    k,
    promptLength: rows.length,
  };
}

describe('decodeSampleResponse', () => {
  it('reads golden vector V3 (protocol 4.7)', () => {
    expect(decodeSampleResponse(fromHex(GOLDEN.v3), 2)).toEqual({
      sequences: [
        { tokens: Int32Array.of(1, 70000), logprobs: Float32Array.of(-1, -2.5), stopReason: 'length' },
      ],
      promptLogprobs: Float32Array.of(Number.NaN, -0.5),
      topkPromptLogprobs: [undefined, [[5, -0.25]]],
      promptCacheHitTokens: 7,
    });
  });

  const float32s = fc.float32Array({ maxLength: 20 });
  const sequence = fc.record({
    tokens: fc.int32Array({ maxLength: 20 }),
    logprobs: fc.option(float32s, { nil: undefined }),
    stopReason: fc.nat(1),
  });
  const cell = fc.tuple(fc.nat(), fc.float({ noNaN: true, max: 0 }));
  const topk = fc.integer({ min: 1, max: 4 }).chain((k) => {
    const row = fc.option(fc.array(cell, { minLength: 1, maxLength: k }), { nil: undefined });
    return fc.record({ k: fc.constant(k), rows: fc.array(row, { minLength: 1, maxLength: 6 }) });
  });

  it('reads what protobuf-es writes', () => {
    const response = fc.record({
      sequences: fc.array(sequence, { maxLength: 4 }),
      promptLogprobs: fc.option(float32s, { nil: undefined }),
      topkRows: fc.option(topk, { nil: undefined }),
      promptCacheHitTokens: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    });
    fc.assert(
      fc.property(response, fc.nat(8), (sent, shift) => {
        const encoded = encode({
          sequences: sent.sequences.map(({ tokens, logprobs, stopReason }) => ({
            tokens: int32s(...tokens),
            stopReason,
            ...(logprobs && { logprobs: floats(...logprobs) }),
          })),
          ...(sent.promptLogprobs && { promptLogprobs: floats(...sent.promptLogprobs) }),
          ...(sent.topkRows && { topkPromptLogprobs: topkInit(sent.topkRows.rows, sent.topkRows.k) }),
          promptCacheHitTokens: sent.promptCacheHitTokens,
        });
        // Anywhere in a buffer: what is aligned is viewed, what is not is copied.
        const bytes = new Uint8Array(encoded.length + 8).subarray(shift, shift + encoded.length);
        bytes.set(encoded);
        const presence = (values: Float32Array | undefined): Float32Array | undefined =>
          values?.length === 0 ? undefined : values;
        expect(decodeSampleResponse(bytes, sent.promptLogprobs?.length ?? 5)).toEqual({
          sequences: sent.sequences.map(({ tokens, logprobs, stopReason }) => ({
            tokens,
            logprobs: presence(logprobs),
            stopReason: ['stop', 'length'][stopReason],
          })),
          promptLogprobs: presence(sent.promptLogprobs),
          topkPromptLogprobs: sent.topkRows?.rows,
          promptCacheHitTokens: sent.promptCacheHitTokens,
        });
      }),
      { numRuns: 300 },
    );
  });

  it('reads nothing as nothing', () => {
    expect(decodeSampleResponse(new Uint8Array(0), 1)).toEqual({
      sequences: [],
      promptLogprobs: undefined,
      topkPromptLogprobs: undefined,
      promptCacheHitTokens: 0,
    });
  });

  it.each<readonly [string, readonly number[], number | undefined, readonly number[] | undefined]>([
    ['all of them', [Number.NaN, -1, -2], 3, [Number.NaN, -1, -2]],
    ['one fewer: the first is missing', [-1, -2], 3, [Number.NaN, -1, -2]],
    ['two fewer', [-1], 3, [-1]],
    ['one more', [-1, -2], 1, [-1, -2]],
    ['a prompt of unknown length', [-1, -2], undefined, [-1, -2]],
    ['none', [], 1, undefined],
  ])('reads prompt log-probabilities: %s', (_, sent, promptLength, expected) => {
    const { promptLogprobs } = decodeSampleResponse(
      encode({ promptLogprobs: floats(...sent) }),
      promptLength,
    );
    expect(promptLogprobs).toEqual(expected && Float32Array.from(expected));
  });

  it('views each array’s own part of the bytes, where they are aligned', () => {
    const encoded = encode({
      sequences: [{ tokens: int32s(1, 2), logprobs: floats(-1, -2) }, { tokens: int32s(3) }],
    });
    const views = Array.from({ length: 4 }, (_, shift) => {
      const bytes = new Uint8Array(encoded.length + 4).subarray(shift, shift + encoded.length);
      bytes.set(encoded);
      const [first, second] = decodeSampleResponse(bytes, 1).sequences;
      first?.tokens.fill(9);
      expect(first?.logprobs).toEqual(Float32Array.of(-1, -2));
      expect(second?.tokens).toEqual(Int32Array.of(3));
      return first?.tokens.buffer === bytes.buffer;
    });
    expect(views.filter((isView) => isView)).toHaveLength(1);
  });
});

describe('top-k prompt log-probabilities', () => {
  const read = (init: object): unknown =>
    decodeSampleResponse(encode({ topkPromptLogprobs: init }), 5).topkPromptLogprobs;

  it('lose the empty cells at the end of a row, and only those', () => {
    const rows = [
      [
        [5, -1],
        [0, EMPTY],
        [6, -2],
        [0, EMPTY],
      ],
      [
        [0, EMPTY],
        [7, -3],
      ],
      [
        [0, -0.5],
        [7, EMPTY],
        [0, 0],
      ],
      [
        [1, -1],
        [2, -2],
        [3, -3],
        [4, -4],
      ],
      [
        [7, EMPTY],
        [8, EMPTY],
      ],
    ] as const;
    expect(read(topkInit(rows, 4))).toEqual([
      [
        [5, -1],
        [0, EMPTY],
        [6, -2],
      ],
      undefined,
      [
        [0, -0.5],
        [7, EMPTY],
        [0, 0],
      ],
      [
        [1, -1],
        [2, -2],
        [3, -3],
        [4, -4],
      ],
      [
        [7, EMPTY],
        [8, EMPTY],
      ],
    ]);
  });

  it.each([
    ['no columns', { k: 0, promptLength: 2, tokenIds: int32s(1, 2), logprobs: floats(1, 2) }],
    ['no rows', { k: 2, promptLength: 0, tokenIds: int32s(1, 2), logprobs: floats(1, 2) }],
    ['nothing at all', {}],
  ])('are none where there are %s', (_, init) => {
    expect(read(init)).toBeUndefined();
  });

  it('may be followed by more than they need', () => {
    expect(read({ k: 1, promptLength: 1, tokenIds: int32s(1, 2), logprobs: floats(-1, -2) })).toEqual([
      [[1, -1]],
    ]);
  });

  it.each([
    [
      'token_ids',
      { k: 2, promptLength: 2, tokenIds: int32s(1, 2, 3), logprobs: floats(1, 2, 3, 4) },
      12,
      2,
      2,
    ],
    [
      'logprobs',
      { k: 2, promptLength: 2, tokenIds: int32s(1, 2, 3, 4), logprobs: floats(1, 2, 3) },
      12,
      2,
      2,
    ],
    ['token_ids', { k: 2 ** 32 - 1, promptLength: 2 ** 32 - 1 }, 0, 2 ** 32 - 1, 2 ** 32 - 1],
    ['token_ids', { k: 1, promptLength: 2 ** 31 }, 0, 2 ** 31, 1],
  ])('are refused where %s is too short: %#', (field, init, length, rows, k) => {
    expect(thrown(() => read(init))).toMatchObject({
      code: 'response_invalid',
      message: `TopkPromptLogprobs.${field} has ${length} bytes, too few for ${rows} rows of ${k}`,
    });
  });
});

describe('what protobuf allows', () => {
  it('takes the last of a field that comes twice', () => {
    const bytes = join(
      delimited(1, join(varint(1, 0), varint(1, 1), delimited(2, int32s(1)), delimited(2, int32s(2)))),
      delimited(2, floats(-1)),
      delimited(2, floats(-2)),
      varint(4, 1),
      varint(4, 2),
    );
    expect(decodeSampleResponse(bytes, 1)).toEqual({
      sequences: [{ tokens: Int32Array.of(2), logprobs: undefined, stopReason: 'length' }],
      promptLogprobs: Float32Array.of(-2),
      topkPromptLogprobs: undefined,
      promptCacheHitTokens: 2,
    });
  });

  it('merges the parts of a message that comes twice', () => {
    const bytes = join(
      delimited(3, join(delimited(1, int32s(5)), varint(3, 9), varint(4, 1))),
      delimited(3, join(delimited(2, floats(-1)), varint(3, 1))),
    );
    expect(decodeSampleResponse(bytes, 1).topkPromptLogprobs).toEqual([[[5, -1]]]);
    const without = join(bytes, delimited(3, varint(3, 0)));
    expect(decodeSampleResponse(without, 1).topkPromptLogprobs).toBeUndefined();
  });

  it('keeps the low 32 bits of a longer int32', () => {
    expect(decodeSampleResponse(varint(4, 2n ** 32n + 5n), 1).promptCacheHitTokens).toBe(5);
  });

  it('skips what it does not know', () => {
    const unknown = join(varint(9, 1), double(15, 1), delimited(16, 'x'), raw(2000, 5, 1, 2, 3, 4));
    const bytes = join(unknown, delimited(1, join(unknown, delimited(2, int32s(4)))), unknown, varint(4, 3));
    expect(decodeSampleResponse(bytes, 1)).toMatchObject({
      sequences: [{ tokens: Int32Array.of(4) }],
      promptCacheHitTokens: 3,
    });
  });

  it.each<readonly [string, Uint8Array]>([
    ['SampleResponse.sequences has wire type 0 instead of 2', varint(1, 1)],
    ['SampleResponse.prompt_logprobs has wire type 5 instead of 2', raw(2, 5, 0, 0, 0, 0)],
    ['SampleResponse.topk_prompt_logprobs has wire type 0 instead of 2', varint(3, 1)],
    ['SampleResponse.prompt_cache_hit_tokens has wire type 2 instead of 0', delimited(4, '')],
    ['SampledSequence.stop_reason has wire type 2 instead of 0', delimited(1, delimited(1, ''))],
    ['SampledSequence.tokens has wire type 0 instead of 2', delimited(1, varint(2, 1))],
    ['SampledSequence.logprobs has wire type 0 instead of 2', delimited(1, varint(3, 1))],
    ['TopkPromptLogprobs.token_ids has wire type 0 instead of 2', delimited(3, varint(1, 1))],
    ['TopkPromptLogprobs.logprobs has wire type 0 instead of 2', delimited(3, varint(2, 1))],
    ['TopkPromptLogprobs.k has wire type 2 instead of 0', delimited(3, delimited(3, ''))],
    ['TopkPromptLogprobs.prompt_length has wire type 1 instead of 0', delimited(3, double(4, 1))],
    ['SampledSequence.stop_reason is unknown: 2', delimited(1, varint(1, 2))],
    ['SampledSequence.stop_reason is unknown: -1', delimited(1, varint(1, -1))],
    [
      'SampledSequence.tokens has 3 bytes, which no 4-byte numbers fill',
      delimited(1, delimited(2, Uint8Array.of(1, 2, 3))),
    ],
    [
      'SampledSequence.logprobs has 5 bytes, which no 4-byte numbers fill',
      delimited(1, delimited(3, Uint8Array.of(1, 2, 3, 4, 5))),
    ],
    [
      'SampleResponse.prompt_logprobs has 2 bytes, which no 4-byte numbers fill',
      delimited(2, Uint8Array.of(1, 2)),
    ],
  ])('says %j', (message, bytes) => {
    expect(thrown(() => decodeSampleResponse(bytes, 1))).toMatchObject({
      name: 'TinkerResponseError',
      message,
    });
  });
});
