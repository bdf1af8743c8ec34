import { describe, expect, it } from 'vitest';
import type { CheckedDatum } from '../../../../src/wire/checked-datum.ts';
import {
  createModelBody,
  forwardBody,
  optimStepBody,
  readForwardBackward,
  readLoaded,
  readModelId,
  readModelInfo,
  readOptimStep,
  readSaved,
  readSavedSamplerSession,
} from '../../../../src/wire/json/training.ts';
import { thrown } from '../../../support/settled.ts';

const LORA = { rank: 32, seed: undefined, trainAttn: true, trainMlp: true, trainUnembed: true };

describe('bodies', () => {
  it('create_model is the recorded exchange’s (appendix A)', () => {
    expect(createModelBody('sess-1', 0, 'Qwen/Qwen3-8B', LORA, undefined)).toEqual({
      session_id: 'sess-1',
      model_seq_id: 0,
      base_model: 'Qwen/Qwen3-8B',
      lora_config: { rank: 32, train_unembed: true, train_mlp: true, train_attn: true },
      type: 'create_model',
    });
  });

  it('create_model has seed and metadata where they are given, each flag in its own field', () => {
    const lora = { rank: 8, seed: 0, trainAttn: true, trainMlp: false, trainUnembed: false };
    expect(createModelBody('s', 3, 'b', lora, { k: 'v' })).toMatchObject({
      model_seq_id: 3,
      user_metadata: { k: 'v' },
      lora_config: { rank: 8, seed: 0, train_attn: true, train_mlp: false, train_unembed: false },
    });
    expect(createModelBody('s', 3, 'b', { ...lora, trainAttn: false, trainMlp: true }, {})).toMatchObject({
      lora_config: { train_attn: false, train_mlp: true, train_unembed: false },
    });
  });

  it('forward_backward is the protocol’s JSON form (4.8)', () => {
    const data: CheckedDatum[] = [
      {
        chunks: [
          { type: 'encoded_text', tokens: Int32Array.of(1, 2) },
          { type: 'encoded_text', tokens: Int32Array.of(3) },
        ],
        lossFnInputs: {
          target_tokens: { data: Int32Array.of(2, 3, 4), dtype: 'int64', shape: [3] },
          weights: { data: Float32Array.of(1, 0.5, 0), dtype: 'float32', shape: [3] },
        },
      },
    ];
    const input = { data, lossFn: 'cross_entropy', lossFnConfig: undefined };
    const inner = {
      data: [
        {
          loss_fn_inputs: {
            target_tokens: { data: [2, 3, 4], dtype: 'int64', shape: [3] },
            weights: { data: [1, 0.5, 0], dtype: 'float32', shape: [3] },
          },
          model_input: {
            chunks: [
              { tokens: [1, 2], type: 'encoded_text' },
              { tokens: [3], type: 'encoded_text' },
            ],
          },
        },
      ],
      loss_fn: 'cross_entropy',
    };
    expect(forwardBody('forward_backward_input', 'm', 4, input)).toEqual({
      forward_backward_input: inner,
      model_id: 'm',
      seq_id: 4,
    });
    expect(forwardBody('forward_input', 'm', 1, { ...input, lossFnConfig: { clip: 0.2 } })).toEqual({
      forward_input: { ...inner, loss_fn_config: { clip: 0.2 } },
      model_id: 'm',
      seq_id: 1,
    });
  });

  it('optim_step is the recorded exchange’s (appendix A)', () => {
    const adam = {
      learningRate: 0.0001,
      beta1: 0.9,
      beta2: 0.95,
      eps: 1e-12,
      weightDecay: 0,
      gradClipNorm: 0,
    };
    expect(JSON.parse(JSON.stringify(optimStepBody('sess-1:train:0', 4, adam)))).toEqual({
      adam_params: {
        learning_rate: 0.0001,
        beta1: 0.9,
        beta2: 0.95,
        eps: 1e-12,
        weight_decay: 0,
        grad_clip_norm: 0,
      },
      model_id: 'sess-1:train:0',
      seq_id: 4,
      type: 'optim_step',
    });
  });
});

describe('readForwardBackward', () => {
  it('reads the protocol’s JSON form (4.8)', () => {
    const body = {
      loss_fn_output_type: 'ArrayRecord',
      loss_fn_outputs: [{ logprobs: { data: [-1, null], dtype: 'float32', shape: [2] } }, {}],
      metrics: { 'loss:sum': 3, plain: 1 },
      extra: true,
    };
    expect(readForwardBackward(body)).toEqual({
      lossFnOutputType: 'ArrayRecord',
      lossFnOutputs: [
        { logprobs: { data: Float32Array.of(-1, Number.NaN), dtype: 'float32', shape: [2] } },
        {},
      ],
      metrics: { 'loss:sum': 3, plain: 1 },
    });
  });

  it.each([
    [{}],
    [{ metrics: null, loss_fn_outputs: null, loss_fn_output_type: null }],
    [{ type: 'anything' }],
  ])('finds nothing in %j, and minds not', (body) => {
    expect(readForwardBackward(body)).toEqual({ lossFnOutputType: '', lossFnOutputs: [], metrics: {} });
  });

  it('takes null for not a number among metrics, and for no tensor among tensors', () => {
    const body = { metrics: { 'loss:sum': null }, loss_fn_outputs: [{ logprobs: null }] };
    expect(readForwardBackward(body)).toEqual({
      lossFnOutputType: '',
      lossFnOutputs: [{}],
      metrics: { 'loss:sum': Number.NaN },
    });
  });

  it('takes fewer outputs than data, and none in the place of one', () => {
    const body = { loss_fn_outputs: [null, { loss: { data: [2], dtype: 'float32', shape: [] } }] };
    expect(readForwardBackward(body).lossFnOutputs).toEqual([
      {},
      { loss: { data: Float32Array.of(2), dtype: 'float32', shape: [] } },
    ]);
  });

  it('refuses an int64 that JSON has made inexact', () => {
    const body = JSON.parse('{"loss_fn_outputs":[{"ids":{"data":[1,9007199254740993],"dtype":"int64"}}]}');
    expect(thrown(() => readForwardBackward(body))).toMatchObject({
      code: 'response_invalid',
      message: 'loss_fn_outputs[0].ids[1] is not an exact integer',
    });
  });

  it('names the tensor it cannot read', () => {
    const body = { loss_fn_outputs: [{}, { logprobs: { data: ['x'] } }] };
    expect(thrown(() => readForwardBackward(body))).toMatchObject({
      code: 'response_invalid',
      message: 'loss_fn_outputs[1].logprobs[0] is not a number',
    });
  });

  it.each([
    ['low', 'text'],
    [true, 'a flag'],
    [[1], 'a list'],
    [{}, 'an object'],
  ])('refuses metrics that are no numbers: %j', (loss, found) => {
    expect(thrown(() => readForwardBackward({ metrics: { fine: 1, loss } }))).toMatchObject({
      code: 'response_invalid',
      message: `The forward_backward result does not follow the protocol: "metrics.loss" is ${found}, which was not expected`,
    });
  });
});

describe('other results', () => {
  it('reads metrics of an optimizer step, or their absence', () => {
    expect(readOptimStep({ metrics: { 'grad_norm:mean': 1, bad: null } })).toEqual({
      metrics: { 'grad_norm:mean': 1, bad: Number.NaN },
    });
    expect(readOptimStep({})).toEqual({ metrics: {} });
    expect(readOptimStep({ metrics: null })).toEqual({ metrics: {} });
    expect(thrown(() => readOptimStep(undefined))).toMatchObject({ code: 'response_invalid' });
  });

  it.each(['tinker://run/weights/x', 'tinker://run/x', 'twinkle://a', '/tmp/state'])(
    'hands path %s back verbatim',
    (path) => {
      expect(readSaved({ path, type: 'save_weights', sampling_session_id: 's' })).toEqual({ path });
      expect(readLoaded({ path })).toEqual({ path });
    },
  );

  it('knows when there is no path', () => {
    expect(readLoaded({})).toEqual({ path: undefined });
    expect(readLoaded({ path: null })).toEqual({ path: undefined });
    expect(thrown(() => readSaved({ path: null }))).toMatchObject({
      message: 'The save result does not follow the protocol: "path" is null, which was not expected',
    });
  });

  it('reads the session of an ephemeral save', () => {
    expect(readSavedSamplerSession({ path: null, sampling_session_id: 's:1/2' })).toBe('s:1/2');
    expect(thrown(() => readSavedSamplerSession({ path: 'p' }))).toMatchObject({ code: 'response_invalid' });
  });

  it('reads a model’s id, where the server names it', () => {
    expect(readModelId({ model_id: 'a:train:0', type: 'x' })).toBe('a:train:0');
    for (const body of [{}, { model_id: null }, { model_id: '' }]) expect(readModelId(body)).toBeUndefined();
    expect(thrown(() => readModelId({ model_id: 5 }))).toMatchObject({ code: 'response_invalid' });
  });

  it('reads what is known of a model', () => {
    const body = {
      model_id: 'm',
      model_data: { arch: 'qwen', model_name: 'Qwen/Qwen3-8B', tokenizer_id: 'Qwen/Qwen3-8B:main:x' },
      is_lora: true,
      lora_rank: 8,
      model_name: 'other',
    };
    expect(readModelInfo(body)).toEqual({
      modelId: 'm',
      modelName: 'Qwen/Qwen3-8B',
      arch: 'qwen',
      tokenizerId: 'Qwen/Qwen3-8B',
      isLora: true,
      loraRank: 8,
    });
    const unknown = { arch: undefined, tokenizerId: undefined, isLora: undefined, loraRank: undefined };
    expect(readModelInfo({ model_id: 'm', model_name: 'n', model_data: null })).toEqual({
      modelId: 'm',
      modelName: 'n',
      ...unknown,
    });
    expect(readModelInfo({ model_id: 'm', model_data: { tokenizer_id: null } })).toEqual({
      modelId: 'm',
      modelName: undefined,
      ...unknown,
    });
  });
});
