/** The place of an entry of the heap in its number; the rank is what is left. */
const PLACES = 2 ** 29;

/** Rank of the pair of neighbours `start` to `middle` and `middle` to `end`; -1 where they are not merged. */
export type RankPair = (start: number, middle: number, end: number) => number;

/** What merging needs to remember, with room for pieces of some length. */
export interface MergeRoom {
  /** Where the part after the part that starts here starts: what comes of merging. */
  readonly next: Int32Array;
  /** Where the part before the part that starts here starts. */
  readonly previous: Int32Array;
  /** Rank of the part that starts here merged with the next one; -1 where they are not merged. */
  readonly pairs: Int32Array;
  /** Ranks and places of pairs, least first; what no longer agrees with `pairs` is out of date. */
  readonly heap: Float64Array;
}

/** Room for pieces of at most this length. */
export function mergeRoom(length: number): MergeRoom {
  const places = length + 1;
  return {
    next: new Int32Array(places),
    previous: new Int32Array(places),
    pairs: new Int32Array(places),
    // A pair of each two parts, and two new ones for each merge.
    heap: new Float64Array(3 * places),
  };
}

/**
 * Merges the pair of neighbours of least rank, the leftmost of equals, until none is left that has a rank; at first each
 * place from 0 to `length` starts a part. By a heap of pairs, so that n places take n log n steps: a line of 100,000 equal
 * letters is one piece. The parts are then in `room.next`.
 */
export function mergePairs(rankOf: RankPair, length: number, room: MergeRoom): void {
  const { next, previous, pairs, heap } = room;
  let size = 0;
  const rate = (at: number): void => {
    const middle = next[at]!;
    const rank = middle < length ? rankOf(at, middle, next[middle]!) : -1;
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
