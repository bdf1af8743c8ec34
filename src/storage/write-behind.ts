import { messageOf } from '../kernel/bare-message.ts';
import type { Clock } from '../kernel/clock.ts';
import type { RandomSource } from '../kernel/random.ts';

/** What {@link createWriteBehind} needs. */
export interface WriteBehindOptions<T> {
  readonly clock: Clock;
  /** Spreads the writes of contexts that were refused together. */
  readonly random: RandomSource;
  /** Write it to the store. */
  readonly send: (key: string, entry: T) => Promise<void>;
  /** Whether a write was refused only because the key had been written a moment ago, by another context. */
  readonly isTooSoon: (error: unknown) => boolean;
  /** Given the promise of what is outstanding, with each write. It rejects if that fails; nobody has to hear it. */
  readonly waitUntil?: ((outstanding: Promise<void>) => void) | undefined;
}

/** Writes to a store that takes one a second and key. */
export interface WriteBehind<T> {
  /**
   * To be called first in each call of the store. Writes what should have gone out before, but for the key that is about
   * to be written anyway.
   *
   * @returns what is to be waited for in the end, where there is no `waitUntil` to keep the context alive.
   * @throws Error - what failed in the background since.
   */
  tend(own?: string): Promise<unknown> | undefined;
  /** What was asked for last under a key, until the store has it. */
  unwritten(key: string): T | undefined;
  /**
   * Write at once, if the key was not written within the last second, and reject if that fails. Else it resolves at
   * once, and the entry goes out when the second is over, unless another takes its place.
   */
  write(key: string, entry: T): Promise<void>;
}

interface Line<T> {
  entry: T | undefined;
  /** `monotonic()` from which the key may be written again. */
  freeAt: number;
  /** Who looks after the line; others leave it alone. */
  turn: number;
  /** In a row, for being too soon. */
  refusals: number;
  /** Settles when nothing is outstanding; `undefined` then. */
  outstanding: Promise<void> | undefined;
}

/** From the answer to one write to the next, so that they are as far apart where the store counts them. */
const PERIOD_MS = 1_000;

/** Without an answer for so long, a write is taken for lost: whoever made it was ended, and with it its promises. */
const LOST_MS = 30_000;

/** They are at least 1, 2, 4 and 8 s apart, and at most twice that: in all no longer than a Worker may live on. */
const MAX_REFUSALS = 4;

/**
 * Keep each key's writes in order and a second apart. No timer runs but for what is yet to be written, and none is
 * relied on: where a request's end took it along, the next call of the store does its work.
 */
export function createWriteBehind<T>(options: WriteBehindOptions<T>): WriteBehind<T> {
  const { clock, random, send, isTooSoon, waitUntil } = options;
  const lines = new Map<string, Line<T>>();
  let failure: Error | undefined;
  const newLine = (): Line<T> => ({
    entry: undefined,
    freeAt: Number.NEGATIVE_INFINITY,
    turn: 0,
    refusals: 0,
    outstanding: undefined,
  });

  /** @throws Error - the store's. */
  async function attempt(key: string, line: Line<T>, turn: number): Promise<void> {
    const entry = line.entry as T;
    let waitMs = PERIOD_MS;
    let isRefused = false;
    line.freeAt = clock.monotonic() + LOST_MS;
    try {
      await send(key, entry);
    } catch (error) {
      // Or somebody else has taken over, and answers for it.
      isRefused = line.turn !== turn || (isTooSoon(error) && line.refusals < MAX_REFUSALS);
      if (!isRefused) throw error;
      waitMs *= 2 ** line.refusals * (1 + random());
    } finally {
      if (line.turn === turn) {
        line.refusals = isRefused ? line.refusals + 1 : 0;
        line.freeAt = clock.monotonic() + waitMs;
        if (!isRefused && line.entry === entry) line.entry = undefined;
      }
    }
  }

  function fail(key: string, cause: unknown): Error {
    const error = new Error(`A write of "${key}" failed in the background: ${messageOf(cause)}`, { cause });
    failure ??= error;
    return error;
  }

  /** After `first`, write whatever is there when the key is free, until nothing is. */
  async function drain(
    key: string,
    line: Line<T>,
    turn: number,
    first: Promise<unknown> | undefined,
  ): Promise<void> {
    let failed = await first;
    while (line.turn === turn && line.entry !== undefined) {
      const waitMs = line.freeAt - clock.monotonic();
      await new Promise<void>((resolve) => void clock.schedule(resolve, waitMs));
      if (line.turn === turn)
        await attempt(key, line, turn).catch((cause) => {
          failed = fail(key, cause);
        });
    }
    if (line.turn === turn) line.outstanding = undefined;
    if (failed !== undefined) throw failed;
  }

  /**
   * Become the one who looks after a line.
   *
   * @param onFailure - Told if the write that is made at once fails.
   * @returns that write, if the key is free.
   */
  function takeOver(
    key: string,
    line: Line<T>,
    isFree: boolean,
    onFailure: (cause: unknown) => Error | undefined,
  ): Promise<void> | undefined {
    line.turn += 1;
    const { turn } = line;
    const first = isFree ? attempt(key, line, turn) : undefined;
    line.outstanding = drain(key, line, turn, first?.catch(onFailure));
    line.outstanding.catch(() => {});
    waitUntil?.(line.outstanding);
    return first;
  }

  return {
    tend(own) {
      if (failure !== undefined) {
        const told = failure;
        failure = undefined;
        throw told;
      }
      const now = clock.monotonic();
      const overdue: unknown[] = [];
      for (const [key, line] of lines) {
        if (now < line.freeAt || key === own) continue;
        if (line.entry === undefined) lines.delete(key);
        else overdue.push(takeOver(key, line, true, (cause) => fail(key, cause)));
      }
      // Nothing else keeps this request alive until they are written.
      return waitUntil === undefined ? Promise.allSettled(overdue) : undefined;
    },
    unwritten: (key) => lines.get(key)?.entry,
    async write(key, entry) {
      const line = lines.get(key) ?? newLine();
      lines.set(key, line);
      line.entry = entry;
      const isFree = clock.monotonic() >= line.freeAt;
      // Who asked for the first write hears of it.
      if (isFree || line.outstanding === undefined) await takeOver(key, line, isFree, () => undefined);
      else waitUntil?.(line.outstanding);
    },
  };
}
