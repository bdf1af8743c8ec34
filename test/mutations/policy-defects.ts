import { type Mutation, mutationsOf } from './mutation.ts';

/** Other ways in which the reliability core could break. */
export const POLICY_DEFECTS: readonly Mutation[] = [
  ...mutationsOf(
    'policy/poll-pacing.ts',
    ['unit/policy/poll-pacing.test.ts'],
    [
      [
        'a limit in between does not start the failures afresh',
        'return { failures: 0, limits: limits + 1, hurried };',
        'return { failures, limits: limits + 1, hurried };',
      ],
      [
        'a failure in between does not start the limits afresh',
        'return { failures: failures + 1, limits: 0, hurried };',
        'return { failures: failures + 1, limits, hurried };',
      ],
      [
        'a long poll is followed by a pause',
        'elapsedMs >= longPollMs) return freshPacing;',
        'elapsedMs > longPollMs) return freshPacing;',
      ],
      ['a paused operation is asked for at once', 'Math.max(spacing, PAUSED_MS)', 'spacing'],
    ],
  ),
  ...mutationsOf(
    'policy/retry-after.ts',
    ['unit/policy'],
    [
      ['a hostile hint parks the client', 'Math.min(hintMs, MAX_HINT_MS)', 'hintMs'],
      ['a hint of no time makes a loop spin', 'hintMs > 0 ?', 'hintMs >= 0 ?'],
    ],
  ),
  ...mutationsOf(
    'policy/retry.ts',
    ['unit/policy/retry.test.ts', 'unit/operations/runtime.test.ts'],
    [
      [
        'waiting for a payment uses up the retries',
        'endsAt += pause?.isFree === true ? tookMs + pause.delayMs : (options.waitedMs?.() ?? 0);',
        'endsAt += options.waitedMs?.() ?? 0;',
      ],
      ['an error of the caller’s own is retried', '|| error === signal.reason', ''],
      [
        'waits go beyond the deadline',
        'Math.max(0, deadlineAt - clock.monotonic())',
        'Number.POSITIVE_INFINITY',
      ],
      ['a permanent 500 is retried for minutes', 'if (permanent !== undefined) throw permanent;', ''],
    ],
  ),
  ...mutationsOf(
    'policy/status-rules.ts',
    ['unit/policy/status-rules.test.ts', 'unit/operations/poll.test.ts', 'readme'],
    [
      ['the poll of a broken future goes on one longer', 'poll500: { count: 10,', 'poll500: { count: 11,'],
      ['a lost result is asked for, for ever', "'410': 'expired'", "'410': 'slow_down'"],
      ['a future whose server is down for a minute is given up', 'lastingMs: 1_800_000', 'lastingMs: 60_000'],
    ],
  ),
  ...mutationsOf(
    'policy/repetition.ts',
    ['unit/policy/repetition.test.ts', 'unit/operations/poll.test.ts'],
    [
      ['different failures count as the same', 'mark === undefined || mark !== last', 'mark === undefined'],
      [
        'an open circuit keeps a permanent 500 alive',
        "if (error.code === 'circuit_open') return undefined;",
        '',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/submission-fate.ts',
    ['unit/operations/turns.test.ts', 'integration/fault-matrix.test.ts', 'integration/hard-cases.test.ts'],
    [
      [
        'a request of unknown fate leaves a hole',
        'this.isUnknown ||= this.isInFlight && !isRefusal(error);',
        '',
      ],
      [
        'a request that never left costs the client',
        'this.isUnknown ||= this.isInFlight && !',
        'this.isUnknown ||= !',
      ],
      [
        'a 429 costs the client of who does not want to wait',
        "if (isTinkerError(error, 'limit_reached')) return true;",
        '',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/numbered-submission.ts',
    ['unit/operations/turns.test.ts', 'integration/fault-matrix.test.ts'],
    [
      [
        'a second gradient on a server that does not know a number again',
        '|| (fate.isUnknown && !runtime.serverDeduplicates)',
        '',
      ],
      [
        'the caller’s abort cuts an attempt whose fate matters',
        'attemptSignal: turn.signal,',
        'attemptSignal: caller.signal,',
      ],
      [
        'the caller’s abort leaves a lost request unknown',
        'if (caller.signal.aborted && !fate.isUnknown && !fate.isInFlight) waiting',
        'if (caller.signal.aborted) waiting',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/turns.ts',
    ['unit/operations/turns.test.ts', 'integration/fault-matrix.test.ts'],
    [
      ['numbers go on after one is lost', 'if (poison !== undefined) throw poison;', ''],
      ['a number is used twice', 'nextId += slots.length;', ''],
      ['a step is sent although its pass was not', 'batch.precondition?.();', ''],
    ],
  ),
  ...mutationsOf(
    'operations/session.ts',
    ['unit/operations/session.test.ts'],
    [
      ['a heartbeat keeps a finished program alive', '{ background: true }', '{}'],
      ['a waking is told three times', '< WAKE_INTERVAL_MS) return;', '< 0) return;'],
      ['a listener stays after the session', 'alarm.dispose();', ''],
      ['silence is not told', 'if (silentMs > SILENCE_MS)', 'if (silentMs > SILENCE_MS * 2)'],
      [
        'a server without heartbeats loses its sessions',
        'if (!wasHeard && isRouteMissing(error)) {',
        'if (false as boolean) {',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/sampling-dispatch.ts',
    ['integration/sampling-limits.test.ts'],
    [
      ['permits are not given back', 'for (const release of held.reverse()) release();', ''],
      ['pressure does not weigh', 'isUnderPressure ? bytes * PRESSURE_WEIGHT : bytes', 'bytes'],
      [
        'the pause does not depend on the size',
        'bytes <= SMALL_BYTES ? SMALL_PAUSE_MS : LARGE_PAUSE_MS',
        'SMALL_PAUSE_MS',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/permit.ts',
    ['integration/sampling-limits.test.ts'],
    [
      ['onLimit: throw waits', "if (onLimit === 'throw') {", 'if (false as boolean) {'],
      ['every waiting call is an event', 'if (limit.waiting === 0)', 'if (limit.waiting >= 0)'],
    ],
  ),
  ...mutationsOf(
    'transport/pipeline.ts',
    ['unit/operations', 'integration/sampling-limits.test.ts', 'unit/transport/pipeline.test.ts'],
    [
      ['a 429 pauses nobody', 'window.set(pauseMs);', ''],
      [
        'what waited for a connection goes out in a pause',
        'if (window.remainingMs > 0) return undefined;',
        '',
      ],
      ['the circuit is not asked', 'circuits[lane]?.run(waitSignal, send) ?? send()', 'send()'],
      [
        'an attempt goes beyond the deadline',
        'Math.min(request.timeoutMs, leftMs + DEADLINE_MARGIN_MS)',
        'request.timeoutMs',
      ],
    ],
  ),
  ...mutationsOf(
    'transport/lanes.ts',
    ['unit/transport/lanes.test.ts'],
    [
      ['heartbeats wait behind long polls', "if (lane === 'session') return true;", ''],
      [
        'polls take the last connection',
        'free > 1 && inFlight.poll < polls',
        'free > 0 && inFlight.poll < polls',
      ],
      ['one lane starves the others', 'turns = [...turns.filter((lane) => lane !== next), next];', ''],
    ],
  ),
  ...mutationsOf(
    'operations/queue-observer.ts',
    ['unit/operations/queue-observer.test.ts'],
    [
      [
        'a thousand waiting samples are a thousand events',
        'now - reportedAt < REPORT_INTERVAL_MS',
        'false as boolean',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/shared-limits.ts',
    ['integration/sampling-limits.test.ts'],
    [['the accounts of closed clients are kept', 'byKey.delete(apiKey);', '']],
  ),
  ...mutationsOf(
    'storage/guarded.ts',
    ['unit/storage/guarded.test.ts', 'integration/two-clients-one-store.test.ts'],
    [['a store that hangs delays every request', 'restsUntil = clock.monotonic() + restMs;', '']],
  ),
  ...mutationsOf(
    'transport/redact.ts',
    ['unit/transport/redact.test.ts', 'integration/redaction.test.ts'],
    [
      [
        'the request hangs on the error, its key with it',
        'const { name, message, stack, cause } = thrown;',
        'return thrown; const { name, message, stack, cause } = thrown;',
      ],
    ],
  ),
  ...mutationsOf(
    'policy/progress-watch.ts',
    ['unit/policy/progress-watch.test.ts'],
    [['a stuck sample keeps a finished program alive', '{ background: true }', '{}']],
  ),
  ...mutationsOf(
    'policy/billing-pause.ts',
    ['unit/policy/billing-pause.test.ts'],
    [['a bill is waited for, for ever', 'pausedMs > maxPauseMs', 'pausedMs > maxPauseMs * 1e9']],
  ),
  ...mutationsOf(
    'operations/operation-view.ts',
    ['unit/operations/api-future.test.ts'],
    [['the same state is told again and again', 'if (isNews) this.#tell', 'this.#tell']],
  ),
];
