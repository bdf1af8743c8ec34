import { type Mutation, mutationsOf } from './mutation.ts';

/** The defects that the review of Tinkex named (seed.txt), and those its text disputes but our platform has. */
export const REVIEW_DEFECTS: readonly Mutation[] = [
  ...mutationsOf(
    'policy/poll-pacing.ts',
    ['unit/policy/poll-pacing.test.ts', 'unit/operations/poll.test.ts'],
    [
      [
        'P1: a failing server is polled without a pause',
        'return equalJitter(failures - immediateRepeats, firstMs, maxMs, random);',
        'return 0;',
      ],
      [
        'P1: the pause grows with all polls, not with failures in a row',
        'return { failures: 0, limits: 0, hurried: hurried + 1 };',
        'return { failures, limits, hurried: hurried + 1 };',
      ],
      ['P1: the server’s hint is ignored', 'usableHint(outcome.hintMs) ?? adaptiveDelay', 'adaptiveDelay'],
    ],
  ),
  ...mutationsOf(
    'operations/polling/poll.ts',
    ['unit/operations/poll.test.ts'],
    [
      [
        'P1: a zero wait is none, and a transport that answers from memory starves timers and aborts',
        'await sleep(clock, Math.min(unsettled.waitMs ?? paced.delayMs, leftMs), signal);',
        'if (paced.delayMs > 0) await sleep(clock, Math.min(unsettled.waitMs ?? paced.delayMs, leftMs), signal);',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/api-future.ts',
    ['unit/operations/api-future.test.ts', 'integration/fault-matrix.test.ts'],
    [
      [
        'P0: a crash in the background is heard by nobody',
        'reportFailure(runtime, spec.path, view.requestId, error, this.#wasAborted);',
        '',
      ],
      ['P0: what has ended is kept for ever', 'forget();', ''],
    ],
  ),
  ...mutationsOf(
    'operations/scope.ts',
    ['unit/operations/scope.test.ts', 'integration/fault-matrix.test.ts'],
    [
      ['P0: an operation that ended stays in flight', '.finally(() => running.delete(controller))', ''],
      ['P0: a listener stays on the caller’s signal', 'unsubscribe?.();', ''],
      ['P0: a timer outlives its operation', 'cancel?.();', ''],
    ],
  ),
  ...mutationsOf(
    'kernel/event-queue.ts',
    ['unit/kernel/event-queue.test.ts'],
    [['P0: unread events pile up', 'if (waiting.length <= capacity) return;', 'return;']],
  ),
  ...mutationsOf(
    'policy/stored-circuit.ts',
    ['unit/policy/circuit.test.ts', 'unit/policy/circuit-contexts.test.ts'],
    [
      [
        'P1: reading and writing the breaker are two steps, and updates of two contexts are lost',
        'const state = latest(bytes);',
        'const state = mirror.state;',
      ],
    ],
  ),
  ...mutationsOf(
    'policy/breaker.ts',
    ['unit/policy/breaker.test.ts', 'unit/policy/circuit.test.ts'],
    [
      [
        'V3: every caller finds the half-open place free',
        "if (kind === 'closed' || probes.length < config.halfOpenCalls) return now;",
        'return now;',
      ],
      [
        'V3: a result from before the outage closes a half-open breaker',
        'if (permit.epoch !== state.epoch) return state;',
        '',
      ],
      [
        'V3: a lost probe keeps its place for ever',
        'probes: state.probes.filter(({ leaseUntil }) => leaseUntil > now)',
        'probes: state.probes',
      ],
    ],
  ),
  ...mutationsOf(
    'policy/circuit.ts',
    ['unit/policy/circuit.test.ts'],
    [
      [
        'V3: a call that throws is not counted',
        "UNSENT.includes(error.code) ? 'cancel' : 'failure'",
        "UNSENT.includes(error.code) ? 'cancel' : 'cancel'",
      ],
      [
        'V3: an aborted probe says something about the server',
        "outcome = signal.aborted ? 'cancel' : judge(error, permit);",
        'outcome = judge(error, permit);',
      ],
    ],
  ),
  ...mutationsOf(
    'policy/byte-budget.ts',
    ['unit/policy/byte-budget.test.ts'],
    [
      ['P2: a released budget wakes nobody', 'used -= bytes;', 'used -= 0;'],
      ['V4: a double release creates budget', 'if (!isHeld) return;', ''],
    ],
  ),
  ...mutationsOf(
    'kernel/waiting-line.ts',
    ['unit/kernel/waiting-line.test.ts', 'unit/transport/lanes.test.ts'],
    [['V4: an aborted waiter keeps its place', 'leave(place);', '']],
  ),
  ...mutationsOf(
    'policy/rate-window.ts',
    ['unit/policy/rate-window.test.ts'],
    [
      [
        'D3: a shorter pause overwrites a longer one',
        'if (!(end > now && end > endsAt)) return false;',
        'if (!(end > now)) return false;',
      ],
      ['D3: a success clears a newer pause', 'if (seen === generation) endsAt', 'endsAt'],
      ['D3: waiters do not look again', 'leftMs > 0; leftMs = remainingMs()) {', 'leftMs > 0; leftMs = 0) {'],
      ['D3: all that waited start together', 'place ??= random();', 'place ??= 0;'],
    ],
  ),
];
