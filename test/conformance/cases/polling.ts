import { seededRandom } from '../../../src/kernel/random.ts';
import { createBillingPause } from '../../../src/policy/billing-pause.ts';
import { freshPacing, type PollOutcome, pacePoll } from '../../../src/policy/poll-pacing.ts';
import { type PollPolicyOption, resolvePollPolicy } from '../../../src/policy/poll-policy.ts';
import { createProgressWatch } from '../../../src/policy/progress-watch.ts';
import { assertAlike, assertEqual, assertFails, assertTrue, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { patientClock } from '../patience.ts';

/** How fast results are asked for, and how long is waited for what does not come. */
export function pollingCases(): readonly ConformanceCase[] {
  return [...paceCases(), ...patienceCases()];
}

const KINDS: readonly PollOutcome['kind'][] = ['pending', 'paused', 'timeout', 'failing', 'limited'];

/** Outcomes as a server in trouble gives them, the same every time. */
function anyOutcomes(): readonly PollOutcome[] {
  const random = seededRandom(21);
  return Array.from({ length: 400 }, () => {
    const kind = KINDS[Math.floor(random() * KINDS.length)] as PollOutcome['kind'];
    const elapsedMs = random() < 0.2 ? 40_000 : Math.floor(random() * 50);
    return { kind, status: 200, elapsedMs, ...(random() < 0.1 && { hintMs: random() * 90_000 }) };
  });
}

function delaysOf(option: PollPolicyOption, outcomes: readonly PollOutcome[]): readonly number[] {
  const policy = resolvePollPolicy('pollPolicy', option);
  const random = seededRandom(22);
  let pacing = freshPacing;
  return outcomes.map((outcome) => {
    const next = pacePoll(pacing, outcome, policy, random);
    pacing = next.pacing;
    return next.delayMs;
  });
}

const repeated = (kind: PollOutcome['kind'], elapsedMs: number, status: number): readonly PollOutcome[] =>
  Array.from({ length: 12 }, () => ({ kind, elapsedMs, status }));

function paceCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'policy: the pace of polling is the same in every engine, whatever the server answers',
      run() {
        const delays = delaysOf('adaptive', anyOutcomes());
        assertTrue(
          'within 0 and a minute',
          delays.every((delay) => delay >= 0 && delay <= 60_000),
        );
        return textOf(delays);
      },
    },
    {
      name: 'policy: long polls follow each other at once, fast failures three times and then ever more slowly',
      run() {
        assertTrue(
          'long polls',
          delaysOf('adaptive', repeated('timeout', 45_000, 408)).every((delay) => delay === 0),
        );
        const failures = delaysOf('adaptive', repeated('failing', 3, 503));
        assertAlike('the first three', failures.slice(0, 3), [0, 0, 0]);
        for (const [i, delay] of failures.slice(3).entries()) {
          const whole = Math.min(1_000 * 2 ** i, 30_000);
          assertTrue(`pause ${i}`, delay >= whole / 2 && delay <= whole);
        }
        return textOf(failures);
      },
    },
    {
      name: 'policy: the official pace waits only after a 429, and a pace of one’s own is asked each time',
      run() {
        const python = delaysOf('python', [...repeated('failing', 3, 503), ...repeated('limited', 3, 429)]);
        const doubled = [1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30, 30].map((seconds) => 1_000 * seconds);
        assertEqual('delays', python, [...new Array<number>(12).fill(0), ...doubled]);
        const own = delaysOf(
          ({ consecutive, status }) => consecutive * 10 + status,
          repeated('failing', 3, 500),
        );
        assertEqual('of one’s own', own.slice(0, 3), [510, 520, 530]);
      },
    },
    {
      name: 'policy: a pace that cannot be is refused, naming field, value and bound',
      async run() {
        const wrong: readonly (readonly [unknown, string])[] = [
          ['fast', '"pollPolicy" must be "adaptive", "python"'],
          [{ firstMs: 0 }, '"pollPolicy.firstMs" must be a finite number > 0, got 0'],
          [{ firstMs: 10, maxMs: 5 }, '"pollPolicy.maxMs" must be a finite number >= 10, got 5'],
        ];
        for (const [option, words] of wrong)
          await assertFails(
            textOf(option),
            () => resolvePollPolicy('pollPolicy', option as 'python'),
            'TinkerInputError',
            words,
          );
        const bad = (): unknown => delaysOf(() => Number.NaN, repeated('failing', 3, 500));
        await assertFails(
          'NaN of one’s own',
          bad,
          'TinkerInputError',
          '"pollPolicy()" must be a finite number',
        );
      },
    },
  ];
}

function patienceCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'policy: work counts as stuck when none of it succeeds for the limit, and not before',
      async run() {
        const clock = patientClock(0);
        const watch = createProgressWatch({ clock, limitMs: 1_000 });
        const { signal } = new AbortController();
        const stuckAt: number[] = [];
        const hang = (): Promise<never> => new Promise(() => {});
        const stuck = [1, 2].map(() =>
          watch.run(signal, hang).catch((error: Error) => {
            assertEqual('error', error.name, 'TinkerTimeoutError');
            stuckAt.push(clock.monotonic());
          }),
        );
        await clock.advance(900);
        await watch.run(signal, async () => 'progress');
        await clock.drive(Promise.all(stuck));
        assertEqual('when', stuckAt, [1_900, 1_900]);
        assertAlike('what is left', [clock.pending, watch.running], [0, 0]);
      },
    },
    {
      name: 'policy: a bill is waited for up to its limit, and told of once a minute',
      async run() {
        const clock = patientClock(0);
        const told: number[] = [];
        const pause = createBillingPause({
          clock,
          emit: () => told.push(clock.monotonic()),
          maxPauseMs: 200_000,
        });
        let waits = 0;
        while (pause.heard('pay')) {
          waits += 1;
          await clock.advance(5_000);
        }
        assertEqual('waits', waits, 41);
        assertEqual('told', told, [0, 60_000, 120_000, 180_000]);
        return textOf([waits, told, pause.pausedMs]);
      },
    },
  ];
}
