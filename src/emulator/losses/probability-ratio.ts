import { exp } from '../model/elementary.ts';
import type { LossData } from './loss.ts';

/** The tensors of either threshold, a number for each target, which then holds instead of `loss_fn_config`'s. */
export const THRESHOLD_TENSORS: readonly string[] = ['clip_low_threshold', 'clip_high_threshold'];

/** How much likelier the model makes a token than the policy that sampled it. */
export function probabilityRatio(logprob: number, sampled: number): number {
  return exp(logprob - sampled);
}

/** The ratio pulled within the thresholds at `index`; the upper one wins where they cross. */
export function clipWith({ numbers, setting }: LossData): (ratio: number, index: number) => number {
  const low = numbers('clip_low_threshold', setting('clip_low_threshold'));
  const high = numbers('clip_high_threshold', setting('clip_high_threshold'));
  return (ratio, index) => Math.min(Math.max(ratio, low[index]!), high[index]!);
}
