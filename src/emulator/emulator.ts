import { createCheckpoints } from './checkpoints.ts';
import { createDevice } from './device.ts';
import { createFutures } from './futures.ts';
import { json, route } from './http.ts';
import type { ModelConfig } from './model/config.ts';
import { createNumberedRequests, type NumberedRequests } from './numbered-requests.ts';
import { type EmulatorOptions, resolveEmulatorOptions } from './options.ts';
import { createSamplers } from './samplers.ts';
import { samplingRoutes } from './sampling-routes.ts';
import { sessionRoutes } from './session-routes.ts';
import { createSessions } from './sessions.ts';
import type { EmulatorState } from './state.ts';
import { createTinyModel } from './tiny-model.ts';
import { trainingRoutes } from './training-routes.ts';
import { createTrainingRuns } from './training-runs.ts';

/** A server of the Tinker API in this process. */
export interface Emulator {
  /** Answer a request: a client's `fetch` option, or the handler of a real server. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** Name of its base model, for `createLoraTrainingClient({ baseModel })`. */
  readonly modelName: string;
  /** Shape of its base model. */
  readonly model: ModelConfig;
}

/**
 * The Tinker API in process, with a byte-level transformer that really learns: no key, no network, no native code.
 * Everything is deterministic for given seeds, to the bit, on every runtime. It keeps no timer while nothing runs.
 *
 * @throws TinkerInputError - for an option that cannot be right; RangeError for a model shape that cannot.
 */
export function createEmulator(options: EmulatorOptions = {}): Emulator {
  const resolved = resolveEmulatorOptions(options);
  const { clock, storage, random, apiKey } = resolved;
  const model = createTinyModel(resolved.modelName, resolved.model, resolved.kernels);
  const device = createDevice(clock, resolved.latencyMs);
  const modelRequests = new Map<string, NumberedRequests>();
  const state: EmulatorState = {
    model,
    device,
    random,
    futures: createFutures(clock, resolved.holdMs),
    sessions: createSessions(clock, resolved.sessionTimeoutMs),
    runs: createTrainingRuns(model, device),
    samplers: createSamplers(model),
    checkpoints: createCheckpoints(storage, model.config, model.kernels),
    modelRequests(sessionId) {
      const known = modelRequests.get(sessionId) ?? createNumberedRequests();
      modelRequests.set(sessionId, known);
      return known;
    },
  };
  const routes = { ...sessionRoutes(state), ...trainingRoutes(state), ...samplingRoutes(state) };
  return {
    modelName: model.name,
    model: model.config,
    async fetch(request) {
      if (apiKey !== undefined && request.headers.get('x-api-key') !== apiKey) {
        return json({ detail: 'Invalid API key' }, 401);
      }
      return route(routes, request);
    },
  };
}
