import type { Runtime } from '../operations/runtime.ts';
import type { NumberedRequest } from '../operations/turns.ts';
import { type CheckedDatum, checkedBatch } from '../wire/checked-input.ts';
import { forwardBody, optimStepBody } from '../wire/json/training.ts';
import type { Datum, LossFn } from '../wire/types/datum.ts';
import type { AdamParams } from '../wire/types/training.ts';
import { findLostSave } from './lost-save.ts';
import { checkedLossConfig, type ForwardOptions, resolveAdam } from './training-options.ts';

/** Routes of a pass over data. */
type PassRoute = 'forward' | 'forward_backward';

/** The numbered requests of one model: arguments checked, bodies ready but for the number. */
export interface TrainingRequests {
  /** @throws TinkerInputError - for data that cannot be right with this loss. */
  forward(
    route: PassRoute,
    data: readonly Datum[],
    lossFn: LossFn,
    options: ForwardOptions | undefined,
  ): NumberedRequest;
  /** A pass of cross-entropy over data that were checked before. */
  pass(route: PassRoute, data: readonly CheckedDatum[]): NumberedRequest;
  /** @throws TinkerInputError */
  optimStep(params: AdamParams | undefined): NumberedRequest;
  /** `late` gives fields that are only known when the request's turn has come. */
  weights(type: string, fields: object, late?: () => object): NumberedRequest;
  /** A save under a name: one that was lost on its way may be found again. */
  save(kind: 'weights' | 'sampler_weights', fields: { readonly path: string }): NumberedRequest;
}

/** Requests for the model with this id. */
export function createTrainingRequests(runtime: Runtime, modelId: string): TrainingRequests {
  const passRequest = (route: PassRoute, input: Parameters<typeof forwardBody>[3]): NumberedRequest => ({
    path: `/api/v1/${route}`,
    body: (sequenceId) => forwardBody(`${route}_input`, modelId, sequenceId, input),
  });

  const weights: TrainingRequests['weights'] = (type, fields, late) => ({
    path: `/api/v1/${type}`,
    body: (sequenceId) => ({ model_id: modelId, ...fields, ...late?.(), seq_id: sequenceId, type }),
  });

  return {
    weights,
    pass: (route, data) => passRequest(route, { data, lossFn: 'cross_entropy', lossFnConfig: undefined }),
    forward(route, data, lossFn, options) {
      const lossFnConfig = checkedLossConfig(options?.lossFnConfig);
      return passRequest(route, { data: checkedBatch(data, lossFn), lossFn, lossFnConfig });
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
