import { systemClock } from '../kernel/clock.ts';

/** Rounds in which nothing moved after which nothing will: some 40 ms. */
export const IDLE_ROUNDS = 50;
/** The first of them take no time. */
const HASTY_ROUNDS = 10;

/** Real turns of the event loop: whatever promises had to do before each is done when it comes. */
export async function realTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await realPause(0);
}

/**
 * What to wait when nothing has moved in so many rounds. The platform may be at work on another thread, on a digest or
 * a body, and turns that take no time would be over before it.
 */
export async function idlePause(round: number): Promise<void> {
  if (round > HASTY_ROUNDS) await realPause(1);
}

function realPause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    systemClock.schedule(resolve, ms);
  });
}
