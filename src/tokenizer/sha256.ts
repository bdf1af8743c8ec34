/** Bytes that are hashed as one. */
const BLOCK_BYTES = 64;

/** The first 64 bits behind the point of the cube roots of the first 64 primes, 32 of them. */
function roundConstants(): Int32Array {
  const constants = new Int32Array(64);
  for (let n = 2, found = 0; found < 64; n++) {
    if (isPrime(n)) constants[found++] = fraction(n, 3);
  }
  return constants;
}

/**
 * SHA-256 (FIPS 180-4) of bytes, in 32. By hand, because the platform's own is absent on plain http pages, and gives a
 * promise.
 */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const constants = roundConstants();
  const words = new Int32Array(64);
  const state = Int32Array.from([2, 3, 5, 7, 11, 13, 17, 19], (prime) => fraction(prime, 2));
  const tail = new Uint8Array(BLOCK_BYTES);
  let filled = 0;
  let length = 0;
  for (const part of parts) {
    length += part.length;
    let at = 0;
    if (filled > 0) {
      at = Math.min(BLOCK_BYTES - filled, part.length);
      tail.set(part.subarray(0, at), filled);
      filled += at;
      if (filled < BLOCK_BYTES) continue;
      compress(state, words, constants, tail, 0);
    }
    for (; at + BLOCK_BYTES <= part.length; at += BLOCK_BYTES) compress(state, words, constants, part, at);
    filled = part.length - at;
    tail.set(part.subarray(at));
  }
  const end = new Uint8Array(filled < BLOCK_BYTES - 8 ? BLOCK_BYTES : 2 * BLOCK_BYTES);
  end.set(tail.subarray(0, filled));
  end[filled] = 0x80;
  const view = new DataView(end.buffer);
  view.setUint32(end.length - 8, Math.floor(length / 0x2000_0000));
  view.setUint32(end.length - 4, length << 3);
  for (let at = 0; at < end.length; at += BLOCK_BYTES) compress(state, words, constants, end, at);
  const digest = new DataView(new ArrayBuffer(32));
  for (const [i, word] of state.entries()) digest.setInt32(4 * i, word);
  return new Uint8Array(digest.buffer);
}

/** Mix one block into the state. */
function compress(
  state: Int32Array,
  words: Int32Array,
  constants: Int32Array,
  bytes: Uint8Array,
  offset: number,
): void {
  for (let i = 0; i < 16; i++) {
    const at = offset + 4 * i;
    words[i] =
      (at0(bytes, at) << 24) | (at0(bytes, at + 1) << 16) | (at0(bytes, at + 2) << 8) | at0(bytes, at + 3);
  }
  for (let i = 16; i < 64; i++) {
    const early = at0(words, i - 15);
    const late = at0(words, i - 2);
    const sigma0 = rotated(early, 7) ^ rotated(early, 18) ^ (early >>> 3);
    const sigma1 = rotated(late, 17) ^ rotated(late, 19) ^ (late >>> 10);
    words[i] = at0(words, i - 16) + sigma0 + at0(words, i - 7) + sigma1;
  }
  let a = at0(state, 0);
  let b = at0(state, 1);
  let c = at0(state, 2);
  let d = at0(state, 3);
  let e = at0(state, 4);
  let f = at0(state, 5);
  let g = at0(state, 6);
  let h = at0(state, 7);
  for (let i = 0; i < 64; i++) {
    const sum1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25);
    const first = (h + sum1 + ((e & f) ^ (~e & g)) + at0(constants, i) + at0(words, i)) | 0;
    const sum0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22);
    const second = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  state[0] = at0(state, 0) + a;
  state[1] = at0(state, 1) + b;
  state[2] = at0(state, 2) + c;
  state[3] = at0(state, 3) + d;
  state[4] = at0(state, 4) + e;
  state[5] = at0(state, 5) + f;
  state[6] = at0(state, 6) + g;
  state[7] = at0(state, 7) + h;
}

function rotated(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

/** An element that is there. */
function at0(array: Uint8Array | Int32Array, index: number): number {
  return array[index] as number;
}

/** The first 32 bits behind the point of a root of a small number: exact, found in whole numbers. */
function fraction(n: number, root: 2 | 3): number {
  // The root of n * 2^(32 * root) is the root of n with 32 more bits.
  const target = BigInt(n) << BigInt(32 * root);
  let low = 0n;
  let high = 1n << 40n;
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if (middle ** BigInt(root) <= target) low = middle;
    else high = middle - 1n;
  }
  return Number(low & 0xffff_ffffn) | 0;
}

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
  return true;
}
