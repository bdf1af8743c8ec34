import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHOICES } from '../../../src/emulator/dialects/choices.ts';
import { dialectIds, dialectRequestIds } from '../../../src/emulator/dialects/dialect-ids.ts';
import { resolveDialect } from '../../../src/emulator/dialects/dialect-of.ts';
import { resultForms } from '../../../src/emulator/dialects/result-forms.ts';
import { PLAIN_JSON, type ResultEncoding } from '../../../src/emulator/futures/result-encoding.ts';
import type { EmulatorDialect } from '../../../src/emulator/index.ts';
import { SAMPLE_RESULT, type SampleResult } from '../../../src/emulator/sampling/sample-result.ts';
import { FORWARD_OUTPUT, type ForwardOutput } from '../../../src/emulator/training/training-result.ts';
import { emulatorCalls } from '../../support/emulator-calls.ts';
import { oracleDecode } from '../wire/proto/oracle.ts';

const PASS: ForwardOutput = {
  outputs: [
    { values: Float32Array.of(-1, -2), shape: [2] },
    { values: Float32Array.of(-3), shape: [1] },
  ],
  metrics: { 'loss:sum': 6 },
};
const SAMPLED: SampleResult = {
  sequences: [{ stopReason: 'length', tokens: Int32Array.of(7), logprobs: Float32Array.of(-0.5) }],
  promptLogprobs: Float32Array.of(Number.NaN, -1, -2),
  topkPromptLogprobs: undefined,
  promptCacheHitTokens: 0,
};

/** As it goes into a JSON body, and comes out of it. */
function asJson<T>(dialect: Partial<EmulatorDialect>, encoding: ResultEncoding<T>, result: T) {
  const form = resultForms(resolveDialect(dialect))(encoding);
  return JSON.parse(JSON.stringify(form.json(result)));
}

describe('a pass', () => {
  const logprobs = { data: [-1, -2], dtype: 'float32', shape: [2] };
  it.each<[Partial<EmulatorDialect>, object]>([
    [{}, { metrics: { 'loss:sum': 6 }, loss_fn_output_type: 'ArrayRecord' }],
    [{ outputType: 'scalar' }, { loss_fn_output_type: 'scalar' }],
    [{ metrics: 'none' }, { metrics: {} }],
    [{ metrics: 'average' }, { metrics: { 'loss:avg': 3 } }],
    [{ metrics: 'undefined' }, { metrics: { 'loss:sum': 6, 'undefined:mean': null } }],
    [{ outputs: 'deferred' }, { loss_fn_outputs: [] }],
    [
      { outputs: 'losses' },
      {
        loss_fn_outputs: [
          {
            logprobs,
            elementwise_loss: { ...logprobs, data: [1, 2] },
            loss: { data: [3], dtype: 'float32', shape: [] },
          },
          expect.anything(),
        ],
      },
    ],
  ])('with %j', (dialect, body) => {
    expect(asJson(dialect, FORWARD_OUTPUT, PASS)).toMatchObject(body);
    expect(Object.keys(asJson(dialect, FORWARD_OUTPUT, PASS).loss_fn_outputs[0] ?? {})).toEqual(
      dialect.outputs === 'deferred'
        ? []
        : dialect.outputs === 'losses'
          ? ['logprobs', 'elementwise_loss', 'loss']
          : ['logprobs'],
    );
  });

  it('may have tensors of numbers alone', () => {
    expect(asJson({ tensorShapes: false }, FORWARD_OUTPUT, PASS).loss_fn_outputs).toEqual([
      { logprobs: { data: [-1, -2] } },
      { logprobs: { data: [-3] } },
    ]);
  });

  it('says the same in protobuf, as far as that has words for it', () => {
    const decoded = (dialect: Partial<EmulatorDialect>) => {
      const bytes = resultForms(resolveDialect(dialect))(FORWARD_OUTPUT).protobuf?.(PASS) ?? new Uint8Array();
      return oracleDecode('ForwardBackwardOutput', bytes) as unknown as {
        lossFnOutputs: object[];
        metrics: object;
      };
    };
    expect(decoded({}).metrics).toEqual({ 'loss:sum': 6 });
    expect(decoded({ metrics: 'undefined' }).metrics).toEqual({
      'loss:sum': 6,
      'undefined:mean': Number.NaN,
    });
    expect(decoded({ metrics: 'none' }).metrics).toEqual({});
    expect([decoded({}).lossFnOutputs.length, decoded({ outputs: 'deferred' }).lossFnOutputs.length]).toEqual(
      [1, 0],
    );
  });
});

describe('a sample', () => {
  it.each<[Partial<EmulatorDialect>, object]>([
    [{}, { prompt_logprobs: [null, -1, -2], type: 'sample' }],
    [{ promptLogprobs: 'without-first' }, { prompt_logprobs: [-1, -2] }],
    [{ stopReason: 'stop' }, { sequences: [{ stop_reason: 'stop', tokens: [7], logprobs: [-0.5] }] }],
    [{ stopReason: 'eos' }, { sequences: [{ stop_reason: 'eos' }] }],
    [{ sampledLogprobs: false }, { sequences: [{ stop_reason: 'length', tokens: [7], logprobs: null }] }],
    [{ extraFields: true }, { weight_version: 7, server_build: expect.anything() }],
  ])('with %j', (dialect, body) => {
    expect(asJson(dialect, SAMPLE_RESULT, SAMPLED)).toMatchObject(body);
  });

  it('has no log-probs of its prompt where there are none', () => {
    expect(asJson({ promptLogprobs: 'none' }, SAMPLE_RESULT, SAMPLED)).not.toHaveProperty('prompt_logprobs');
  });

  it('says the same in protobuf, as far as that has words for it', () => {
    const decoded = (dialect: Partial<EmulatorDialect>) => {
      const bytes =
        resultForms(resolveDialect(dialect))(SAMPLE_RESULT).protobuf?.(SAMPLED) ?? new Uint8Array();
      const { sequences, promptLogprobs } = oracleDecode('SampleResponse', bytes) as unknown as {
        sequences: { stopReason: number; logprobs?: Uint8Array }[];
        promptLogprobs?: Uint8Array;
      };
      const [sequence] = sequences;
      return [sequence?.stopReason, sequence?.logprobs?.length ?? 0, promptLogprobs?.length ?? 0];
    };
    expect(decoded({})).toEqual([1, 4, 12]);
    expect(decoded({ stopReason: 'stop' })).toEqual([0, 4, 12]);
    expect(decoded({ stopReason: 'eos' })).toEqual([1, 4, 12]);
    expect(decoded({ sampledLogprobs: false, promptLogprobs: 'without-first' })).toEqual([1, 0, 8]);
    expect(decoded({ promptLogprobs: 'none' })).toEqual([1, 4, 0]);
  });
});

describe('any other result', () => {
  const made = { model_id: 'm', type: 'create_model' };
  const saved = { path: 'tinker://m/weights/w', type: 'save_weights' };
  const stepped = { metrics: { 'grad_norm:mean': 2, 'learning_rate:mean': 0.1 } };
  it.each<[Partial<EmulatorDialect>, object, object]>([
    [{}, made, made],
    [{ resultTypes: false }, made, { model_id: 'm' }],
    [{ namesNewModels: false }, made, { type: 'create_model' }],
    [{ paths: 'null' }, saved, { path: null, type: 'save_weights' }],
    [{ paths: 'null' }, { path: 'p', type: 'load_weights' }, { path: 'p', type: 'load_weights' }],
    [{ stepResult: 'plain' }, stepped, { success: true, grad_norm: 2, learning_rates: [0.1], status: 'ok' }],
    [{ stepResult: 'metrics' }, stepped, stepped],
  ])('with %j of %j', (dialect, result, body) => {
    expect(asJson(dialect, PLAIN_JSON, result)).toEqual(body);
  });

  it('is announced by its size only where that is the manner', async () => {
    for (const metadataPeek of [true, false]) {
      const calls = emulatorCalls({ dialect: { metadataPeek }, metadataFirstBytes: 10 });
      const { modelId } = await calls.model();
      const step = { model_id: modelId, seq_id: 1, adam_params: {}, type: 'optim_step' };
      const { request_id } = await calls.ok('optim_step', step);
      const { body } = await calls.call('retrieve_future', { request_id, allow_metadata_only: true });
      expect([metadataPeek, 'metrics' in body]).toEqual([metadataPeek, !metadataPeek]);
    }
  });
});

describe('an id', () => {
  it.each(CHOICES.requestIdForm)('of a future in the form %s leads back to its number', (requestIdForm) => {
    const ids = dialectRequestIds(resolveDialect({ requestIdForm }));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (number) => {
        expect(ids.numberOf(ids.of(number))).toBe(number);
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => !(ids.numberOf(`${text}/`) >= 1)));
  });

  it.each(['session', 'stamped'] as const)('of a model in the form %s is its own', (modelIdForm) => {
    const { model, sampler } = dialectIds(resolveDialect({ modelIdForm, samplerIdForm: 'hex' }));
    const ids = ['s1', 's2'].flatMap((session) => [0, 1].map((number) => model(session, number, 'r')));
    expect(new Set(ids).size).toBe(4);
    const samplers = ['s1', 's2'].flatMap((session) => [0, 1].map((number) => sampler(session, number)));
    expect(new Set(samplers).size).toBe(4);
  });
});
