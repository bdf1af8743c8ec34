import type { ForwardBackwardOutput } from '../../wire/types/training.ts';
import { unorderedHash } from './unordered-hash.ts';

/** A metric's value in one result, and the number of outputs of that result. */
interface Share {
  readonly value: number;
  readonly weight: number;
}

/** What each reduction makes of the values of several results. */
const REDUCTIONS: Readonly<Record<string, (shares: readonly Share[]) => number>> = {
  mean: weightedMean,
  sum: (shares) => shares.reduce((sum, { value }) => sum + value, 0),
  min: (shares) => Math.min(...shares.map(({ value }) => value)),
  max: largest,
  slack: (shares) => largest(shares) - weightedMean(shares),
};

/**
 * One result of those of a batch's chunks (protocol 5.5): outputs in the order of the chunks, the type of the first, and
 * each metric reduced as the end of its name says.
 *
 * - `:mean` is weighted by the numbers of outputs, and plain where these are all 0; `:sum`, `:min`, `:max`; `:slack` is
 *   the maximum minus the mean.
 * - `:unique` keeps all: the first under its name, the others under `name_1`, `name_2`, …
 * - `:hash_unordered` is the hash of the values in any order, of a single one too, as the nearest double: it has 64 bits.
 *   NaN where a value is NaN or infinite.
 * - Any other name, with no ":" or more than one, or with a reduction that is not known, gets the weighted mean.
 * - A metric that some results lack is reduced over those that have it. What only one of them has stays as it is (but for
 *   the hash), so the metrics of a single result do.
 *
 * NaN is not passed over: where one result has it, the mean, sum, minimum, maximum and slack are NaN.
 */
export function combineOutputs(results: readonly ForwardBackwardOutput[]): ForwardBackwardOutput {
  return {
    lossFnOutputType: results[0]?.lossFnOutputType ?? '',
    lossFnOutputs: results.flatMap(({ lossFnOutputs }) => lossFnOutputs),
    metrics: combinedMetrics(results),
  };
}

function combinedMetrics(results: readonly ForwardBackwardOutput[]): Readonly<Record<string, number>> {
  const shares = new Map<string, Share[]>();
  for (const { metrics, lossFnOutputs } of results) {
    for (const [name, value] of Object.entries(metrics)) {
      const share = { value, weight: lossFnOutputs.length };
      const earlier = shares.get(name);
      if (earlier === undefined) shares.set(name, [share]);
      else earlier.push(share);
    }
  }
  const combined = new Map<string, number>();
  const numbered = new Map<string, number>();
  for (const [name, [first, ...others]] of shares) {
    if (first === undefined) continue;
    const reduction = reductionOf(name);
    combined.set(name, reduction === 'unique' ? first.value : reduced(reduction, [first, ...others]));
    if (reduction !== 'unique') continue;
    for (const [index, { value }] of others.entries()) numbered.set(`${name}_${index + 1}`, value);
  }
  // Last, so that a metric that happens to be called `name_1` does not hide a value of `name`.
  return Object.fromEntries([...combined, ...numbered]);
}

/** What follows the only ":" of a metric's name. */
function reductionOf(name: string): string | undefined {
  const [, reduction, ...more] = name.split(':');
  return more.length === 0 ? reduction : undefined;
}

function reduced(reduction: string | undefined, shares: readonly [Share, ...Share[]]): number {
  if (reduction === 'hash_unordered') {
    const hash = unorderedHash(shares.map(({ value }) => value));
    return hash === undefined ? Number.NaN : Number(hash);
  }
  if (shares.length === 1) return shares[0].value;
  const isKnown = reduction !== undefined && Object.hasOwn(REDUCTIONS, reduction);
  return ((isKnown ? REDUCTIONS[reduction] : undefined) ?? weightedMean)(shares);
}

function largest(shares: readonly Share[]): number {
  return Math.max(...shares.map(({ value }) => value));
}

function weightedMean(shares: readonly Share[]): number {
  const total = shares.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) return shares.reduce((sum, { value }) => sum + value, 0) / shares.length;
  return shares.reduce((sum, { value, weight }) => sum + value * weight, 0) / total;
}
