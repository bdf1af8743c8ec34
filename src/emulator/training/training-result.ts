import type { ResultEncoding } from '../futures/result-encoding.ts';
import { encodeForwardBackwardOutput, type OutputRecord } from '../protobuf/forward-backward-output.ts';

/** What a forward or forward-backward pass came to. */
export interface ForwardOutput {
  /** The log-probs of each datum's targets, in the shape of its `target_tokens`. */
  readonly outputs: readonly LogprobTensor[];
  /** By name and reduction, as `loss:sum` (protocol 5.5). */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Row-major. */
export interface LogprobTensor {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

const OUTPUT_TYPE = 'ArrayRecord';

/** As protocol 4.8 words it, or as a `ForwardBackwardOutput` (4.2); both carry the same 32 bits a log-prob. */
export const FORWARD_OUTPUT: ResultEncoding<ForwardOutput> = {
  json: ({ outputs, metrics }) => ({
    loss_fn_output_type: OUTPUT_TYPE,
    loss_fn_outputs: outputs.map(({ values, shape }) => ({
      logprobs: { data: Array.from(values), dtype: 'float32', shape },
    })),
    metrics,
  }),
  protobuf: ({ outputs, metrics }) =>
    encodeForwardBackwardOutput({ type: OUTPUT_TYPE, records: recordsOf(outputs), metrics }),
};

/** One record for each run of data that agree in all dimensions but the first (protocol 4.6). */
function recordsOf(outputs: readonly LogprobTensor[]): OutputRecord[] {
  const runs: { readonly trailing: readonly number[]; readonly items: Float32Array[] }[] = [];
  for (const { values, shape } of outputs) {
    const trailing = shape.slice(1);
    const last = runs.at(-1);
    if (last?.trailing.join() === trailing.join()) last.items.push(values);
    else runs.push({ trailing, items: [values] });
  }
  return runs.map(({ trailing, items }) => ({
    typeTag: OUTPUT_TYPE,
    fields: { logprobs: { dtype: 'float32', items, trailingShape: trailing } },
    count: items.length,
  }));
}
