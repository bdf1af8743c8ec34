/** One past the greatest seed. */
const SEEDS = 2n ** 63n - 1n;
const EXACT = 2n ** 53n;
/** The golden ratio's fraction in 64 bits: odd, and its bits look random. */
const SPREAD = 0x9e3779b97f4a7c15n;

/** Any integer, folded into the seeds there are: 0 to 2^63 - 2 (protocol 2.6). */
export function foldSeed(seed: bigint): bigint {
  return ((seed % SEEDS) + SEEDS) % SEEDS;
}

/** A seed as a number that `seededRandom` takes: itself below 2^53, else its 63 bits mixed down to 53. */
export function seedNumber(seed: bigint): number {
  if (seed < EXACT) return Number(seed);
  return Number(BigInt.asUintN(53, seed ^ ((seed >> 53n) * SPREAD)));
}
