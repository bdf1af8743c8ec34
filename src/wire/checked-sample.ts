import { checkBoolean, checkFinite, checkInteger, checkRecord, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import { checkedChunks } from './checked-chunks.ts';
import { checkedTokens } from './checked-tokens.ts';
import type { ResolvedSample } from './json/sampling.ts';
import type { SampleRequest } from './types/sampling.ts';

/** Any integer of 64 bits, signed or not, may seed; the server folds it (protocol 2.6). */
const MIN_SEED = -0x8000_0000_0000_0000n;
const MAX_SEED = 0xffff_ffff_ffff_ffffn;

/** A sample request with every default filled in. @throws TinkerInputError - naming the field, the value and the bound. */
export function checkedSample(request: SampleRequest): ResolvedSample {
  checkRecord('request', request, 'an object with prompt and maxTokens');
  return {
    prompt: checkedChunks('prompt', request.prompt),
    numSamples: checkInteger('numSamples', request.numSamples ?? 1, { min: 1 }),
    maxTokens: checkInteger('maxTokens', request.maxTokens, { min: 1 }),
    temperature: checkFinite('temperature', request.temperature ?? 1, { min: 0 }),
    topK: checkedTopK(request.topK ?? -1),
    topP: checkFinite('topP', request.topP ?? 1, { min: 0, aboveMin: true, max: 1 }),
    seed: checkedSeed(request.seed),
    stop: checkedStop(request.stop),
    includePromptLogprobs: checkBoolean('includePromptLogprobs', request.includePromptLogprobs ?? false),
    topkPromptLogprobs: checkInteger('topkPromptLogprobs', request.topkPromptLogprobs ?? 0, { min: 0 }),
  };
}

function checkedTopK(topK: unknown): number {
  if (topK === -1 || (Number.isSafeInteger(topK) && (topK as number) >= 1)) return topK as number;
  throw new TinkerInputError('topK', `must be an integer >= 1, or -1 for all tokens, got ${show(topK)}`);
}

function checkedSeed(seed: unknown): number | bigint | undefined {
  if (seed === undefined || Number.isSafeInteger(seed)) return seed as number | undefined;
  if (typeof seed === 'bigint' && seed >= MIN_SEED && seed <= MAX_SEED) return seed;
  const isTooLargeToBeExact = typeof seed === 'number' && Number.isInteger(seed);
  throw new TinkerInputError(
    'seed',
    `must be an integer >= ${MIN_SEED} and <= ${MAX_SEED}, got ${show(seed)}`,
    isTooLargeToBeExact ? { hint: 'A number is exact only up to 2^53: give a bigint' } : {},
  );
}

/** Always a list of one kind: servers refuse a bare string, and mixtures (servers.md 2.1 item 7). */
function checkedStop(stop: SampleRequest['stop']): readonly string[] | readonly number[] | undefined {
  if (stop === undefined) return undefined;
  const list: readonly unknown[] =
    Array.isArray(stop) || stop instanceof Int32Array ? Array.from(stop) : [stop];
  if (list.length === 0) return undefined;
  if (list.every((item): item is string => typeof item === 'string' && item !== '')) return list;
  if (list.every((item) => typeof item === 'number')) return Array.from(checkedTokens('stop', list));
  throw new TinkerInputError(
    'stop',
    `must be a string, strings or token ids, none empty or mixed, got ${list.map(show).join(', ')}`,
  );
}
