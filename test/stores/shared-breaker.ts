import { decodeUtf8 } from '../../src/kernel/bytes.ts';
import {
  acquire,
  type BreakerState,
  freshBreaker,
  loadBreaker,
  saveBreaker,
  settle,
} from '../../src/policy/breaker.ts';
import type { Context } from './contexts.ts';
import { demand } from './demand.ts';
import { type CommittedStep, SHARED_BREAKER } from './settle-outcomes.ts';

/** Outcomes that each context settles. */
const CIRCUITS = 5;
const OUTCOMES_OF_EACH = 100;
/** Fewer turns between the contexts would show that they did not work at the same time. */
const LEAST_TURNS = 20;

/**
 * Two contexts settle 500 random outcomes each on one stored circuit. The row counts its writes, so each context knows
 * which of all the steps were its own; reduced in that order, they must give the very bytes that are stored.
 */
export async function shareBreaker(contexts: readonly [Context, Context], database: string): Promise<void> {
  const sides = await Promise.all(
    contexts.map((context, index) =>
      context.call('settleOutcomes', {
        database,
        context: index + 1,
        circuits: CIRCUITS,
        outcomes: OUTCOMES_OF_EACH,
      }),
    ),
  );
  const steps = sides.flat().sort((one, other) => one.order - other.order);
  const { order, row } = await contexts[0].call('readBreaker', { database });
  const lost = steps.findIndex((step, index) => step.order !== index + 1);
  demand(lost === -1, `step ${lost + 1} was lost, or counted twice`);
  demand(order === steps.length, `the store counts ${order} steps, the contexts ${steps.length}`);
  const model = decodeUtf8(saveBreaker(reduce(steps)));
  demand(row === model, `stored is ${row}, the model has ${model}`);
  checkLively(steps);
}

function reduce(steps: readonly CommittedStep[]): BreakerState {
  let state = freshBreaker;
  for (const { step, now } of steps) {
    // As the keeper does with what it finds.
    state = loadBreaker(saveBreaker(state), now, SHARED_BREAKER) ?? state;
    state =
      step.kind === 'acquire'
        ? acquire(state, { id: step.id, now }, SHARED_BREAKER).state
        : settle(state, step.permit, { outcome: step.outcome, now }, SHARED_BREAKER);
  }
  return state;
}

/** It proves nothing where one context was done before the other began, or where hardly anything was written. */
function checkLively(steps: readonly CommittedStep[]): void {
  const turns = steps.filter(
    ({ context }, index) => index > 0 && steps[index - 1]?.context !== context,
  ).length;
  demand(turns >= LEAST_TURNS, `the contexts took turns only ${turns} times in ${steps.length} steps`);
  const outcomes = steps.filter(({ step }) => step.kind === 'settle').length;
  demand(outcomes >= CIRCUITS * OUTCOMES_OF_EACH, `only ${outcomes} outcomes were written`);
}
