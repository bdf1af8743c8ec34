import { oracleDecode, oracleEncode } from '../wire/proto/oracle.ts';

/** A tensor of a test: its numbers, flat, and its shape. */
export interface TestTensor {
  readonly data: readonly number[];
  readonly dtype: 'int64' | 'float32';
  readonly shape: readonly number[];
}

/** A batch of a test, to be sent in either encoding. */
export interface TestPass {
  readonly data: readonly {
    readonly tokens: readonly number[];
    readonly tensors: Readonly<Record<string, TestTensor>>;
  }[];
  readonly lossFn: string;
  readonly config?: Readonly<Record<string, number>>;
}

/** `target_tokens`, of one or two dimensions. */
export function targetTokens(data: readonly number[], shape: readonly number[] = [data.length]): TestTensor {
  return { data, dtype: 'int64', shape };
}

/** A tensor of float32, of one or two dimensions. */
export function floats(data: readonly number[], shape: readonly number[] = [data.length]): TestTensor {
  return { data, dtype: 'float32', shape };
}

/** The batch as JSON has it (protocol 4.8). */
export function jsonInput({ data, lossFn, config }: TestPass): object {
  return {
    data: data.map(({ tokens, tensors }) => ({
      model_input: { chunks: [{ tokens, type: 'encoded_text' }] },
      loss_fn_inputs: tensors,
    })),
    loss_fn: lossFn,
    ...(config && { loss_fn_config: config }),
  };
}

/** The batch as a `ForwardBackwardRequest`, encoded by another runtime than the emulator's. */
export function protobufBody(
  pass: TestPass,
  modelId: string,
  seqId: number,
  forwardOnly = false,
): Uint8Array<ArrayBuffer> {
  return oracleEncode('ForwardBackwardRequest', {
    modelId,
    seqId,
    forwardOnly,
    lossFn: pass.lossFn,
    lossFnConfig: pass.config ?? {},
    data: pass.data.map(({ tokens, tensors }) => ({
      modelInput: [{ chunk: { case: 'encodedText', value: { tokens: bytesOf(Int32Array.from(tokens)) } } }],
      lossFnInputs: Object.fromEntries(
        Object.entries(tensors).map(([name, { data, dtype, shape }]) => [
          name,
          {
            encoding: {
              case: 'dense',
              value: bytesOf(
                dtype === 'float32' ? Float32Array.from(data) : BigInt64Array.from(data, BigInt),
              ),
            },
            dtype: dtype === 'float32' ? 1 : 2,
            shape: shape.map(BigInt),
          },
        ]),
      ),
    })),
  });
}

/** What a decoded `ForwardBackwardOutput` says, in the words of JSON. */
export function outputOf(bytes: Uint8Array): object {
  const output = oracleDecode('ForwardBackwardOutput', bytes) as unknown as {
    lossFnOutputType: string;
    lossFnOutputs: { fields: Record<string, WireBatch>; numDatums: bigint }[];
    metrics: Record<string, number>;
  };
  return {
    loss_fn_output_type: output.lossFnOutputType,
    loss_fn_outputs: output.lossFnOutputs.flatMap(({ fields, numDatums }) =>
      Array.from({ length: Number(numDatums) }, (_, index) =>
        Object.fromEntries(Object.entries(fields).map(([name, batch]) => [name, itemOf(batch, index)])),
      ),
    ),
    metrics: output.metrics,
  };
}

interface WireBatch {
  readonly data: Uint8Array;
  readonly offsets: Uint8Array;
  readonly dtype: number;
  readonly trailingShape: readonly bigint[];
}

function itemOf({ data, offsets, dtype, trailingShape }: WireBatch, index: number): object {
  const ends = new BigInt64Array(offsets.slice().buffer);
  const data32 = new Float32Array(data.slice(Number(ends[index]), Number(ends[index + 1])).buffer);
  const trailing = trailingShape.map(Number);
  const rows = data32.length / trailing.reduce((size, axis) => size * axis, 1);
  return { data: Array.from(data32), dtype: dtype === 1 ? 'float32' : dtype, shape: [rows, ...trailing] };
}

function bytesOf(values: Int32Array | Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
