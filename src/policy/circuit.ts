import { raceAbort } from '../kernel/abort.ts';
import type { Clock } from '../kernel/clock.ts';
import type { CircuitKind, EventSink } from '../kernel/diagnostics.ts';
import { isTinkerError, type TinkerErrorCode } from '../kernel/errors.ts';
import { TinkerCircuitOpenError } from '../kernel/limit-errors.ts';
import type { Storage } from '../storage/storage.ts';
import { admitsAt, type BreakerConfig, type BreakerOutcome, freshBreaker, type Permit } from './breaker.ts';
import {
  type CircuitKeeper,
  type CircuitMirror,
  createHintKeeper,
  createMemoryKeeper,
  createStrictKeeper,
} from './stored-circuit.ts';

/** What {@link createCircuit} needs. */
export interface CircuitOptions {
  /** Address and kind of request, as errors and events call it. */
  readonly name: string;
  /** Key of its row in the store: at most 512 bytes, and no credential in it. */
  readonly storageKey: string;
  readonly clock: Clock;
  readonly config: BreakerConfig;
  readonly emit: EventSink;
  /** The server may hold these requests on purpose (long polls): a time-out says nothing about it. @default false */
  readonly ignoresTimeouts?: boolean | undefined;
  /** Makes ids that no other context makes. */
  readonly createId: () => string;
  /**
   * Shares the circuit with other contexts: all of it where the store has `update`, else only until when it is open,
   * and each context counts and probes for itself. Guarded: it may miss, but neither throws nor hangs. @default none
   */
  readonly storage?: Storage | undefined;
}

/** A circuit as far as this context knows it. */
export interface CircuitSnapshot {
  readonly kind: CircuitKind;
  /** Failures in a row. */
  readonly failures: number;
  /** Milliseconds until it is worth asking; 0 where nothing is held back. */
  readonly retryAfterMs: number;
}

/** Lets calls through while their upstream is well. */
export interface Circuit {
  /**
   * Do `work` if the circuit lets it, and hear what becomes of it. A failure of the upstream is no answer at all, one
   * that makes no sense, or a 5xx; an abort, and errors from before the sending, say nothing. Nothing is held, in the
   * store or elsewhere, while `work` runs, but a probe's place.
   *
   * @throws TinkerCircuitOpenError - `work` was not called.
   */
  run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>;
  snapshot(): CircuitSnapshot;
  /** Results that came when the state they were let in under was over; they moved nothing. */
  readonly staleResults: number;
}

/** A closed circuit, or, from the first call on, what the store says. No timer, and no call to the store before. */
export function createCircuit(options: CircuitOptions): Circuit {
  const { name, clock, config, createId } = options;
  const mirror = createMirror(options);
  const keeper = createKeeper(options, mirror);
  let staleResults = 0;

  async function admit(): Promise<Permit> {
    const admission = await keeper.acquire(createId());
    if ('permit' in admission) return admission.permit;
    throw new TinkerCircuitOpenError(name, Math.max(0, admission.retryAtMs - clock.now()));
  }

  /** A store may take its time, and an abort does not wait for it: the place is given back when it comes. */
  async function enter(signal: AbortSignal): Promise<Permit> {
    const admitted = admit();
    try {
      return await raceAbort(signal, admitted);
    } catch (error) {
      if (signal.aborted) {
        void admitted.then(
          (permit) => keeper.settle(permit, 'cancel'),
          () => {},
        );
      }
      throw error;
    }
  }

  function judge(error: unknown, { kind }: Permit): BreakerOutcome {
    if (options.ignoresTimeouts !== true || !isTinkerError(error, 'timed_out')) return outcomeOf(error);
    // A probe that is held has reached a server that works. Left open, the one who is held would take the place again
    // and again, and nobody else's turn would come.
    return kind === 'probe' ? 'success' : 'cancel';
  }

  return {
    async run(signal, work) {
      signal.throwIfAborted();
      const permit = await enter(signal);
      let outcome: BreakerOutcome = 'success';
      try {
        signal.throwIfAborted();
        return await work();
      } catch (error) {
        outcome = signal.aborted ? 'cancel' : judge(error, permit);
        throw error;
      } finally {
        if (permit.epoch !== mirror.state.epoch) staleResults += 1;
        const settled = keeper.settle(permit, outcome);
        // A store may take its time, and an abort does not wait for it.
        if (signal.aborted) settled.catch(() => {});
        else await settled;
      }
    },
    snapshot() {
      const { kind, failures } = mirror.state;
      const now = clock.now();
      const retryAfterMs = Math.max(0, admitsAt(mirror.state, now, config) - now);
      return { kind, failures, retryAfterMs };
    },
    get staleResults() {
      return staleResults;
    },
  };
}

/** Tells of each change of kind it sees, whoever made it. */
function createMirror({ name, emit }: CircuitOptions): CircuitMirror {
  let state = freshBreaker;
  return {
    get state() {
      return state;
    },
    set(next) {
      const from = state.kind;
      const { kind: to, failures } = next;
      state = next;
      if (from !== to) emit({ type: 'circuit', circuit: name, from, to, failures });
    },
  };
}

function createKeeper(options: CircuitOptions, mirror: CircuitMirror): CircuitKeeper {
  const { clock, config, storage, storageKey } = options;
  const needs = { clock, config, mirror };
  if (storage === undefined) return createMemoryKeeper(needs);
  const update = storage.update?.bind(storage);
  const store = { storage, storageKey };
  return update === undefined ? createHintKeeper(needs, store) : createStrictKeeper(needs, store, update);
}

/** Errors of ours from before anything was sent. */
const UNSENT: readonly TinkerErrorCode[] = ['input_invalid', 'limit_reached', 'circuit_open'];

/** A server that answers is alive, whatever it thinks of the request. */
function outcomeOf(error: unknown): BreakerOutcome {
  if (isTinkerError(error, 'http_status')) return error.status >= 500 ? 'failure' : 'success';
  if (isTinkerError(error, 'connection_failed') && error.isLocal) return 'cancel';
  return isTinkerError(error) && UNSENT.includes(error.code) ? 'cancel' : 'failure';
}
