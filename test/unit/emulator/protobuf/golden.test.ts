import { describe, expect, it } from 'vitest';
import { encodeForwardBackwardOutput } from '../../../../src/emulator/protobuf/forward-backward-output.ts';
import { decodeForwardBackwardRequest } from '../../../../src/emulator/protobuf/forward-backward-request.ts';
import { EMPTY_CELL, encodeSampleResponse } from '../../../../src/emulator/protobuf/sample-response.ts';
import { toHex } from '../../../../src/kernel/bytes.ts';
import { fromHex, GOLDEN } from '../../wire/proto/golden.ts';

// Bytes of the reference runtime (protocol 4.7): what its client sends is understood, what it receives is the same.

const V1 = {
  modelId: 'm',
  sequenceId: 1,
  forwardOnly: false,
  lossFn: 'cross_entropy',
  lossFnConfig: new Map(),
  data: [
    {
      chunks: [{ type: 'encoded_text', tokens: Int32Array.of(1, 2) }],
      tensors: new Map([
        ['target_tokens', { dtype: 'int64', shape: [2], values: Float64Array.of(2, 3) }],
        ['weights', { dtype: 'float32', shape: [2], values: Float32Array.of(1, 0.5) }],
      ]),
    },
  ],
};

describe('a request', () => {
  it('is read: V1', () => {
    expect(decodeForwardBackwardRequest(fromHex(GOLDEN.v1))).toEqual(V1);
  });

  it('is read, forward only: V1 and 3001', () => {
    expect(decodeForwardBackwardRequest(fromHex(`${GOLDEN.v1}3001`))).toEqual({ ...V1, forwardOnly: true });
  });

  it('is read, with other chunks, a sparse tensor and a setting: V2', () => {
    expect(decodeForwardBackwardRequest(fromHex(GOLDEN.v2))).toEqual({
      modelId: 'm',
      sequenceId: 300,
      forwardOnly: false,
      lossFn: 'ppo',
      lossFnConfig: new Map([['clip', 0.2]]),
      data: [
        {
          chunks: [{ type: 'image' }, { type: 'dmel' }],
          tensors: new Map([
            [
              'weights',
              {
                dtype: 'float32',
                shape: [3, 4],
                values: Float64Array.of(0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2),
              },
            ],
          ]),
        },
      ],
    });
  });
});

describe('a result', () => {
  it('is written: V3', () => {
    const bytes = encodeSampleResponse({
      sequences: [
        { stopReason: 'length', tokens: Int32Array.of(1, 70_000), logprobs: Float32Array.of(-1, -2.5) },
      ],
      promptLogprobs: Float32Array.of(Number.NaN, -0.5),
      topkPromptLogprobs: {
        k: 2,
        tokens: Int32Array.of(0, 0, 5, 0),
        logprobs: Float32Array.of(EMPTY_CELL, EMPTY_CELL, -0.25, EMPTY_CELL),
      },
      promptCacheHitTokens: 7,
    });
    expect(toHex(bytes)).toBe(GOLDEN.v3);
  });

  it('is written: V4', () => {
    const bytes = encodeForwardBackwardOutput({
      type: 'pkg.mod:TorchLossReturn',
      records: [
        {
          typeTag: 'TorchLossReturn',
          fields: {
            logprobs: {
              dtype: 'float32',
              items: [Float32Array.of(-1, -2), Float32Array.of(-3)],
              trailingShape: [],
            },
          },
          count: 2,
        },
      ],
      metrics: { 'loss:sum': 6 },
    });
    expect(toHex(bytes)).toBe(GOLDEN.v4);
  });

  it('is written in 16 bits: V5', () => {
    const x = {
      dtype: 'bfloat16',
      items: [Uint16Array.of(0x3f80, 0xbf00, 0x7fc0)],
      trailingShape: [],
    } as const;
    const bytes = encodeForwardBackwardOutput({
      type: 'T',
      records: [{ typeTag: '', fields: { x }, count: 1 }],
      metrics: {},
    });
    expect(toHex(bytes)).toBe(GOLDEN.v5);
  });
});
