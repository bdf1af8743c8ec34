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
  /** To be called first in each call of the store. @throws Error - what failed in the background since. */
  tend(): void;
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

const newLine = {
  entry: undefined,
  freeAt: Number.NEGATIVE_INFINITY,
  turn: 0,
  refusals: 0,
  outstanding: undefined,
};

/** From the answer to one write to the next, so that they are as far apart where the store counts them. */
const PERIOD_MS = 1_000;

/** Without an answer for so long, a write is taken for lost: whoever made it was ended, and with it its promises. */
const LOST_MS = 30_000;

/** They are 1, 2, 4 and 8 s apart: in all no longer than a Worker may live on. */
const MAX_REFUSALS = 4;

/**
 * Keep each key's writes in order and a second apart. No timer runs but for what is yet to be written, and none is
 * relied on: where a request's end took it along, the next call of the store does its work.
 */
export function createWriteBehind<T>(options: WriteBehindOptions<T>): WriteBehind<T> {
  const { clock, random, send, isTooSoon, waitUntil } = options;
  const lines = new Map<string, Line<T>>();
  let failure: Error | undefined;

  /** @throws Error - the store's. */
  async function attempt(key: string, line: Line<T>, turn: number): Promise<void> {
    const entry = line.entry as T;
    let waitMs = PERIOD_MS;
    let isRefused = false;
    line.freeAt = clock.monotonic() + LOST_MS;
    try {
      await send(key, entry);
    } catch (error) {
      isRefused = isTooSoon(error) && line.refusals < MAX_REFUSALS;
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

  /** Write whatever is there when the key is free, until nothing is. */
  async function drain(key: string, line: Line<T>, turn: number): Promise<void> {
    let failed: Error | undefined;
    while (line.turn === turn && line.entry !== undefined) {
      const waitMs = line.freeAt - clock.monotonic();
      await new Promise<void>((resolve) => void clock.schedule(resolve, waitMs));
      if (line.turn !== turn) break;
      try {
        await attempt(key, line, turn);
      } catch (cause) {
        failed = new Error(`A write of "${key}" failed in the background: ${messageOf(cause)}`, { cause });
        failure ??= failed;
      }
    }
    if (line.turn === turn) line.outstanding = undefined;
    if (failed !== undefined) throw failed;
  }

  /** Become the one who looks after a line. @returns the write that is made at once. */
  function takeOver(key: string, line: Line<T>, isFree: boolean): Promise<void> | undefined {
    line.turn += 1;
    const { turn } = line;
    const first = isFree ? attempt(key, line, turn) : undefined;
    // Who asked for the first write hears of it.
    const begun = first?.catch(() => {}) ?? Promise.resolve();
    line.outstanding = begun.then(() => drain(key, line, turn));
    line.outstanding.catch(() => {});
    return first;
  }

  const keepAlive = ({ outstanding }: Line<T>): void => {
    if (outstanding !== undefined) waitUntil?.(outstanding);
  };

  return {
    tend() {
      const now = clock.monotonic();
      for (const [key, line] of lines) {
        if (now < line.freeAt) continue;
        if (line.entry === undefined) lines.delete(key);
        else {
          void takeOver(key, line, false);
          keepAlive(line);
        }
      }
      const told = failure;
      failure = undefined;
      if (told !== undefined) throw told;
    },
    unwritten: (key) => lines.get(key)?.entry,
    async write(key, entry) {
      const line: Line<T> = lines.get(key) ?? { ...newLine };
      lines.set(key, line);
      line.entry = entry;
      const isFree = clock.monotonic() >= line.freeAt;
      const first = isFree || line.outstanding === undefined ? takeOver(key, line, isFree) : undefined;
      keepAlive(line);
      await first;
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
