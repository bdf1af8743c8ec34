import type { Storage } from '../storage/storage.ts';
import { assertEqual } from './assertions.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** Time for a store to live through: a {@link VirtualClock}, or anything else that can let it pass. */
export type StorageTime = Pick<VirtualClock, 'advance'>;

/** One thing every store must do, whatever it keeps its values in. */
export interface StorageCase {
  /** What it must do. */
  readonly name: string;
  /** Left out for stores without an atomic `update`. */
  readonly needs?: 'update';
  /** Left out for stores whose time cannot be moved, or that keep values longer than they are told. */
  readonly needsTime?: true;
  /**
   * Try it on a fresh store; rejects with what it found wrong.
   *
   * @param time - Moves the store's time; cases without `needsTime` do without.
   */
  run(storage: Storage, time?: StorageTime): Promise<void>;
}

/** Short for bytes. */
export const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(values);

/** Let time pass that is known to be movable. */
export async function pass(time: StorageTime | undefined, ms: number): Promise<void> {
  if (time === undefined) throw new Error('This case needs a time that can be moved');
  await time.advance(ms);
}

/** See that a store has this value, or none, under a key. */
export async function assertKept(
  storage: Storage,
  key: string,
  expected: Uint8Array | undefined,
): Promise<void> {
  assertEqual(`get(${key.length > 20 ? `…${key.slice(-2)}` : key})`, await storage.get(key), expected);
}
