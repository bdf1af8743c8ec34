import { decodeForwardBackwardRequest as serverReads } from '../../../src/emulator/protobuf/forward-backward-request.ts';
import { toHex } from '../../../src/kernel/bytes.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import type { CheckedDatum, CheckedTensor } from '../../../src/wire/checked-datum.ts';
import { decodeForwardBackwardOutput } from '../../../src/wire/proto/forward-backward-output.ts';
import {
  encodeForwardBackwardRequest,
  type ForwardBackwardRequest,
} from '../../../src/wire/proto/forward-backward-request.ts';
import { decodeSampleResponse } from '../../../src/wire/proto/sample-response.ts';
import { fromHex, GOLDEN } from '../../unit/wire/proto/golden.ts';
import { assertAlike, assertEqual, assertTrue, bitsOf, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';

/** The protocol's binary messages, against its golden bytes, cut and moved. */
export function protobufCases(): readonly ConformanceCase[] {
  return [...requestCases(), ...replyCases()];
}

function requestCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'protocol: a pass is the golden bytes, and a server reads them',
      run() {
        assertEqual('V1', toHex(encodeForwardBackwardRequest(firstGolden())), GOLDEN.v1);
        assertEqual('V2', toHex(encodeForwardBackwardRequest(secondGolden())), GOLDEN.v2);
        const read = serverReads(fromHex(GOLDEN.v1));
        assertAlike(
          'V1 as it is read',
          [read.modelId, read.sequenceId, read.lossFn],
          ['m', 1, 'cross_entropy'],
        );
        const { data } = read;
        return textOf(data.map(({ chunks, tensors }) => [chunks, [...tensors]]));
      },
    },
    {
      name: 'protocol: a large pass is the same bytes in every engine, and comes back from them',
      run() {
        const random = seededRandom(99);
        const data = Array.from({ length: 40 }, (_, i) => randomDatum(random, i));
        const bytes = encodeForwardBackwardRequest({ ...firstGolden(), sequenceId: 2 ** 31 - 1, data });
        // Wherever it lies in its buffer: engines read floats only where they are aligned.
        for (const shift of [0, 1, 3, 4, 7]) {
          const moved = new Uint8Array(bytes.length + 8).subarray(shift, shift + bytes.length);
          moved.set(bytes);
          const read = serverReads(moved);
          for (const [i, { lossFnInputs }] of data.entries()) {
            const weights = read.data[i]?.tensors.get('weights');
            assertAlike(`weights ${i}, moved by ${shift}`, weights?.values, lossFnInputs['weights']?.data);
          }
        }
        return bitsOf(bytes);
      },
    },
    {
      name: 'protocol: integers of 64 bits go over the wire whole',
      run() {
        const values = [0n, 1n, 2n ** 31n, 2n ** 53n + 1n, 2n ** 63n - 1n];
        const tensor: CheckedTensor = { data: BigInt64Array.from(values), dtype: 'int64', shape: [5] };
        const [datum] = firstGolden().data as [CheckedDatum];
        const data = [{ ...datum, lossFnInputs: { target_tokens: tensor } }];
        const text = toHex(encodeForwardBackwardRequest({ ...firstGolden(), data }));
        assertTrue('the largest', text.includes('ffffffffffffff7f'));
        assertTrue('one that no number holds', text.includes('0100000000002000'));
        return text;
      },
    },
  ];
}

function replyCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'protocol: golden results are read, NaN of a log-probability and of bfloat16 included',
      run() {
        const sample = decodeSampleResponse(fromHex(GOLDEN.v3), 2);
        assertAlike('tokens', sample.sequences[0]?.tokens, [1, 70_000]);
        assertTrue('the first prompt log-probability', Number.isNaN(sample.promptLogprobs?.[0]));
        const passes = [GOLDEN.v4, GOLDEN.v5].map((hex) => decodeForwardBackwardOutput(fromHex(hex)));
        assertEqual('loss', passes[0]?.metrics['loss:sum'], 6);
        return textOf([sample, passes]);
      },
    },
    {
      name: 'protocol: a binary result is read wherever it lies in its buffer',
      run() {
        const texts = Array.from({ length: 9 }, (_, shift) => {
          const bytes = fromHex(GOLDEN.v4);
          const moved = new Uint8Array(bytes.length + 9).subarray(shift, shift + bytes.length);
          moved.set(bytes);
          return textOf(decodeForwardBackwardOutput(moved));
        });
        assertEqual('different readings', new Set(texts).size, 1);
        return texts[0] as string;
      },
    },
    {
      name: 'protocol: a binary result cut at any byte is refused as the server’s fault, or is less',
      run: () => textOf([GOLDEN.v3, GOLDEN.v4, GOLDEN.v5].map(readingsOfCuts)),
    },
    {
      name: 'protocol: a binary result with any bit turned over is read or refused, never worse',
      run() {
        const readings: string[] = [];
        for (const hex of [GOLDEN.v3, GOLDEN.v4]) {
          for (let bit = 0; bit < 4 * hex.length; bit += 1) {
            const bytes = fromHex(hex);
            bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
            readings.push(readingOf(hex, bytes));
          }
        }
        return bitsOf(new TextEncoder().encode(readings.join('\n')));
      },
    },
  ];
}

/** What each of a message's beginnings is read as. */
function readingsOfCuts(hex: string): readonly string[] {
  const whole = fromHex(hex);
  return Array.from({ length: whole.length }, (_, length) => readingOf(hex, whole.slice(0, length)));
}

function readingOf(hex: string, bytes: Uint8Array): string {
  try {
    return textOf(hex === GOLDEN.v3 ? decodeSampleResponse(bytes, 2) : decodeForwardBackwardOutput(bytes));
  } catch (error) {
    const { name, message } = error as Error;
    assertEqual('the error', name, 'TinkerResponseError');
    return message;
  }
}

function randomDatum(random: () => number, index: number): CheckedDatum {
  const length = 1 + Math.floor(random() * 60) + (index % 3);
  const tokens = Int32Array.from({ length }, () => Math.floor(random() * 2 ** 31));
  const weights = Float32Array.from(
    { length },
    () => (random() - 0.5) * 10 ** Math.floor(random() * 30 - 15),
  );
  return {
    chunks: [{ type: 'encoded_text', tokens }],
    lossFnInputs: {
      target_tokens: { data: tokens, dtype: 'int64', shape: [length] },
      weights: { data: weights, dtype: 'float32', shape: [length] },
    },
  };
}

/** What golden vector V1 says. */
function firstGolden(): ForwardBackwardRequest {
  return {
    modelId: 'm',
    sequenceId: 1,
    data: [
      {
        chunks: [{ type: 'encoded_text', tokens: Int32Array.of(1, 2) }],
        lossFnInputs: {
          target_tokens: { data: Int32Array.of(2, 3), dtype: 'int64', shape: [2] },
          weights: { data: Float32Array.of(1, 0.5), dtype: 'float32', shape: [2] },
        },
      },
    ],
    lossFn: 'cross_entropy',
    lossFnConfig: undefined,
    forwardOnly: false,
  };
}

/** What golden vector V2 says: a picture, audio and a sparse matrix. */
function secondGolden(): ForwardBackwardRequest {
  const sparse = { crowIndices: BigInt64Array.of(0n, 1n, 1n, 2n), colIndices: BigInt64Array.of(1n, 3n) };
  return {
    ...firstGolden(),
    sequenceId: 300,
    data: [
      {
        chunks: [
          { type: 'image', data: Uint8Array.of(0x89, 0x50), format: 'png', expectedTokens: 0 },
          { type: 'dmel', dmel: Uint8Array.of(4, 2, 1, 0x50) },
        ],
        lossFnInputs: { weights: { data: Float32Array.of(1, 2), dtype: 'float32', shape: [3, 4], sparse } },
      },
    ],
    lossFn: 'ppo',
    lossFnConfig: { clip: 0.2 },
  };
}
