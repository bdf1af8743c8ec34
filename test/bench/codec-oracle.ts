import { oracleDecode } from '../unit/wire/proto/oracle.ts';

// What protobuf-es decodes, made into the arrays that ours are.

/** Bytes that arrays can be made of: a copy where they must be one. */
function alignedBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
}

/** The log-probabilities of each datum, of protobuf-es' message. */
export function splitOracle(bytes: Uint8Array): Float32Array[] {
  const { lossFnOutputs } = oracleDecode('ForwardBackwardOutput', bytes) as unknown as {
    lossFnOutputs: readonly { fields: Record<string, { data: Uint8Array; offsets: Uint8Array }> }[];
  };
  return lossFnOutputs.flatMap(({ fields: { logprobs } }) => {
    if (logprobs === undefined) throw new Error('protobuf-es has lost the log-probabilities');
    const { data, offsets } = logprobs;
    const view = new DataView(offsets.buffer, offsets.byteOffset, offsets.length);
    const own = alignedBytes(data);
    return Array.from({ length: offsets.length / 8 - 1 }, (_, d) => {
      const [begin, end] = [view.getUint32(8 * d, true), view.getUint32(8 * d + 8, true)];
      return new Float32Array(own.buffer, own.byteOffset + begin, (end - begin) / 4);
    });
  });
}

/** The arrays of each sequence, of protobuf-es' message. */
export function arraysOfOracle(
  bytes: Uint8Array,
): { readonly tokens: Int32Array; readonly logprobs: Float32Array }[] {
  const { sequences } = oracleDecode('SampleResponse', bytes) as unknown as {
    sequences: readonly { readonly tokens: Uint8Array; readonly logprobs: Uint8Array }[];
  };
  return sequences.map((sequence) => {
    const [tokens, logprobs] = [alignedBytes(sequence.tokens), alignedBytes(sequence.logprobs)];
    return {
      tokens: new Int32Array(tokens.buffer, tokens.byteOffset, tokens.length / 4),
      logprobs: new Float32Array(logprobs.buffer, logprobs.byteOffset, logprobs.length / 4),
    };
  });
}
