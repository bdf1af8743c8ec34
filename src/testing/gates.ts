import { checkInteger } from '../kernel/checks.ts';
import { realTurns } from './real-turns.ts';

/** Wait at a gate of this name until it is opened. Put one before every step whose order is to vary. */
export type Pass = (label: string) => Promise<void>;

/** Settings of {@link Gates}. */
export interface GateOptions {
  /**
   * Real macrotasks after which operations count as being at rest, at least 1. One is enough for promises alone; allow
   * more where they read bodies or digest bytes. @default 1
   */
  readonly restTurns?: number | undefined;
}

/** Gates that a test opens by hand, one waiter at a time. {@link exploreInterleavings} opens them in every order. */
export interface Gates {
  /** Handed to the code under test. */
  readonly pass: Pass;
  /** Labels of those who wait, in the order they came. */
  readonly waiting: readonly string[];
  /** Let one through: the first who waits at a label, or the one at a place in `waiting`. Fails if there is none. */
  open(which: string | number): void;
  /** Let everybody on: those who wait until nobody does, one after the other, and each brought to rest. */
  openAll(): Promise<void>;
  /** Resolves when promises have done what they can: everybody waits at a gate, for something else, or is done. */
  rest(): Promise<void>;
}

interface Waiter {
  readonly label: string;
  readonly go: () => void;
}

/** @throws TinkerInputError - for an option that cannot be right. */
export function createGates({ restTurns = 1 }: GateOptions = {}): Gates {
  checkInteger('restTurns', restTurns, { min: 1 });
  const waiters: Waiter[] = [];

  const open = (which: string | number): void => {
    const place = typeof which === 'number' ? which : waiters.findIndex(({ label }) => label === which);
    const [waiter] = waiters[place] === undefined ? [] : waiters.splice(place, 1);
    if (waiter === undefined) {
      const there = waiters.map(({ label }) => label).join(', ') || 'nobody';
      throw new Error(`Nobody waits at gate ${JSON.stringify(which)}; waiting: ${there}`);
    }
    waiter.go();
  };
  const rest = (): Promise<void> => realTurns(restTurns);

  return {
    pass: (label) => new Promise((go) => void waiters.push({ label, go })),
    get waiting() {
      return waiters.map(({ label }) => label);
    },
    open,
    async openAll() {
      for (await rest(); waiters.length > 0; await rest()) open(0);
    },
    rest,
  };
}
