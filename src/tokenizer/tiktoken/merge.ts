import { mergePairs, mergeRoom } from '../merge-pairs.ts';
import type { RankTable } from './ranks.ts';

/**
 * Appends the ids of one piece of text: its bytes, of which the pair of neighbours that comes first in the vocabulary is
 * merged, the leftmost of equals, until no pair is in it.
 */
export type MergePiece = (piece: Uint8Array, length: number, ids: number[]) => void;

/** Merges pieces. What it needs to remember is kept from call to call, up to the size of an ordinary piece. */
export function createMerge(table: RankTable): MergePiece {
  let kept = mergeRoom(256);

  return (piece, length, ids) => {
    const whole = table.rankOf(piece, 0, length);
    if (whole >= 0) {
      ids.push(whole);
      return;
    }
    const room = length <= kept.next.length - 1 ? kept : mergeRoom(length);
    if (length <= 4096) kept = room;
    mergePairs((start, _, end) => table.rankOf(piece, start, end), length, room);
    for (let at = 0; at < length; at = room.next[at]!) {
      ids.push(table.rankOf(piece, at, room.next[at]!));
    }
  };
}
