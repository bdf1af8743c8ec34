import { LANES, type Lane } from '../kernel/lane.ts';
import { createWaitingLine } from '../kernel/waiting-line.ts';
import type { ConnectionBudget } from './connection-budget.ts';

/** A lane at this moment. */
export interface LaneGauge {
  /** Requests under way. */
  readonly inFlight: number;
  /** Requests that wait for a connection; one that aborted does not. */
  readonly waiting: number;
}

/** Shares out the connections, in the order asked for within a lane, with no timer. */
export interface Lanes {
  /**
   * Run `work` when a connection is free for its lane. An abort while waiting leaves at once, with the signal's
   * reason, and `work` never starts. Once it runs it is waited for, and keeps its connection until it settles.
   */
  run<T>(lane: Lane, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
  /** All lanes, counted now. */
  snapshot(): Readonly<Record<Lane, LaneGauge>>;
}

const eachLane = <T>(make: () => T): Record<Lane, T> => ({
  session: make(),
  train: make(),
  sample: make(),
  poll: make(),
  rest: make(),
});

/**
 * Idle {@link Lanes}. What a server answers soon must not wait for what it holds (tinkex M2):
 *
 * - `session` never waits, and one connection is kept for it.
 * - `poll` keeps to its own number, and leaves one of the others' connections free.
 * - `train`, `sample` and `rest` have all but the session's, before `poll`. Where several wait they take turns.
 *
 * @param budget - Of at least 3 connections, as `connectionBudget` makes it.
 */
export function createLanes({ total, polls }: ConnectionBudget): Lanes {
  const inFlight = eachLane(() => 0);
  const lines = eachLane(() => createWaitingLine<Lane>());
  /** The one whose turn is longest ago comes first. */
  let turns: readonly Lane[] = ['train', 'sample', 'rest', 'poll'];

  const hasRoom = (lane: Lane): boolean => {
    if (lane === 'session') return true;
    const free = total - 1 - inFlight.train - inFlight.sample - inFlight.poll - inFlight.rest;
    // Where another lane waits one is free at most: so polls come last without a rule of their own.
    return lane === 'poll' ? free > 1 && inFlight.poll < polls : free > 0;
  };
  /** One end makes room for one start, so whoever could start without it already has. */
  const admitNext = (): void => {
    const next = turns.find((lane) => lines[lane].size > 0 && hasRoom(lane));
    if (next === undefined) return;
    turns = [...turns.filter((lane) => lane !== next), next];
    inFlight[next] += 1;
    lines[next].callFirst();
  };
  /** Settles one microtask after the connection is theirs, waited for or not: so nobody starts before its turn. */
  const enter = (lane: Lane, signal: AbortSignal): Promise<void> => {
    if (!hasRoom(lane)) return lines[lane].wait(signal, lane);
    inFlight[lane] += 1;
    return Promise.resolve();
  };

  return {
    async run(lane, signal, work) {
      signal.throwIfAborted();
      await enter(lane, signal);
      try {
        // It may have aborted in the microtask between.
        signal.throwIfAborted();
        return await work();
      } finally {
        inFlight[lane] -= 1;
        admitNext();
      }
    },
    snapshot() {
      const gauges = LANES.map((lane) => [lane, { inFlight: inFlight[lane], waiting: lines[lane].size }]);
      return Object.fromEntries(gauges) as Record<Lane, LaneGauge>;
    },
  };
}
