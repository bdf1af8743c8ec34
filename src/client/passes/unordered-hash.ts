// Constants of xxHash64 as CPython's hash of a tuple uses them.
const PRIME_1 = 11_400_714_785_074_694_791n;
const PRIME_2 = 14_029_467_366_897_019_727n;
const PRIME_5 = 2_870_177_450_012_600_261n;
/** CPython reduces whole numbers modulo this: 2^61 - 1. */
const MODULUS = 2_305_843_009_213_693_951n;
/** All 64 bits set: what CPython keeps for an error. */
const ERROR_HASH = 0xffff_ffff_ffff_ffffn;
const ERROR_SUBSTITUTE = 1_546_275_796n;

/**
 * Hash of numbers in any order, as a signed 64-bit integer (protocol 5.5 `hash_unordered`): of the tuple of the values
 * without their fractions, sorted, as CPython computes it. `undefined` where a value is NaN or infinite.
 */
export function unorderedHash(values: readonly number[]): bigint | undefined {
  if (!values.every(Number.isFinite)) return undefined;
  const sorted = values.map(Math.trunc).sort((a, b) => a - b);
  let hash = PRIME_5;
  for (const value of sorted) {
    const mixed = BigInt.asUintN(64, hash + BigInt.asUintN(64, laneOf(BigInt(value))) * PRIME_2);
    hash = BigInt.asUintN(64, rotateLeft31(mixed) * PRIME_1);
  }
  hash = BigInt.asUintN(64, hash + (BigInt(values.length) ^ PRIME_5 ^ 3_527_539n));
  return BigInt.asIntN(64, hash === ERROR_HASH ? ERROR_SUBSTITUTE : hash);
}

/** CPython's hash of one whole number; the remainder has the sign of the number, and -1 is kept for errors. */
function laneOf(value: bigint): bigint {
  const lane = value % MODULUS;
  return lane === -1n ? -2n : lane;
}

function rotateLeft31(word: bigint): bigint {
  return BigInt.asUintN(64, word << 31n) | (word >> 33n);
}
