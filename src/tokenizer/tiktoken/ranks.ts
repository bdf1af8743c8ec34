import { show } from '../../kernel/checks.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import { base64Digit } from '../../wire/base64.ts';

/** The ids of byte strings and back: a vocabulary in the order in which its pairs are merged. */
export interface RankTable {
  /** Id of the token of bytes `start` to `end`, or -1 where there is none. */
  rankOf(bytes: Uint8Array, start: number, end: number): number;
  /** Bytes of a token, not to be written to; `undefined` where the id names none. */
  bytesOf(rank: number): Uint8Array | undefined;
  /** Number of tokens. */
  readonly count: number;
  /** One more than the highest id. */
  readonly size: number;
}

/** The tokens of a file one after another, and for each id where its token is. */
interface Tokens {
  readonly bytes: Uint8Array;
  readonly starts: Int32Array;
  /** 0 where there is no token of this id. */
  readonly lengths: Int32Array;
  readonly count: number;
}

/** Ids below this: a heap keeps rank and place in one exact number. */
const MAX_RANK = 2 ** 24 - 1;
const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const PAD = 61;

/**
 * Reads a `.tiktoken` file: one token a line, its bytes in base64, a space, its id. What is kept is a few bytes a token
 * in four typed arrays, and nothing of the file.
 *
 * @throws TinkerInputError - naming the line.
 */
export function readRanks(field: string, file: Uint8Array): RankTable {
  const { bytes, starts, lengths, count } = readTokens(field, file);
  const slots = hashTable(field, bytes, starts, lengths, count);
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);

  const table: RankTable = {
    count,
    size: lengths.length,
    bytesOf(rank) {
      const length = lengths[rank] ?? 0;
      const start = starts[rank] ?? 0;
      return length === 0 ? undefined : bytes.subarray(start, start + length);
    },
    rankOf(piece, start, end) {
      const length = end - start;
      if (length > longest) return -1;
      let slot = hashOf(piece, start, end) & (slots.length - 1);
      for (;;) {
        const rank = slots[slot]! - 1;
        if (rank < 0) return -1;
        if (lengths[rank] === length && areEqual(bytes, starts[rank]!, piece, start, length)) return rank;
        slot = (slot + 1) & (slots.length - 1);
      }
    },
  };
  checkSingleBytes(field, table);
  return table;
}

/** Text is bytes before it is tokens, so each of the 256 must be one. */
function checkSingleBytes(field: string, table: RankTable): void {
  for (let byte = 0; byte < 256; byte++) {
    if (table.rankOf(Uint8Array.of(byte), 0, 1) >= 0) continue;
    throw new TinkerInputError(field, `must have a token for each single byte, there is none for ${byte}`);
  }
}

function readTokens(field: string, file: Uint8Array): Tokens {
  const bytes = new Uint8Array(Math.ceil(file.length / 4) * 3);
  const ranks: number[] = [];
  const ends: number[] = [];
  let filled = 0;
  let highest = -1;
  for (let at = 0, line = 1; at < file.length; line++) {
    const newline = file.indexOf(NEWLINE, at);
    const end = newline < 0 ? file.length : newline;
    const last = end > at && file[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
    if (last > at) {
      const space = file.indexOf(SPACE, at);
      const rank = space < 0 ? -1 : readInteger(file, space + 1, last);
      const length = rank < 0 ? 0 : decodeInto(bytes, filled, file, at, space);
      if (length === 0) throw badLine(field, file, line, at, last);
      filled += length;
      ranks.push(rank);
      ends.push(filled);
      highest = Math.max(highest, rank);
    }
    at = end + 1;
  }
  if (highest < 0) throw new TinkerInputError(field, 'must have a token a line, got none');
  return byRank(field, bytes.slice(0, filled), ranks, ends, highest);
}

function byRank(
  field: string,
  bytes: Uint8Array,
  ranks: readonly number[],
  ends: readonly number[],
  highest: number,
): Tokens {
  const starts = new Int32Array(highest + 1);
  const lengths = new Int32Array(highest + 1);
  for (const [i, rank] of ranks.entries()) {
    if (lengths[rank] !== 0) throw new TinkerInputError(field, `has more than one token of id ${rank}`);
    const start = i === 0 ? 0 : ends[i - 1]!;
    starts[rank] = start;
    lengths[rank] = ends[i]! - start;
  }
  return { bytes, starts, lengths, count: ranks.length };
}

/** Ids plus one by the hash of their bytes, 0 where a slot is free; half of them stay so. */
function hashTable(
  field: string,
  bytes: Uint8Array,
  starts: Int32Array,
  lengths: Int32Array,
  count: number,
): Int32Array {
  const slots = new Int32Array(1 << (33 - Math.clz32(count - 1)));
  for (const [rank, length] of lengths.entries()) {
    if (length === 0) continue;
    const start = starts[rank]!;
    let slot = hashOf(bytes, start, start + length) & (slots.length - 1);
    for (; slots[slot] !== 0; slot = (slot + 1) & (slots.length - 1)) {
      const other = slots[slot]! - 1;
      if (lengths[other] === length && areEqual(bytes, starts[other]!, bytes, start, length))
        throw new TinkerInputError(field, `has the same token under ids ${other} and ${rank}`);
    }
    slots[slot] = rank + 1;
  }
  return slots;
}

/** FNV-1a, its high bits mixed into the low ones that choose the slot. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash ^ (hash >>> 15);
}

function areEqual(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false;
  return true;
}

/** A decimal number of bytes `start` to `end`; -1 where it is none, or too large for an id. */
function readInteger(file: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = file[i]! - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
    if (value > MAX_RANK) return -1;
  }
  return end > start ? value : -1;
}

/** Writes what base64 says and returns the number of bytes; 0 where it is no base64 with padding, or says nothing. */
function decodeInto(out: Uint8Array, at: number, file: Uint8Array, start: number, end: number): number {
  if ((end - start) % 4 !== 0) return 0;
  const padding = file[end - 1] !== PAD ? 0 : file[end - 2] !== PAD ? 1 : 2;
  let word = 0;
  let length = 0;
  for (let i = start; i < end - padding; i++) {
    const digit = base64Digit(file[i]!);
    if (digit < 0) return 0;
    word = (word << 6) | digit;
    // Eight bits are complete with the second, third and fourth digit of each four.
    const place = (i - start) & 3;
    if (place > 0) out[at + length++] = word >> (6 - 2 * place);
  }
  return length;
}

function badLine(field: string, file: Uint8Array, line: number, start: number, end: number): Error {
  const text = String.fromCharCode(...file.subarray(start, Math.min(end, start + 80)));
  return new TinkerInputError(
    field,
    `must have on each line base64, a space and an id of at most ${MAX_RANK}, got ${show(text)} on line ${line}`,
  );
}
