import type { NumberedRequest } from '../operations/numbered-submission.ts';
import type { Runtime } from '../operations/runtime.ts';
import type { Batch } from '../operations/turns.ts';
import { chunksLength } from '../wire/checked-chunks.ts';
import type { CheckedDatum } from '../wire/checked-datum.ts';
import { checkedBatch } from '../wire/checked-input.ts';
import { checkContextLength } from '../wire/context-length.ts';
import { estimatedDatumBytes } from '../wire/estimated-datum-bytes.ts';
import { forwardBody, optimStepBody } from '../wire/json/training.ts';
import { encodeForwardBackwardRequest } from '../wire/proto/forward-backward-request.ts';
import type { Datum, LossFn } from '../wire/types/datum.ts';
import type { AdamParams } from '../wire/types/training.ts';
import { findLostSave } from './lost-save.ts';
import { splitIntoChunks } from './passes/chunking.ts';
import { checkedLossConfig, type ForwardOptions, resolveAdam } from './training-options.ts';

/** Routes of a pass over data. */
export type PassRoute = 'forward' | 'forward_backward';

/** A pass over data that were checked, whole: it is cut when its turn comes. */
export interface Pass {
  readonly data: readonly CheckedDatum[];
  /** Tokens of all inputs together. */
  readonly tokens: number;
  /** Its requests, by the limits that hold now. */
  batch(): Batch;
}

/** The numbered requests of one model: arguments checked, bodies ready but for the number. */
export interface TrainingRequests {
  /** @throws TinkerInputError - for data that cannot be right with this loss. */
  forward(
    route: PassRoute,
    data: readonly Datum[],
    lossFn: LossFn,
    options: ForwardOptions | undefined,
  ): Pass;
  /** A pass of cross-entropy over data that were checked before. */
  pass(route: PassRoute, data: readonly CheckedDatum[]): Pass;
  /** @throws TinkerInputError */
  optimStep(params: AdamParams | undefined): NumberedRequest;
  /** `late` gives fields that are only known when the request's turn has come. */
  weights(type: string, fields: object, late?: () => object): NumberedRequest;
  /** A save under a name: one that was lost on its way may be found again. */
  save(kind: 'weights' | 'sampler_weights', fields: { readonly path: string }): NumberedRequest;
}

interface PassInput {
  readonly data: readonly CheckedDatum[];
  readonly lossFn: LossFn;
  readonly lossFnConfig: Readonly<Record<string, number>> | undefined;
}

/** Requests for a model. @param baseModel - Where it is known. */
export function createTrainingRequests(
  runtime: Runtime,
  modelId: string,
  baseModel?: string,
): TrainingRequests {
  const withinContext = (data: readonly CheckedDatum[]): readonly CheckedDatum[] => {
    const limit = baseModel === undefined ? undefined : runtime.contextLengths.get(baseModel);
    for (const [index, { chunks }] of data.entries())
      checkContextLength(`data[${index}].modelInput`, chunksLength(chunks), 0, limit);
    return data;
  };
  const passOf = (route: PassRoute, input: PassInput): Pass => ({
    data: input.data,
    tokens: input.data.reduce((sum, datum) => sum + tokensOf(datum), 0),
    batch() {
      const { maxChunkLength, maxChunkBytes, maxChunkTokens } = runtime.settings.current;
      const limits = { maxItems: maxChunkLength, maxBytes: maxChunkBytes, maxTokens: maxChunkTokens };
      const chunks = splitIntoChunks(input.data, estimatedDatumBytes, limits, tokensOf);
      return {
        accumulates: route === 'forward_backward',
        requests: chunks.map((data) => passRequest(modelId, route, { ...input, data })),
      };
    },
  });

  const weights: TrainingRequests['weights'] = (type, fields, late) => {
    // Asked once, when its turn has come: a repetition must be the same request.
    let lateFields: object | undefined;
    return {
      path: `/api/v1/${type}`,
      body(sequenceId) {
        lateFields ??= late?.() ?? {};
        return { model_id: modelId, ...fields, ...lateFields, seq_id: sequenceId, type };
      },
    };
  };

  return {
    weights,
    pass: (route, data) =>
      passOf(route, { data: withinContext(data), lossFn: 'cross_entropy', lossFnConfig: undefined }),
    forward(route, data, lossFn, options) {
      const lossFnConfig = checkedLossConfig(options?.lossFnConfig);
      return passOf(route, { data: withinContext(checkedBatch(data, lossFn)), lossFn, lossFnConfig });
    },
    optimStep(params) {
      const adam = resolveAdam(params ?? {});
      return { path: '/api/v1/optim_step', body: (sequenceId) => optimStepBody(modelId, sequenceId, adam) };
    },
    save: (kind, fields) => ({
      ...weights(kind === 'weights' ? 'save_weights' : 'save_weights_for_sampler', fields),
      recover: (scope, since) => findLostSave(runtime, modelId, { kind, name: fields.path }, scope, since),
    }),
  };
}

/** A pass over nothing to speak of, forward only: it takes a number and changes nothing. */
export function fillerRequest(modelId: string): NumberedRequest {
  const one = { data: Int32Array.of(0), dtype: 'int64', shape: [1] } as const;
  const weights = { data: Float32Array.of(0), dtype: 'float32', shape: [1] } as const;
  const datum: CheckedDatum = {
    chunks: [{ type: 'encoded_text', tokens: Int32Array.of(0) }],
    lossFnInputs: { target_tokens: one, weights },
  };
  return passRequest(modelId, 'forward', { data: [datum], lossFn: 'cross_entropy', lossFnConfig: undefined });
}

function passRequest(modelId: string, route: PassRoute, input: PassInput): NumberedRequest {
  return {
    path: `/api/v1/${route}`,
    body: (sequenceId) => forwardBody(`${route}_input`, modelId, sequenceId, input),
    protobuf: {
      path: '/api/v1/forward_backward',
      encode: (sequenceId) =>
        encodeForwardBackwardRequest({ ...input, modelId, sequenceId, forwardOnly: route === 'forward' }),
    },
    bytes: input.data.reduce((sum, datum) => sum + estimatedDatumBytes(datum), 0),
  };
}

/** Tokens, and what images count as; 0 for what does not say. */
function tokensOf({ chunks }: CheckedDatum): number {
  return chunksLength(chunks) ?? 0;
}
