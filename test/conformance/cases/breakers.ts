import { encodeUtf8 } from '../../../src/kernel/bytes.ts';
import { seededRandom } from '../../../src/kernel/random.ts';
import {
  acquire,
  type BreakerConfig,
  type BreakerOutcome,
  type BreakerState,
  freshBreaker,
  loadBreaker,
  type Permit,
  resolveBreakerConfig,
  saveBreaker,
  settle,
} from '../../../src/policy/breaker.ts';
import { assertAlike, assertEqual, assertFails, assertTrue, bitsOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';

const OUTCOMES: readonly BreakerOutcome[] = ['success', 'failure', 'failure', 'cancel'];

/** The circuit breaker against the same told plainly. */
export function breakerCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'policy: the breaker does what its rules say, told plainly, in thousands of random steps',
      run() {
        const states: BreakerState[] = [];
        for (let seed = 0; seed < 60; seed++) states.push(...compareWithModel(seed));
        assertTrue(
          'all kinds were seen',
          ['closed', 'open', 'half_open'].every((kind) => states.some((state) => state.kind === kind)),
        );
        return bitsOf(encodeUtf8(JSON.stringify(states)));
      },
    },
    {
      name: 'policy: a breaker’s state comes back from bytes, and garbage is none',
      run() {
        const config = resolveBreakerConfig('circuitBreaker', true);
        for (const state of compareWithModel(77))
          assertAlike(
            'state',
            loadBreaker(saveBreaker(state), 0, { ...config, resetMs: 1e9, leaseMs: 1e9 }),
            state,
          );
        const garbage = [
          '',
          'null',
          '[]',
          '{"version":2}',
          '{"version":1}',
          '\ufeff{}',
          '{"version":1,"epoch":-1}',
        ];
        for (const text of garbage) assertEqual(text, loadBreaker(encodeUtf8(text), 0, config), undefined);
      },
    },
    {
      name: 'policy: a stored opening is no longer than the breaker’s own, whatever the clock that wrote it said',
      run() {
        const config = resolveBreakerConfig('circuitBreaker', { resetMs: 1_000 });
        const far: BreakerState = { ...freshBreaker, kind: 'open', epoch: 1, failures: 99, openUntil: 1e15 };
        const loaded = loadBreaker(saveBreaker(far), 5_000, config);
        assertAlike('loaded', [loaded?.openUntil, loaded?.failures], [6_000, 5]);
      },
    },
    {
      name: 'policy: a breaker’s numbers are checked, naming field, value and bound',
      async run() {
        const wrong = { failureThreshold: 0, resetMs: 0, halfOpenCalls: 1.5, leaseMs: Number.NaN };
        for (const [field, value] of Object.entries(wrong))
          await assertFails(
            field,
            () => resolveBreakerConfig('circuitBreaker', { [field]: value }),
            'TinkerInputError',
            `"circuitBreaker.${field}" must be`,
          );
      },
    },
  ];
}

/** Drive both by the same random steps, and see that they agree. Gives the states on the way. */
function compareWithModel(seed: number): BreakerState[] {
  const random = seededRandom(seed);
  const pick = (most: number): number => Math.floor(random() * most);
  const config = { failureThreshold: 1 + pick(3), resetMs: 50, halfOpenCalls: 1 + pick(2), leaseMs: 80 };
  const model = createModel(config);
  const permits: Permit[] = [];
  const states: BreakerState[] = [];
  let state: BreakerState = freshBreaker;
  let now = 1_000;
  for (let step = 0; step < 60; step++) {
    now += pick(30);
    if (random() < 0.55) {
      const admission = acquire(state, { id: `c${step}`, now }, config);
      state = admission.state;
      const isIn = 'permit' in admission;
      if (isIn) permits.push(admission.permit);
      assertEqual(`seed ${seed}, step ${step}: let in`, isIn, model.ask(`c${step}`, now));
    } else if (permits.length > 0) {
      const [permit] = permits.splice(pick(permits.length), 1) as [Permit];
      const outcome = OUTCOMES[pick(OUTCOMES.length)] as BreakerOutcome;
      state = settle(state, permit, { outcome, now }, config);
      model.tell(permit.id, outcome, now);
    }
    assertEqual(
      `seed ${seed}, step ${step}: kind and failures`,
      `${state.kind} ${state.failures}`,
      model.view(),
    );
    states.push(state);
  }
  return states;
}

/** The rules with everything mutable, and a list of those who may speak in place of epochs. */
function createModel({ failureThreshold, resetMs, halfOpenCalls, leaseMs }: BreakerConfig) {
  let kind: BreakerState['kind'] = 'closed';
  let failures = 0;
  let opensAt = 0;
  let speakers = new Map<string, number>();
  const turn = (next: typeof kind): void => {
    kind = next;
    speakers = new Map();
  };
  return {
    view: () => `${kind} ${failures}`,
    ask(id: string, now: number): boolean {
      if (kind === 'open') {
        if (now < opensAt) return false;
        turn('half_open');
      }
      if (kind === 'half_open') {
        for (const [other, until] of speakers) if (until <= now) speakers.delete(other);
        if (speakers.size >= halfOpenCalls) return false;
      }
      speakers.set(id, now + leaseMs);
      return true;
    },
    tell(id: string, outcome: BreakerOutcome, now: number): void {
      const isHeard = speakers.delete(id);
      if (!isHeard || outcome === 'cancel') return;
      if (outcome === 'success') {
        failures = 0;
        if (kind === 'half_open') turn('closed');
        return;
      }
      failures = Math.min(failures + 1, failureThreshold);
      if (kind === 'closed' && failures < failureThreshold) return;
      turn('open');
      opensAt = now + resetMs;
    },
  };
}
