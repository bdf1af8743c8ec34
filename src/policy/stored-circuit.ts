import { encodeUtf8 } from '../kernel/bytes.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Storage } from '../storage/storage.ts';
import {
  type Admission,
  acquire,
  type BreakerConfig,
  type BreakerOutcome,
  type BreakerState,
  holdOpen,
  loadBreaker,
  type Permit,
  readRow,
  saveBreaker,
  settle,
} from './breaker.ts';

/** Whoever decides for a circuit: this context alone, or together with others through a store. */
export interface CircuitKeeper {
  acquire(id: string): Promise<Admission>;
  settle(permit: Permit, outcome: BreakerOutcome): Promise<void>;
}

/** A breaker's state as far as this context knows it. */
export interface CircuitMirror {
  readonly state: BreakerState;
  set(next: BreakerState): void;
}

/** What every keeper needs. */
export interface KeeperOptions {
  readonly clock: Clock;
  readonly config: BreakerConfig;
  readonly mirror: CircuitMirror;
}

/** Where a circuit is kept for other contexts. */
export interface StoreOptions {
  readonly storageKey: string;
  /** Guarded: it may miss, but neither throws nor hangs, nor comes to an update when it is too late. */
  readonly storage: Storage;
}

/** How long a row outlives the last write to it. */
const ROW_TTL_MS = 86_400_000;

/** Least time between two looks at a hint. */
const HINT_PERIOD_MS = 1_000;

/** Keep it in memory. */
export function createMemoryKeeper(options: KeeperOptions): CircuitKeeper {
  return {
    acquire: async (id) => acquireHere(options, id),
    async settle(permit, outcome) {
      settleHere(options, permit, outcome);
    },
  };
}

/** No promise: nothing can come between reading and writing. */
function acquireHere({ clock, config, mirror }: KeeperOptions, id: string): Admission {
  const admission = acquire(mirror.state, { id, now: clock.now() }, config);
  mirror.set(admission.state);
  return admission;
}

/** No promise, as above. @returns whether it was this outcome that opened the circuit. */
function settleHere(
  { clock, config, mirror }: KeeperOptions,
  permit: Permit,
  outcome: BreakerOutcome,
): boolean {
  const before = mirror.state;
  mirror.set(settle(before, permit, { outcome, now: clock.now() }, config));
  return mirror.state.kind === 'open' && mirror.state.epoch !== before.epoch;
}

/**
 * Keep it in a store with an atomic `update`: the stored state is the truth, and every decision that changes it is
 * taken within one update. Where the store is in trouble, decisions are taken on what this context knows.
 *
 * @param update - The store's own, bound to it.
 */
export function createStrictKeeper(
  { clock, config, mirror }: KeeperOptions,
  { storageKey, storage }: StoreOptions,
  update: NonNullable<Storage['update']>,
): CircuitKeeper {
  /** How many decisions were taken without the store so far. */
  let missed = 0;
  /** The epoch of which this context knows more than the store, which missed a decision. Of later ones the store is heard. */
  let aheadIn: number | undefined;
  /** Epochs only grow. Where this context is ahead, the store missed something: it was in trouble, or lost its row. */
  const latest = (bytes: Uint8Array | undefined): BreakerState => {
    const stored = loadBreaker(bytes, clock.now(), config);
    const { epoch } = mirror.state;
    const oldest = epoch === aheadIn ? epoch + 1 : epoch;
    return stored === undefined || stored.epoch < oldest ? mirror.state : stored;
  };

  async function read(): Promise<BreakerState> {
    mirror.set(latest(await storage.get(storageKey)));
    return mirror.state;
  }

  async function decide<T extends { readonly state: BreakerState }>(
    step: (state: BreakerState) => T,
  ): Promise<T> {
    let decision: T | undefined;
    let known = missed;
    const written = await update(
      storageKey,
      (bytes) => {
        const state = latest(bytes);
        const next = step(state);
        known = missed;
        decision = state === mirror.state ? undefined : next;
        return saveBreaker(next.state);
      },
      { ttlMs: ROW_TTL_MS },
    );
    if (written === undefined) missed += 1;
    const isAhead = missed !== known;
    // What began with this context's own state is done to it now: others may have changed it during the update. So is
    // what the store decided before it missed something.
    const result = isAhead || decision === undefined ? step(mirror.state) : decision;
    mirror.set(result.state);
    aheadIn = isAhead ? result.state.epoch : undefined;
    return result;
  }

  return {
    async acquire(id) {
      const step = (state: BreakerState): Admission => acquire(state, { id, now: clock.now() }, config);
      const state = await read();
      return state.kind === 'closed' ? step(state) : decide(step);
    },
    async settle(permit, outcome) {
      const step = (state: BreakerState) => ({
        state: settle(state, permit, { outcome, now: clock.now() }, config),
      });
      if (permit.kind === 'call' && outcome === 'cancel') return;
      const state = await read();
      // Nearly every call: nothing to change, so nothing to write.
      if (step(state).state !== state) await decide(step);
    },
  };
}

/**
 * Count in memory, and share no more than the end of an opening through a store that cannot read and write in one
 * step. Each context probes for itself, so that there are never more probes under way than contexts times
 * `halfOpenCalls`.
 */
export function createHintKeeper(
  options: KeeperOptions,
  { storageKey, storage }: StoreOptions,
): CircuitKeeper {
  const { clock, config, mirror } = options;
  let nextLookAt = Number.NEGATIVE_INFINITY;
  let look: Promise<void> | undefined;
  /** The hint that was obeyed, or given, last: obeyed again, one from a wrong clock would open the circuit for ever. */
  let known: number | undefined;
  /** The latest this context knows of by itself. */
  let own = 0;

  async function heed(): Promise<void> {
    const hint = loadHint(await storage.get(storageKey));
    const now = clock.now();
    if (hint === undefined || hint <= now || hint === known || mirror.state.kind !== 'closed') return;
    known = hint;
    mirror.set(holdOpen(mirror.state, hint, now, config));
  }

  /** Calls that come during a look wait for it; those between two looks do not wait at all. */
  function lookForHint(): Promise<void> | undefined {
    if (look !== undefined || clock.monotonic() < nextLookAt) return look;
    nextLookAt = clock.monotonic() + HINT_PERIOD_MS;
    look = heed().finally(() => {
      look = undefined;
    });
    return look;
  }

  async function giveHint(): Promise<void> {
    own = mirror.state.openUntil;
    const theirs = loadHint(await storage.get(storageKey)) ?? 0;
    // Another opening may have been told of meanwhile: `own` is asked only now, so that the later one stays.
    known = Math.min(Math.max(theirs, own), clock.now() + config.resetMs);
    await storage.set(storageKey, saveHint(known), { ttlMs: ROW_TTL_MS });
  }

  return {
    async acquire(id) {
      if (mirror.state.kind === 'closed') await lookForHint();
      return acquireHere(options, id);
    },
    async settle(permit, outcome) {
      if (settleHere(options, permit, outcome)) await giveHint();
    },
  };
}

function saveHint(openUntil: number): Uint8Array<ArrayBuffer> {
  return encodeUtf8(JSON.stringify({ version: 1, openUntil }));
}

function loadHint(bytes: Uint8Array | undefined): number | undefined {
  const until = readRow(bytes)?.['openUntil'];
  return typeof until === 'number' && Number.isFinite(until) ? until : undefined;
}
