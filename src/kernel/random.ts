import { toHex } from './bytes.ts';

/** A source of uniform numbers in [0, 1), like `Math.random`. */
export type RandomSource = () => number;

/** The platform's generator, looked up per call. Good enough for jitter; ids use {@link createId}. */
export const systemRandom: RandomSource = () => Math.random();

/**
 * A deterministic generator (xoshiro128**, Blackman and Vigna 2018): integer arithmetic only, so the same
 * seed gives the same bits on every runtime.
 *
 * @param seed - Any finite number; its integer part, mixed down to 32 bits, selects the sequence.
 */
export function seededRandom(seed: number): RandomSource {
  const next = splitMix32(seed);
  let a = next();
  let b = next();
  let c = next();
  let d = next();
  return () => {
    const word = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotateLeft(d, 11);
    return word / 0x1_0000_0000;
  };
}

/** An identifier of `bytes` random bytes in lower-case hex. Not `randomUUID`: absent on plain http pages. */
export function createId(bytes = 16): string {
  return toHex(crypto.getRandomValues(new Uint8Array(bytes)));
}

/** Spread a seed over the state words (Steele, Lea and Flood 2014), high and low halves both mixed in. */
function splitMix32(seed: number): () => number {
  const whole = Math.trunc(seed);
  let state = (whole >>> 0) ^ Math.imul(Math.floor(whole / 0x1_0000_0000) | 0, 0x9e3779b1);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x85ebca6b);
    mixed ^= mixed >>> 13;
    mixed = Math.imul(mixed, 0xc2b2ae35);
    return mixed ^ (mixed >>> 16);
  };
}

function rotateLeft(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
