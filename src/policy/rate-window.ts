import { raceAbort, sleep } from '../kernel/abort.ts';
import { decodeUtf8, encodeUtf8 } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import type { RandomSource } from '../kernel/random.ts';
import type { Storage } from '../storage/storage.ts';
import { MAX_HINT_MS } from './retry-after.ts';

/** How long a pause is remembered after its end, in milliseconds (protocol 5.7). */
const MEMORY_MS = 10_000;
/** Those who waited start spread over this time, or a quarter of the pause where that is less, in milliseconds. */
export const SPREAD_MS = 1_000;
/** Least time between two looks into the store, in milliseconds. */
const READ_EVERY_MS = 250;
/** Lifetime of what is stored, in milliseconds. */
const KEPT_MS = 120_000;

/** What {@link createRateWindow} needs. */
export interface RateWindowOptions {
  readonly clock: Clock;
  readonly random: RandomSource;
  /** Shares the pause with other contexts; one whose trouble is told elsewhere. @default none: it stays here */
  readonly storage?: Storage | undefined;
  /** Where in the store. @default none: it stays here */
  readonly storageKey?: string | undefined;
}

/** A pause that a server asked for, kept by all who ask it. */
export interface RateWindow {
  /**
   * Pause for so many milliseconds from now, at most a minute. A pause that ends later stands; one of no time is none.
   */
  set(pauseMs: number): void;
  /** Counts the moves of the pause's end. A request notes it when it starts. */
  readonly generation: number;
  /**
   * A request that started at this generation succeeded: the pause is over, unless it has moved since. It is
   * remembered all the same, and those who already wait sleep on, or they would start together.
   */
  clear(generation: number): void;
  /** What is left of the pause, in milliseconds. */
  readonly remainingMs: number;
  /** Whether there is a pause, or was one within the last ten seconds. */
  readonly isRecent: boolean;
  /**
   * Wait for the end of the pause, wherever it moves meanwhile, and up to a second more, so that not all start at once.
   * Rejects with the signal's reason when it aborts.
   */
  wait(signal: AbortSignal): Promise<void>;
  /**
   * Learn of pauses that other contexts were asked for; call it before {@link wait}. Reads the store at most once every
   * 250 ms, for all callers together. Rejects only with the signal's reason.
   */
  refresh(signal?: AbortSignal): Promise<void>;
  /** Its state, for those who watch. */
  snapshot(): { readonly remainingMs: number; readonly isRecent: boolean };
}

/**
 * The window in which nothing may be sent: one for all clients of an account and lane. It makes no timer but those of
 * its waiters. Where the store has `update` no context loses another's pause; elsewhere the shorter of two that are
 * asked for at the same time may win.
 */
export function createRateWindow(options: RateWindowOptions): RateWindow {
  const { clock, random } = options;
  let openedAt = 0;
  let endsAt = Number.NEGATIVE_INFINITY;
  let generation = 0;

  const remainingMs = (): number => Math.max(0, endsAt - clock.monotonic());
  const isRecent = (): boolean => clock.monotonic() - endsAt < MEMORY_MS;
  const extend = (pauseMs: number): boolean => {
    const now = clock.monotonic();
    const end = now + Math.min(pauseMs, MAX_HINT_MS);
    if (!(end > now && end > endsAt)) return false;
    if (endsAt <= now) openedAt = now;
    endsAt = end;
    generation += 1;
    return true;
  };
  const shared = sharePauses(options, extend);

  return {
    set(pauseMs) {
      if (extend(pauseMs)) shared?.publish(Math.min(pauseMs, MAX_HINT_MS));
    },
    get generation() {
      return generation;
    },
    clear(seen) {
      if (seen === generation) endsAt = Math.min(endsAt, clock.monotonic());
    },
    get remainingMs() {
      return remainingMs();
    },
    get isRecent() {
      return isRecent();
    },
    async wait(signal) {
      signal.throwIfAborted();
      let place: number | undefined;
      for (let leftMs = remainingMs(); leftMs > 0; leftMs = remainingMs()) {
        place ??= random();
        const lateMs = place * Math.min(SPREAD_MS, (endsAt - openedAt) / 4);
        // At least a millisecond, or a rest that was lost in rounding would make it spin.
        await sleep(clock, Math.max(1, leftMs + lateMs), signal);
      }
    },
    async refresh(signal) {
      signal?.throwIfAborted();
      const reading = shared?.read();
      if (reading !== undefined) await (signal === undefined ? reading : raceAbort(signal, reading));
    },
    snapshot: () => ({ remainingMs: remainingMs(), isRecent: isRecent() }),
  };
}

/** What is stored of a pause. Its length, because the clock that wrote `endsAt` may be wrong. */
interface StoredPause {
  /** Wall time. */
  readonly endsAt: number;
  readonly pauseMs: number;
}

interface SharedPauses {
  /** Tell the others. Never fails. */
  publish(pauseMs: number): void;
  /** Hear the others; `undefined` where that was done a moment ago. Never rejects. */
  read(): Promise<void> | undefined;
}

/** @param hear - Told how much of another context's pause is left, once for each pause. */
function sharePauses(
  { clock, storage, storageKey: key }: RateWindowOptions,
  hear: (leftMs: number) => void,
): SharedPauses | undefined {
  if (storage === undefined || key === undefined) return undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  let unwritten: StoredPause | undefined;
  let isWriting = false;
  /** End of the pause last heard or written: taken again, a wrong clock's would never end, and a cleared one return. */
  let knownEnd: number | undefined;

  const look = async (): Promise<void> => {
    const pause = decodePause(await storage.get(key));
    if (pause === undefined || pause.endsAt === knownEnd) return;
    knownEnd = pause.endsAt;
    hear(Math.min(pause.endsAt - clock.now(), pause.pauseMs));
  };

  const later = (theirs: StoredPause | undefined, ours: StoredPause): StoredPause => {
    // An end farther ahead than anything is kept is a wrong clock's, and must not hide ours.
    const isPlausible = theirs !== undefined && theirs.endsAt <= clock.now() + KEPT_MS;
    if (isPlausible && theirs.endsAt > ours.endsAt) return theirs;
    knownEnd = ours.endsAt;
    return ours;
  };
  const write = async (ours: StoredPause): Promise<void> => {
    const lifetime = { ttlMs: KEPT_MS };
    if (storage.update !== undefined) {
      await storage.update(key, (current) => encodePause(later(decodePause(current), ours)), lifetime);
    } else if (later(decodePause(await storage.get(key)), ours) === ours) {
      await storage.set(key, encodePause(ours), lifetime);
    }
  };
  /** One write at a time: hundreds of requests may be refused at once, and only the last end counts. */
  const writeAll = async (): Promise<void> => {
    if (isWriting) return;
    isWriting = true;
    for (let pause = unwritten; pause !== undefined; pause = unwritten) {
      unwritten = undefined;
      await write(pause).catch(ignore);
    }
    isWriting = false;
  };

  return {
    publish(pauseMs) {
      unwritten = { endsAt: clock.now() + pauseMs, pauseMs };
      void writeAll();
    },
    read() {
      const now = clock.monotonic();
      if (reading === undefined && now - readAt >= READ_EVERY_MS) {
        readAt = now;
        reading = look()
          .catch(ignore)
          .finally(() => {
            reading = undefined;
          });
      }
      return reading;
    },
  };
}

/** A store's trouble is told by its guard, and costs no request anything. */
function ignore(): void {}

function encodePause({ endsAt, pauseMs }: StoredPause): Uint8Array {
  return encodeUtf8(JSON.stringify({ v: 1, endsAt, pauseMs }));
}

/** `undefined` for anything that this version did not write. */
function decodePause(bytes: Uint8Array | undefined): StoredPause | undefined {
  if (bytes === undefined) return undefined;
  try {
    const { v, endsAt, pauseMs } = JSON.parse(decodeUtf8(bytes)) as StoredPause & { readonly v: unknown };
    const isPause = v === 1 && Number.isFinite(endsAt) && Number.isFinite(pauseMs) && pauseMs > 0;
    return isPause ? { endsAt, pauseMs } : undefined;
  } catch {
    return undefined;
  }
}
