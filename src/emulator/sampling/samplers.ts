import { createNumberedRequests, type NumberedRequests } from '../futures/numbered-requests.ts';
import { problem } from '../http/http.ts';
import type { Adapter } from '../model/adapter.ts';
import { effectiveWeights, releaseWeights, type Weights } from '../model/effective-weights.ts';
import type { TinyModel } from '../tiny-model.ts';
import { createPrefixMemory, type PrefixMemory } from './prefix-memory.ts';

/** One set of weights to sample from. */
export interface Sampler {
  readonly weights: Weights;
  readonly requests: NumberedRequests;
  readonly prefixes: PrefixMemory;
}

/** The sampling sessions of an emulator. */
export interface Samplers {
  /** Open one under this id on the weights of `adapter` as they are now, or on the base model's. */
  open(samplerId: string, adapter: Adapter | undefined): void;
  /** Whether one is open under this id. */
  has(samplerId: string): boolean;
  /** @throws HttpProblem 404 - for one that is unknown, or closed because too many came after it. */
  get(samplerId: string): Sampler;
}

/** Sets of weights kept; the least recently used goes first. */
const KEPT_SAMPLERS = 64;

/** No sampler yet. */
export function createSamplers(model: TinyModel): Samplers {
  const samplers = new Map<string, Sampler>();
  return {
    open(samplerId, adapter) {
      const weights = effectiveWeights(model.base(), adapter, model.kernels);
      samplers.set(samplerId, {
        weights,
        requests: createNumberedRequests(),
        prefixes: createPrefixMemory(),
      });
      for (const [oldest, { weights: stale }] of [...samplers].slice(0, -KEPT_SAMPLERS)) {
        samplers.delete(oldest);
        releaseWeights(stale, model.kernels);
      }
    },
    has: (samplerId) => samplers.has(samplerId),
    get(samplerId) {
      const sampler = samplers.get(samplerId);
      if (sampler === undefined)
        throw problem(404, `Sampling session "${samplerId}" is unknown or was closed`);
      samplers.delete(samplerId);
      samplers.set(samplerId, sampler);
      return sampler;
    },
  };
}
