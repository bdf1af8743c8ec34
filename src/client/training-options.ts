import {
  checkBoolean,
  checkFinite,
  checkInteger,
  checkRecord,
  checkText,
  isVisibleAscii,
} from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import type { CallOptions } from '../operations/scope.ts';
import type { ResolvedAdam, ResolvedLora } from '../wire/json/training.ts';
import { checkCheckpointKind } from '../wire/tinker-path.ts';
import type { AdamParams, LoraConfig } from '../wire/types/training.ts';

/** Options of `forward` and `forwardBackward`. */
export interface ForwardOptions extends CallOptions {
  /** Numbers the loss reads, by name, e.g. `clip_low_threshold`. @default none */
  readonly lossFnConfig?: Readonly<Record<string, number>> | undefined;
}

/** Options of the methods that save. */
export interface SaveOptions extends CallOptions {
  /** Lifetime of what is saved, in seconds. @default for ever */
  readonly ttlSeconds?: number | undefined;
}

/** Options of `saveState`. */
export interface SaveStateOptions extends SaveOptions {
  /** Replace a checkpoint of the same name. @default false */
  readonly overwrite?: boolean | undefined;
}

/** Options of `loadState`. */
export interface LoadStateOptions extends CallOptions {
  /** Load the optimizer's moments and step count too. @default false */
  readonly optimizer?: boolean | undefined;
  /** Key of whoever owns the checkpoint, where that is not you and it is not public. @default none */
  readonly weightsAccessToken?: string | undefined;
}

/**
 * The wire's fields for loading.
 *
 * @throws TinkerInputError - also for a path that is known to be for sampling.
 */
export function loadFields(path: string, options: LoadStateOptions | undefined): object {
  const token = options?.weightsAccessToken;
  return {
    path: checkCheckpointKind('path', checkText('path', path), 'weights'),
    optimizer: checkBoolean('optimizer', options?.optimizer ?? false),
    ...(token === undefined ? {} : { weights_access_token: checkedToken(token) }),
  };
}

/** A key that can be sent. @throws TinkerInputError - that does not show it; the platform's own would. */
function checkedToken(token: string): string {
  const field = 'weightsAccessToken';
  if (isVisibleAscii(checkText(field, token))) return token;
  throw new TinkerInputError(
    field,
    'must consist of visible ASCII characters; it has a space, a line end or others',
  );
}

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
  checkRecord('params', params, 'an object like { learningRate: 1e-4 }');
  return {
    learningRate: checkFinite('learningRate', params.learningRate ?? 1e-4, { min: 0 }),
    beta1: checkFinite('beta1', params.beta1 ?? 0.9, { min: 0, max: 1, belowMax: true }),
    beta2: checkFinite('beta2', params.beta2 ?? 0.95, { min: 0, max: 1, belowMax: true }),
    eps: checkFinite('eps', params.eps ?? 1e-12, { min: 0, aboveMin: true }),
    weightDecay: checkFinite('weightDecay', params.weightDecay ?? 0, { min: 0 }),
    gradClipNorm: checkFinite('gradClipNorm', params.gradClipNorm ?? 0, { min: 0 }),
  };
}

/** The wire's field for a lifetime, if there is one. @throws TinkerInputError */
export function ttlField(options: SaveOptions | undefined): object {
  if (options?.ttlSeconds === undefined) return {};
  return { ttl_seconds: checkInteger('ttlSeconds', options.ttlSeconds, { min: 1 }) };
}

/** The wire's field for replacing, if it is asked for. @throws TinkerInputError */
export function overwriteField(options: SaveStateOptions | undefined): object {
  // Only when asked for: servers that do not know the field refuse it (servers.md 2.1 item 5).
  return checkBoolean('overwrite', options?.overwrite ?? false) ? { overwrite: true } : {};
}

/** A copy of a loss's numbers, all of them finite. @throws TinkerInputError */
export function checkedLossConfig(
  config: Readonly<Record<string, number>> | undefined,
): Readonly<Record<string, number>> | undefined {
  for (const [name, value] of Object.entries(config ?? {})) checkFinite(`lossFnConfig.${name}`, value);
  return config && { ...config };
}
