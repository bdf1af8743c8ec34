import { messageOf } from '../kernel/bare-message.ts';
import { checkInteger } from '../kernel/checks.ts';
import { createGates, type GateOptions, type Gates, type Pass } from './gates.ts';
import { IDLE_ROUNDS, idlePause } from './real-turns.ts';

/** Operations that are to be interleaved. They start together, in this order; each runs on to its first gate. */
export type Operations = readonly (() => Promise<unknown>)[];

/** What is run under one schedule after the other. */
export interface Scenario {
  /**
   * Makes new state, and the operations on it, which wait at gates by `pass`. It must do the same each time. Until it
   * is done it goes through gates unhindered, so it may fill a store.
   */
  make(pass: Pass): Operations | Promise<Operations>;
  /**
   * Says what must hold in the end, by throwing where it does not. It too goes through gates unhindered.
   *
   * @param schedule - Labels of the gates in the order they were opened.
   * @param results - What the operations resolved to, in their order.
   */
  check(schedule: readonly string[], results: readonly unknown[]): void | Promise<void>;
}

/** What holds for every schedule of a scenario. */
export interface ScheduleOptions extends GateOptions {
  /** Gates that one schedule may open, at least 1; more than that fails: something waits in a loop. @default 1_000 */
  readonly maxSteps?: number | undefined;
  /**
   * Called while operations are under way and nobody waits at a gate, again and again until something moves, e.g.
   * `() => clock.advance(1_000)`. If nothing has moved after 50 times, that is a deadlock. @default none
   */
  readonly whenBlocked?: (() => void | Promise<void>) | undefined;
}

/** One decision of a schedule: who waited, and which of them went. */
export interface Choice {
  readonly waiting: readonly string[];
  readonly picked: number;
}

/** Labels of the gates in the order they were opened. */
export function labelsOf(choices: readonly Choice[]): string[] {
  return choices.map(({ waiting, picked }) => waiting[picked]!);
}

/** Who goes next, and when. */
export interface Scheduler {
  /** Begins the message of an error. */
  readonly name: string;
  /** Let operations move before the next decision. */
  settle(gates: Gates): Promise<void>;
  pick(waiting: readonly string[], step: number): number;
}

/** A schedule went wrong: its check threw, an operation rejected, or nothing moved any more. `cause` has the reason. */
export class InterleavingError extends Error {
  override readonly name = 'InterleavingError';
  /** Labels of the gates in the order they were opened. */
  readonly schedule: readonly string[];

  /** @internal */
  constructor(message: string, schedule: readonly string[], options?: { readonly cause: unknown }) {
    super(`${message} (schedule: ${schedule.join(' > ') || 'no gate'})`, options);
    this.schedule = schedule;
  }
}

/**
 * Run a scenario once, and check it.
 *
 * @returns The decisions it took.
 * @throws InterleavingError - if it went wrong.
 */
export async function runSchedule(
  scenario: Scenario,
  scheduler: Scheduler,
  options: ScheduleOptions,
): Promise<readonly Choice[]> {
  const { maxSteps = 1_000 } = options;
  checkInteger('maxSteps', maxSteps, { min: 1 });
  const gates = createGates(options);
  const choices: Choice[] = [];
  const fail = (message: string, cause?: unknown): never => {
    const details = cause === undefined ? undefined : { cause };
    throw new InterleavingError(scheduler.name + message, labelsOf(choices), details);
  };
  const running = await start(scenario, gates);
  for (;;) {
    await scheduler.settle(gates);
    const isMoving = gates.waiting.length > 0 || (await moves(gates, running, options));
    const [failure] = running.failures;
    if (failure !== undefined)
      fail(`Operation ${failure.index + 1} rejected: ${messageOf(failure.error)}`, failure.error);
    const { waiting } = gates;
    if (waiting.length === 0) {
      if (running.unfinished.size === 0) break;
      if (isMoving) continue;
      fail(`Deadlock of operation ${[...running.unfinished].map((index) => index + 1).join(' and ')}`);
    }
    if (choices.length === maxSteps) fail(`There is no end after ${maxSteps} gates`);
    const picked = scheduler.pick(waiting, choices.length);
    choices.push({ waiting, picked });
    gates.open(picked);
  }
  running.phase.isGated = false;
  try {
    await scenario.check(labelsOf(choices), running.results);
  } catch (error) {
    fail(messageOf(error), error);
  }
  return choices;
}

/** Operations under way. */
interface Running {
  /** Gates hold nobody up before the operations start, and after they have ended. */
  readonly phase: { isGated: boolean };
  readonly results: unknown[];
  /** Places of those that have not ended. */
  readonly unfinished: Set<number>;
  readonly failures: { readonly index: number; readonly error: unknown }[];
}

async function start(scenario: Scenario, gates: Gates): Promise<Running> {
  const phase = { isGated: false };
  const operations = await scenario.make((label) => (phase.isGated ? gates.pass(label) : Promise.resolve()));
  phase.isGated = true;
  const results: unknown[] = operations.map(() => undefined);
  const running: Running = { phase, results, unfinished: new Set(operations.keys()), failures: [] };
  const run = async (operation: () => Promise<unknown>, index: number): Promise<void> => {
    try {
      results[index] = await operation();
    } catch (error) {
      running.failures.push({ index, error });
    }
    running.unfinished.delete(index);
  };
  for (const [index, operation] of operations.entries()) void run(operation, index);
  return running;
}

/** Whether anything moves that has not yet come to a gate: an operation ends, or somebody comes to one after all. */
async function moves(gates: Gates, running: Running, { whenBlocked }: ScheduleOptions): Promise<boolean> {
  const before = running.unfinished.size;
  const hasMoved = (): boolean => gates.waiting.length > 0 || running.unfinished.size < before;
  // Also where all have ended: they may have left something behind that is on its way to a gate.
  await gates.rest();
  if (before === 0) return hasMoved();
  for (let round = 1; round <= IDLE_ROUNDS && !hasMoved(); round++) {
    await whenBlocked?.();
    await idlePause(round);
    await gates.rest();
  }
  return hasMoved();
}
