import type { FutureDialect } from '../futures/future-dialect.ts';
import { PLAIN_JSON, type ResultEncoding } from '../futures/result-encoding.ts';
import { SAMPLE_RESULT, type SampleResult } from '../sampling/sample-result.ts';
import { FORWARD_OUTPUT, type ForwardOutput } from '../training/training-result.ts';
import type { EmulatorDialect } from './dialect.ts';

type JsonRecord = Record<string, unknown>;

/** Results in the dialect's form, in JSON and in protobuf. */
export function resultForms(dialect: EmulatorDialect): FutureDialect['wording'] {
  const forms = new Map<unknown, unknown>([
    [FORWARD_OUTPUT, withExtras(dialect, passForm(dialect))],
    [SAMPLE_RESULT, withExtras(dialect, sampleForm(dialect))],
    [PLAIN_JSON, withExtras(dialect, plainForm(dialect))],
  ]);
  return <T>(encoding: ResultEncoding<T>) =>
    (forms.get(encoding) as ResultEncoding<T> | undefined) ?? encoding;
}

function withExtras<T>(
  { resultTypes, extraFields }: EmulatorDialect,
  form: ResultEncoding<T>,
): ResultEncoding<T> {
  return {
    ...form,
    json(result) {
      const { type, ...body } = form.json(result) as JsonRecord;
      const typed = resultTypes && type !== undefined ? { ...body, type } : body;
      return extraFields ? { ...typed, server_build: { revision: 'a1b2c3' }, weight_version: 7 } : typed;
    },
  };
}

function passForm(dialect: EmulatorDialect): ResultEncoding<ForwardOutput> {
  const shaped = (output: ForwardOutput): ForwardOutput => ({
    outputs: dialect.outputs === 'deferred' ? [] : output.outputs,
    metrics: metricsOf(dialect.metrics, output),
  });
  return {
    json(output) {
      const body = FORWARD_OUTPUT.json(shaped(output)) as { readonly loss_fn_outputs: readonly JsonRecord[] };
      const outputs = body.loss_fn_outputs.map((record) => outputRecord(dialect, record));
      return { ...body, loss_fn_output_type: dialect.outputType, loss_fn_outputs: outputs };
    },
    protobuf: (output) => FORWARD_OUTPUT.protobuf?.(shaped(output)) ?? new Uint8Array(),
  };
}

function metricsOf(
  form: EmulatorDialect['metrics'],
  { metrics, outputs }: ForwardOutput,
): ForwardOutput['metrics'] {
  const sum = metrics['loss:sum'] ?? Number.NaN;
  switch (form) {
    case 'none':
      return {};
    case 'average':
      return { 'loss:avg': sum / outputs.length };
    case 'undefined':
      return { ...metrics, 'undefined:mean': Number.NaN };
    default:
      return metrics;
  }
}

interface JsonTensor {
  readonly data: readonly number[];
  readonly dtype: string;
  readonly shape: readonly number[];
}

function outputRecord({ outputs, tensorShapes }: EmulatorDialect, record: JsonRecord): JsonRecord {
  const { data, dtype, shape } = record['logprobs'] as JsonTensor;
  const losses = data.map((logprob) => -logprob);
  const all: Readonly<Record<string, JsonTensor>> = {
    logprobs: { data, dtype, shape },
    ...(outputs === 'losses'
      ? {
          elementwise_loss: { data: losses, dtype, shape },
          loss: { data: [losses.reduce((sum, loss) => sum + loss, 0)], dtype, shape: [] },
        }
      : {}),
  };
  if (tensorShapes) return all;
  return Object.fromEntries(Object.entries(all).map(([name, tensor]) => [name, { data: tensor.data }]));
}

function sampleForm(dialect: EmulatorDialect): ResultEncoding<SampleResult> {
  const { promptLogprobs: form, sampledLogprobs, stopReason: word } = dialect;
  const inProtobuf = word === 'stop' || word === 'length' ? (word as 'stop' | 'length') : undefined;
  const shaped = ({ sequences, promptLogprobs, ...rest }: SampleResult): SampleResult => ({
    ...rest,
    promptLogprobs: form === 'none' ? undefined : promptLogprobs?.subarray(form === 'all' ? 0 : 1),
    sequences: sequences.map(({ tokens, logprobs, stopReason }) => ({
      tokens,
      logprobs: sampledLogprobs ? logprobs : new Float32Array(),
      stopReason: inProtobuf ?? stopReason,
    })),
  });
  return {
    json(result) {
      const body = SAMPLE_RESULT.json(shaped(result)) as { readonly sequences: readonly JsonRecord[] };
      const sequences = body.sequences.map((sequence) => ({
        ...sequence,
        ...(word === 'faithful' ? {} : { stop_reason: word }),
        ...(sampledLogprobs ? {} : { logprobs: null }),
      }));
      return { ...body, sequences };
    },
    protobuf: (result) => SAMPLE_RESULT.protobuf?.(shaped(result)) ?? new Uint8Array(),
  };
}

function plainForm({ stepResult, paths, namesNewModels }: EmulatorDialect): ResultEncoding<object> {
  return {
    json(result) {
      const { metrics, ...body } = result as JsonRecord & {
        readonly metrics?: Readonly<Record<string, number>>;
      };
      if (metrics !== undefined && stepResult === 'plain') {
        const learningRates = [metrics['learning_rate:mean']];
        return {
          success: true,
          grad_norm: metrics['grad_norm:mean'],
          learning_rates: learningRates,
          status: 'ok',
        };
      }
      if (!namesNewModels && body['type'] === 'create_model') return { type: 'create_model' };
      const isSaved = /^save_weights/.test(String(body['type'])) && 'path' in body;
      return isSaved && paths === 'null' ? { ...body, path: null } : result;
    },
  };
}
