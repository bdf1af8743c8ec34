import { checkBoolean, checkFinite, checkInteger } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import type { ResolvedAdam, ResolvedLora } from '../wire/json/training.ts';
import type { AdamParams, LoraConfig } from '../wire/types/training.ts';

/** A LoRA configuration with its defaults (protocol 0.1). @throws TinkerInputError */
export function resolveLora(config: LoraConfig): ResolvedLora {
  const lora = {
    rank: checkInteger('rank', config.rank ?? 32, { min: 1 }),
    seed: config.seed === undefined ? undefined : checkInteger('seed', config.seed),
    trainAttn: checkBoolean('trainAttn', config.trainAttn ?? true),
    trainMlp: checkBoolean('trainMlp', config.trainMlp ?? true),
    trainUnembed: checkBoolean('trainUnembed', config.trainUnembed ?? true),
  };
  if (lora.trainAttn || lora.trainMlp || lora.trainUnembed) return lora;
  throw new TinkerInputError(
    'trainAttn',
    'must be true, or trainMlp or trainUnembed: there is nothing to train',
  );
}

/** Optimizer parameters with their defaults (protocol 2.4). @throws TinkerInputError */
export function resolveAdam(params: AdamParams): ResolvedAdam {
  return {
    learningRate: checkFinite('learningRate', params.learningRate ?? 1e-4, { min: 0 }),
    beta1: checkFinite('beta1', params.beta1 ?? 0.9, { min: 0, max: 1, belowMax: true }),
    beta2: checkFinite('beta2', params.beta2 ?? 0.95, { min: 0, max: 1, belowMax: true }),
    eps: checkFinite('eps', params.eps ?? 1e-12, { min: 0, aboveMin: true }),
    weightDecay: checkFinite('weightDecay', params.weightDecay ?? 0, { min: 0 }),
    gradClipNorm: checkFinite('gradClipNorm', params.gradClipNorm ?? 0, { min: 0 }),
  };
}
