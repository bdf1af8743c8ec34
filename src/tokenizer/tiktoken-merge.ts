import type { RankTable } from './tiktoken-ranks.ts';

/** The place of an entry of the heap in its number; the rank is what is left. */
const PLACES = 2 ** 29;

/**
 * Appends the ids of one piece of text: its bytes, of which the pair of neighbours that comes first in the vocabulary is
 * merged, the leftmost of equals, until no pair is in it.
 */
export type MergePiece = (piece: Uint8Array, length: number, ids: number[]) => void;

/**
 * Merges by a heap of pairs, so that a piece of n bytes takes n log n steps: a line of 100,000 equal letters is one
 * piece. What it needs to remember is kept from call to call, up to the size of an ordinary piece.
 */
export function createMerge(table: RankTable): MergePiece {
  let kept = scratch(256);

  return (piece, length, ids) => {
    const whole = table.rankOf(piece, 0, length);
    if (whole >= 0) {
      ids.push(whole);
      return;
    }
    const room = length <= kept.next.length - 1 ? kept : scratch(length);
    if (length <= 4096) kept = room;
    mergePairs(table, piece, length, room);
    for (let at = 0; at < length; at = room.next[at]!) {
      ids.push(table.rankOf(piece, at, room.next[at]!));
    }
  };
}

interface Scratch {
  /** Where the part after the part that starts here starts. */
  readonly next: Int32Array;
  /** Where the part before the part that starts here starts. */
  readonly previous: Int32Array;
  /** Rank of the part that starts here merged with the next one; -1 where that is no token. */
  readonly pairs: Int32Array;
  /** Ranks and places of pairs, least first; what no longer agrees with `pairs` is out of date. */
  readonly heap: Float64Array;
}

function scratch(length: number): Scratch {
  const places = length + 1;
  return {
    next: new Int32Array(places),
    previous: new Int32Array(places),
    pairs: new Int32Array(places),
    // A pair of each two bytes, and two new ones for each merge.
    heap: new Float64Array(3 * places),
  };
}

function mergePairs(table: RankTable, piece: Uint8Array, length: number, room: Scratch): void {
  const { next, previous, pairs, heap } = room;
  let size = 0;
  const rate = (at: number): void => {
    const after = next[at]!;
    const rank = after < length ? table.rankOf(piece, at, next[after]!) : -1;
    pairs[at] = rank;
    if (rank >= 0) pushLeast(heap, size++, rank * PLACES + at);
  };
  for (let at = 0; at <= length; at++) {
    next[at] = at + 1;
    previous[at] = at - 1;
  }
  for (let at = 0; at < length; at++) rate(at);
  while (size > 0) {
    const least = heap[0]!;
    popLeast(heap, --size);
    const at = least % PLACES;
    if (pairs[at] !== (least - at) / PLACES) continue;
    const merged = next[at]!;
    const after = next[merged]!;
    next[at] = after;
    previous[after] = at;
    pairs[merged] = -1;
    rate(at);
    if (at > 0) rate(previous[at]!);
  }
}

/** Adds a number to a heap of `size`. */
function pushLeast(heap: Float64Array, size: number, value: number): void {
  let at = size;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent]! <= value) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = value;
}

/** Takes the least number out of a heap that then has `size`. */
function popLeast(heap: Float64Array, size: number): void {
  const value = heap[size]!;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= size) break;
    if (child + 1 < size && heap[child + 1]! < heap[child]!) child++;
    if (heap[child]! >= value) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = value;
}
