import { checkRecord, checkText, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import { type Runtime, sendResilient } from '../operations/runtime.ts';
import type { CallOptions } from '../operations/scope.ts';
import { readSamplingSession } from '../wire/json/sessions.ts';
import { checkCheckpointKind } from '../wire/tinker-path.ts';
import type { TinkerPath } from '../wire/types/tinker-path.ts';
import { createSamplingClient, type SamplingClient } from './sampling-client.ts';
import type { OpenSession } from './session-opening.ts';

/** What to sample from: a base model, or saved sampler weights. */
export type SamplingSource =
  | {
      /** Name of the model, as `getServerCapabilities` lists it. */
      readonly baseModel: string;
      /** None: the model as it is. */
      readonly modelPath?: undefined;
    }
  | {
      /** Name of the model that the weights adapt: some servers do not find it by themselves. @default the server's to know */
      readonly baseModel?: string | undefined;
      /** Path as `saveWeightsForSampler` returned it. */
      readonly modelPath: TinkerPath | (string & {});
    };

/** The sampling sessions of one service. */
export interface SamplingSessions {
  /** The next of the numbers that all of them share (protocol 2.2). */
  nextId(): number;
  /** Open one, and a client for it. @throws TinkerInputError - for a source that cannot be right. */
  create(source: SamplingSource, options?: CallOptions): Promise<SamplingClient>;
  /** A client for one that the server has opened. @param baseModel - Where it is known. */
  attach(samplingSessionId: string, baseModel?: string): SamplingClient;
}

/** None yet. */
export function createSamplingSessions(runtime: Runtime, session: OpenSession): SamplingSessions {
  let next = 0;
  const attach: SamplingSessions['attach'] = (id, baseModel) => createSamplingClient(runtime, id, baseModel);

  return {
    nextId: () => next++,
    attach,
    async create(source, options = {}) {
      checkRecord('source', source, 'an object with baseModel or modelPath', {
        hint: typeof source === 'string' ? `Give { modelPath: ${show(source)} }, or a baseModel` : undefined,
      });
      const { baseModel, modelPath } = source;
      if (baseModel === undefined && modelPath === undefined) {
        throw new TinkerInputError('baseModel', 'or "modelPath" must say what to sample from');
      }
      const fields = {
        ...(baseModel === undefined ? {} : { base_model: checkText('baseModel', baseModel) }),
        ...(modelPath === undefined ? {} : { model_path: samplerPath(modelPath) }),
      };
      return runtime.scopes.run(options, async (scope) => {
        const sessionId = await session(scope.signal);
        const sequence = { session_id: sessionId, sampling_session_seq_id: next++ };
        const body = { ...sequence, ...fields, type: 'create_sampling_session' };
        const path = '/api/v1/create_sampling_session';
        const answer = await sendResilient(runtime, { method: 'POST', path, lane: 'rest', body, scope });
        return attach(readSamplingSession(answer), baseModel);
      });
    },
  };
}

function samplerPath(path: string): string {
  return checkCheckpointKind('modelPath', checkText('modelPath', path), 'sampler_weights');
}
