import { describe, expect, it } from 'vitest';
import type { CheckedDatum, CheckedTensor } from '../../../src/wire/checked-datum.ts';
import { estimatedDatumBytes } from '../../../src/wire/estimated-datum-bytes.ts';

const datum = (lossFnInputs: Record<string, CheckedTensor>): CheckedDatum => ({
  chunks: [
    { type: 'encoded_text', tokens: new Int32Array(7) },
    { type: 'image', data: new Uint8Array(1_000), format: 'png', expectedTokens: 5 },
    { type: 'dmel', dmel: new Uint8Array(300) },
  ],
  lossFnInputs,
});
const INPUT = 4 * 7 + 1_000 + 300;

describe('estimatedDatumBytes', () => {
  it.each<readonly [string, Record<string, CheckedTensor>, number]>([
    ['no tensor', {}, 0],
    ['8 a token id', { target_tokens: { data: new Int32Array(5), dtype: 'int64', shape: [5] } }, 40],
    ['8 an int64', { x: { data: new BigInt64Array(5), dtype: 'int64', shape: [5] } }, 40],
    ['4 a float', { weights: { data: new Float32Array(5), dtype: 'float32', shape: [5] } }, 20],
    [
      'the values and indices of a sparse one',
      {
        weights: {
          data: new Float32Array(2),
          dtype: 'float32',
          shape: [3, 4],
          sparse: { crowIndices: new BigInt64Array(4), colIndices: new BigInt64Array(2) },
        },
      },
      8 + 32 + 16,
    ],
    [
      'all of them',
      {
        a: { data: new Int32Array(1), dtype: 'int64', shape: [1] },
        b: { data: new Float32Array(1), dtype: 'float32', shape: [1] },
      },
      12,
    ],
  ])('counts 4 a token, other chunks as they are, and %s (protocol 5.4)', (_, tensors, bytes) => {
    expect(estimatedDatumBytes(datum(tensors))).toBe(INPUT + bytes);
  });

  it('counts a pointer by its location', () => {
    const pointer = {
      type: 'image_asset_pointer',
      location: 'asset://1',
      format: 'png',
      expectedTokens: 2,
    } as const;
    expect(estimatedDatumBytes({ chunks: [pointer], lossFnInputs: {} })).toBe(9);
  });
});
