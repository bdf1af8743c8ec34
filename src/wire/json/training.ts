import * as z from 'zod/mini';
import { clipped } from '../../kernel/json-text.ts';
import type { CheckedDatum } from '../checked-datum.ts';
import type { TensorData } from '../types/datum.ts';
import type {
  ForwardBackwardOutput,
  LoadWeightsResponse,
  ModelInfo,
  OptimStepResponse,
  SaveWeightsResponse,
} from '../types/training.ts';
import { chunkJson } from './chunk.ts';
import { flag, id, number, record, recordOf, text } from './field.ts';
import { lazy } from './lazy.ts';
import { parseWire } from './parse.ts';
import { readTensor, tensorJson } from './tensor.ts';

/** {@link import('../types/training.ts').LoraConfig} with every default filled in; the server chooses a missing seed. */
export interface ResolvedLora {
  readonly rank: number;
  readonly seed: number | undefined;
  readonly trainAttn: boolean;
  readonly trainMlp: boolean;
  readonly trainUnembed: boolean;
}

/** {@link import('../types/training.ts').AdamParams} with every default filled in. */
export interface ResolvedAdam {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  readonly gradClipNorm: number;
}

/** Body of `create_model`. */
export function createModelBody(
  sessionId: string,
  sequenceId: number,
  baseModel: string,
  lora: ResolvedLora,
  userMetadata: Readonly<Record<string, string>> | undefined,
): object {
  return {
    session_id: sessionId,
    model_seq_id: sequenceId,
    base_model: baseModel,
    ...(userMetadata === undefined ? {} : { user_metadata: userMetadata }),
    lora_config: {
      rank: lora.rank,
      ...(lora.seed === undefined ? {} : { seed: lora.seed }),
      train_unembed: lora.trainUnembed,
      train_mlp: lora.trainMlp,
      train_attn: lora.trainAttn,
    },
    type: 'create_model',
  };
}

/** Body of `forward` (`forward_input`) or `forward_backward` (`forward_backward_input`). */
export function forwardBody(
  key: 'forward_input' | 'forward_backward_input',
  modelId: string,
  sequenceId: number,
  input: {
    readonly data: readonly CheckedDatum[];
    readonly lossFn: string;
    readonly lossFnConfig: Readonly<Record<string, number>> | undefined;
  },
): object {
  const data = input.data.map(({ chunks, lossFnInputs }) => ({
    loss_fn_inputs: Object.fromEntries(
      Object.entries(lossFnInputs).map(([name, tensor]) => [name, tensorJson(tensor)]),
    ),
    model_input: { chunks: chunks.map(chunkJson) },
  }));
  const body = {
    data,
    loss_fn: input.lossFn,
    ...(input.lossFnConfig === undefined ? {} : { loss_fn_config: input.lossFnConfig }),
  };
  return { [key]: body, model_id: modelId, seq_id: sequenceId };
}

/** Body of `optim_step`. */
export function optimStepBody(modelId: string, sequenceId: number, adam: ResolvedAdam): object {
  return {
    adam_params: {
      learning_rate: adam.learningRate,
      beta1: adam.beta1,
      beta2: adam.beta2,
      eps: adam.eps,
      weight_decay: adam.weightDecay,
      grad_clip_norm: adam.gradClipNorm,
    },
    model_id: modelId,
    seq_id: sequenceId,
    type: 'optim_step',
  };
}

const namedModelSchema = /* @__PURE__ */ lazy(() => z.looseObject({ model_id: z.nullish(text()) }));

/** Id of the model a result is about, where it names it (servers.md 2.1 item 15). */
export function readModelId(body: unknown): string | undefined {
  return parseWire(namedModelSchema, body, 'result').model_id || undefined;
}

const metrics = () => z.nullish(recordOf(z.nullable(number())));

/** JSON has no NaN, so servers write null for one. */
function readMetrics(read: Record<string, number | null> | null | undefined): Record<string, number> {
  return Object.fromEntries(Object.entries(read ?? {}).map(([name, value]) => [name, value ?? Number.NaN]));
}

const forwardBackwardSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({
    loss_fn_output_type: z.nullish(text()),
    loss_fn_outputs: z.nullish(z.array(z.nullish(record()))),
    metrics: metrics(),
  }),
);

/** Result of a forward pass; absent parts are empty, and fewer outputs than data are right (servers.md 2.1 item 17). */
export function readForwardBackward(body: unknown): ForwardBackwardOutput {
  const read = parseWire(forwardBackwardSchema, body, 'forward_backward result');
  const outputs = (read.loss_fn_outputs ?? []).map((record, index) => {
    const tensors: Record<string, TensorData> = {};
    for (const [name, tensor] of Object.entries(record ?? {})) {
      if (tensor !== null)
        tensors[name] = readTensor(tensor, `loss_fn_outputs[${index}].${clipped(name, 60)}`);
    }
    return tensors;
  });
  return {
    lossFnOutputType: read.loss_fn_output_type ?? '',
    lossFnOutputs: outputs,
    metrics: readMetrics(read.metrics),
  };
}

const optimStepSchema = /* @__PURE__ */ lazy(() => z.looseObject({ metrics: metrics() }));

/** Result of an optimizer step. */
export function readOptimStep(body: unknown): OptimStepResponse {
  return { metrics: readMetrics(parseWire(optimStepSchema, body, 'optim_step result').metrics) };
}

const savedSchema = /* @__PURE__ */ lazy(() => z.looseObject({ path: id() }));

const acknowledgedSchema = /* @__PURE__ */ lazy(() => z.looseObject({ path: z.nullish(text()) }));

/**
 * Where weights were saved.
 *
 * @param usualPath - Where they are if the server only says that they were saved (servers.md 2.1 item 21).
 */
export function readSaved(body: unknown, usualPath?: string): SaveWeightsResponse {
  const path = parseWire(acknowledgedSchema, body, 'save result').path || usualPath;
  return { path: path ?? parseWire(savedSchema, body, 'save result').path };
}

const savedSamplerSchema = /* @__PURE__ */ lazy(() => z.looseObject({ sampling_session_id: id() }));

/** Id of the sampling session an unnamed sampler save opened. */
export function readSavedSamplerSession(body: unknown): string {
  return parseWire(savedSamplerSchema, body, 'save_weights_for_sampler result').sampling_session_id;
}

const loadedSchema = /* @__PURE__ */ lazy(() => z.looseObject({ path: z.nullish(text()) }));

/** What was loaded. */
export function readLoaded(body: unknown): LoadWeightsResponse {
  return { path: parseWire(loadedSchema, body, 'load_weights result').path ?? undefined };
}

const modelInfoSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({
    model_id: text(),
    model_data: z.nullish(
      z.looseObject({
        arch: z.nullish(text()),
        model_name: z.nullish(text()),
        tokenizer_id: z.nullish(text()),
      }),
    ),
    is_lora: z.nullish(flag()),
    lora_rank: z.nullish(number()),
    model_name: z.nullish(text()),
    base_model: z.nullish(text()),
  }),
);

/** Answer of `get_info` (protocol 2.3). */
export function readModelInfo(body: unknown): ModelInfo {
  const info = parseWire(modelInfoSchema, body, 'get_info answer');
  return {
    modelId: info.model_id,
    modelName: info.model_data?.model_name ?? info.model_name ?? info.base_model ?? undefined,
    arch: info.model_data?.arch ?? undefined,
    tokenizerId: info.model_data?.tokenizer_id?.split(':', 1)[0],
    isLora: info.is_lora ?? undefined,
    loraRank: info.lora_rank ?? undefined,
  };
}
