import { checkInteger } from '../kernel/checks.ts';
import { type RandomSource, seededRandom } from '../kernel/random.ts';
import type { Gates } from './gates.ts';
import { type Choice, labelsOf, runSchedule, type Scenario, type ScheduleOptions } from './schedule-run.ts';

/** Settings of {@link exploreInterleavings}. */
export interface ExploreOptions extends ScheduleOptions {
  /** More schedules than so many fail the exploration; it never stops short in silence. @default 10_000 */
  readonly maxSchedules?: number | undefined;
}

/** Settings of {@link randomInterleavings}. */
export interface RandomOptions extends ScheduleOptions {
  /** How many seeds to try, at least 1. @default 1_000 */
  readonly seeds?: number | undefined;
  /** The first of them; to try one that failed again, give it here with `seeds: 1`. @default 1 */
  readonly firstSeed?: number | undefined;
}

/** Most microtasks between two gates that are opened in a hurry: enough for a few awaits, not for a whole operation. */
const HURRIED_MICROTASKS = 6;

/**
 * Run a scenario once for every order in which its gates can be opened, depth first, and check each. Two operations of
 * two gates each have 6 orders, three of three 1,680. Waiters of one label count as different ones. An operation that
 * rejects fails the exploration: let it catch what is expected.
 *
 * @param make - Makes the scenario afresh: see {@link Scenario.make}.
 * @param check - Throws where something does not hold: see {@link Scenario.check}.
 * @returns How many orders there are; each was run.
 * @throws InterleavingError - for the first schedule that went wrong.
 * @throws TinkerInputError - for an option that cannot be right.
 */
export async function exploreInterleavings(
  make: Scenario['make'],
  check: Scenario['check'],
  options: ExploreOptions = {},
): Promise<{
  /** Orders that were tried: all there are. */
  readonly schedules: number;
}> {
  const { maxSchedules = 10_000 } = options;
  checkInteger('maxSchedules', maxSchedules, { min: 1 });
  let plan: readonly Choice[] = [];
  for (let schedules = 1; ; schedules++) {
    if (schedules > maxSchedules)
      throw new Error(
        `There are more than ${maxSchedules} schedules: raise maxSchedules, or draw some by seeds`,
      );
    const choices = await runSchedule({ make, check }, follower(plan), options);
    if (choices.length < plan.length) throw unsteady([], plan[choices.length]?.waiting);
    const next = nextPlan(choices);
    if (next === undefined) return { schedules };
    plan = next;
  }
}

/**
 * Run a scenario under schedules drawn by seeds, where there are too many orders to try each. Gates are opened at times
 * before everybody is at rest, too. The message of an error names the seed.
 *
 * @param make - Makes the scenario afresh: see {@link Scenario.make}.
 * @param check - Throws where something does not hold: see {@link Scenario.check}.
 * @returns How many schedules were run, and how many of them opened the gates in an order of their own.
 * @throws InterleavingError - for the first schedule that went wrong.
 * @throws TinkerInputError - for an option that cannot be right.
 */
export async function randomInterleavings(
  make: Scenario['make'],
  check: Scenario['check'],
  options: RandomOptions = {},
): Promise<{
  /** Schedules that were run. */
  readonly schedules: number;
  /** Those that opened the gates in an order of their own. */
  readonly distinct: number;
}> {
  const { seeds = 1_000, firstSeed = 1 } = options;
  checkInteger('seeds', seeds, { min: 1 });
  checkInteger('firstSeed', firstSeed);
  const orders = new Set<string>();
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const choices = await runSchedule({ make, check }, drawer(seed), options);
    orders.add(JSON.stringify(labelsOf(choices)));
  }
  return { schedules: seeds, distinct: orders.size };
}

/** Takes the decisions of a plan, and then always the first there is. */
function follower(plan: readonly Choice[]) {
  return {
    name: '',
    settle: (gates: Gates): Promise<void> => gates.rest(),
    pick(waiting: readonly string[], step: number): number {
      const planned = plan[step];
      if (planned === undefined) return 0;
      if (planned.waiting.join() === waiting.join()) return planned.picked;
      throw unsteady(waiting, planned.waiting);
    },
  };
}

function unsteady(now: readonly string[], before: readonly string[] = []): Error {
  return new Error(`The scenario does not do the same each time: [${now}] wait where [${before}] did before`);
}

/** The decisions up to the last one that could have been another, and that one next. */
function nextPlan(choices: readonly Choice[]): readonly Choice[] | undefined {
  const before = [...choices];
  for (let last = before.pop(); last !== undefined; last = before.pop()) {
    if (last.picked + 1 < last.waiting.length) return [...before, { ...last, picked: last.picked + 1 }];
  }
  return undefined;
}

/** Takes decisions by a seed. */
function drawer(seed: number) {
  const random = seededRandom(seed);
  return {
    name: `Seed ${seed}: `,
    async settle(gates: Gates): Promise<void> {
      if (random() < 0.5) return gates.rest();
      for (let left = below(HURRIED_MICROTASKS, random); left > 0; left--) await undefined;
    },
    pick: (waiting: readonly string[]): number => below(waiting.length, random),
  };
}

function below(limit: number, random: RandomSource): number {
  return Math.floor(random() * limit);
}
