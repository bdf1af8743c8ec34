import type { ForwardBackwardRequest } from '../../src/wire/proto/forward-backward-request.ts';
import type { Datum } from '../../src/wire/types/datum.ts';
import { oracleEncode } from '../unit/wire/proto/oracle.ts';

/** Datums of a batch, and tokens of each. */
export const DATUMS = 1024;
export const TOKENS = 1000;

/** Sequences of a sample, and tokens of each. */
export const SEQUENCES = 16;
export const SAMPLED = 512;

/** As callers have it. */
export interface CrossEntropyDatum extends Datum<'cross_entropy'> {
  readonly modelInput: Int32Array;
  readonly lossFnInputs: { readonly target_tokens: Int32Array; readonly weights: Float32Array };
}

/** A request around a batch. */
export const envelope: Omit<ForwardBackwardRequest, 'data'> = {
  modelId: 'a-model:train:0',
  sequenceId: 7,
  lossFn: 'cross_entropy',
  lossFnConfig: undefined,
  forwardOnly: false,
};

/** Tokens as of a vocabulary of 150,000, weights with as many digits as they come with. */
export function createBatch(): readonly CrossEntropyDatum[] {
  const token = (datum: number, i: number): number => (datum * 7919 + i * 104_729) % 150_000;
  return Array.from({ length: DATUMS }, (_, d) => ({
    modelInput: Int32Array.from({ length: TOKENS }, (_, i) => token(d, i)),
    lossFnInputs: {
      target_tokens: Int32Array.from({ length: TOKENS }, (_, i) => token(d, i + 1)),
      weights: Float32Array.from({ length: TOKENS }, (_, i) => (1 + ((d + i) % 97)) / 97),
    },
  }));
}

/** int32 numbers as int64, in the quickest plain way there is. */
export function widened(values: Int32Array): Uint8Array {
  const words = new Int32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) {
    words[2 * i] = values[i]!;
    words[2 * i + 1] = values[i]! >> 31;
  }
  return new Uint8Array(words.buffer);
}

/** The bytes of an array. */
export function bytesOf({ buffer, byteOffset, byteLength }: Int32Array | Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** What protobuf-es takes: arrays as bytes, of which `wide` makes the targets'. */
export function oracleRequest(
  batch: readonly CrossEntropyDatum[],
  wide: (targets: Int32Array, index: number) => Uint8Array,
): Record<string, unknown> {
  const shape = [BigInt(TOKENS)];
  const dense = (value: Uint8Array, dtype: number) => ({ encoding: { case: 'dense', value }, dtype, shape });
  return {
    modelId: envelope.modelId,
    seqId: envelope.sequenceId,
    lossFn: envelope.lossFn,
    forwardOnly: envelope.forwardOnly,
    data: batch.map(({ modelInput, lossFnInputs: { target_tokens, weights } }, index) => ({
      modelInput: [{ chunk: { case: 'encodedText', value: { tokens: bytesOf(modelInput) } } }],
      lossFnInputs: {
        target_tokens: dense(wide(target_tokens, index), 2),
        weights: dense(bytesOf(weights), 1),
      },
    })),
  };
}

/** Log-probabilities of a batch, end to end. */
export function createLogprobs(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => -(1 + (i % 9973)) / 9973);
}

/** A result of a pass over such a batch, in protobuf and in JSON. */
export function passResult() {
  const logprobs = createLogprobs(DATUMS * TOKENS);
  const offsets = widened(Int32Array.from({ length: DATUMS + 1 }, (_, i) => 4 * TOKENS * i));
  const fields = { logprobs: { data: bytesOf(logprobs), offsets, dtype: 1 } };
  const lossFnOutputType = 'ArrayRecord';
  return {
    protobuf: oracleEncode('ForwardBackwardOutput', {
      lossFnOutputType,
      lossFnOutputs: [{ typeTag: lossFnOutputType, fields, numDatums: BigInt(DATUMS) }],
      metrics: { 'loss:sum': 1.5 },
    }),
    json: JSON.stringify({
      loss_fn_output_type: lossFnOutputType,
      loss_fn_outputs: Array.from({ length: DATUMS }, (_, d) => ({
        logprobs: {
          data: Array.from(logprobs.subarray(d * TOKENS, (d + 1) * TOKENS)),
          dtype: 'float32',
          shape: [TOKENS],
        },
      })),
      metrics: { 'loss:sum': 1.5 },
    }),
  };
}

/** A result of a sample, in protobuf and in JSON. */
export function sampleResult() {
  const tokens = Int32Array.from({ length: SAMPLED }, (_, i) => (i * 7919) % 150_000);
  const logprobs = createLogprobs(SAMPLED);
  const sequence = { stopReason: 1, tokens: bytesOf(tokens), logprobs: bytesOf(logprobs) };
  const plain = { stop_reason: 'length', tokens: Array.from(tokens), logprobs: Array.from(logprobs) };
  return {
    protobuf: oracleEncode('SampleResponse', {
      sequences: Array.from({ length: SEQUENCES }, () => sequence),
    }),
    json: JSON.stringify({ sequences: Array.from({ length: SEQUENCES }, () => plain) }),
  };
}
