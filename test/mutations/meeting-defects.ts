import { type Mutation, mutationsOf } from './mutation.ts';

/** Bugs where two parts meet: most of them were real, and found by review. */
export const MEETING_DEFECTS: readonly Mutation[] = [
  ...mutationsOf(
    'operations/polling/poll.ts',
    ['unit/operations', 'unit/transport/pipeline.test.ts'],
    [
      [
        'a wait goes beyond the deadline',
        'Math.min(unsettled.waitMs ?? paced.delayMs, leftMs)',
        'unsettled.waitMs ?? paced.delayMs',
      ],
      [
        'an answer that waited for a connection is a long poll',
        'elapsedMs: now - (sentAt ?? now)',
        'elapsedMs: now',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/polling/poll-judge.ts',
    ['unit/operations/poll.test.ts'],
    [
      [
        'a bill is asked for at the pace of failures',
        "return { kind: 'limited', status, waitMs: BILLING_RETRY_MS };",
        "return { kind: 'limited', status };",
      ],
      ['a body’s hint is not heard', 'hintMs: hintMs ?? pending.hintMs', 'hintMs: undefined'],
    ],
  ),
  ...mutationsOf(
    'operations/polling/poll-request.ts',
    ['unit/operations', 'unit/transport/pipeline.test.ts'],
    [['the python pace pauses others', "isDeafToHints: pollPolicy.kind === 'python',", '']],
  ),
  ...mutationsOf(
    'operations/account.ts',
    ['unit/operations/poll.test.ts'],
    [
      [
        'a server that holds polls opens their circuit',
        "ignoresTimeouts: lane === 'poll'",
        'ignoresTimeouts: false',
      ],
    ],
  ),
  ...mutationsOf(
    'policy/circuit.ts',
    ['unit/policy/circuit.test.ts', 'unit/operations/poll.test.ts', 'integration/hard-cases.test.ts'],
    [
      [
        'a held probe starves the others',
        "return kind === 'probe' ? 'success' : 'cancel';",
        "return 'cancel';",
      ],
      [
        'a missing key opens the circuit',
        "if (isTinkerError(error, 'connection_failed') && error.isLocal) return 'cancel';",
        '',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/runtime.ts',
    [
      'unit/operations/runtime.test.ts',
      'integration/hard-cases.test.ts',
      'integration/sampling-limits.test.ts',
    ],
    [
      [
        'a request’s budget runs while it waits for another’s pause',
        'waitedMs = (sentAt ?? clock.monotonic()) - startedAt;',
        '',
      ],
      [
        'those that were refused together come back together',
        'leftMs + random() * Math.min(SPREAD_MS, leftMs / 4)',
        'leftMs',
      ],
      [
        'each sample waits for a payment by itself',
        "if (lane === 'sample') account.windows.sample.set(BILLING_RETRY_MS);",
        '',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/sampling-dispatch.ts',
    ['integration/sampling-limits.test.ts'],
    [
      [
        'a stuck sample is never found',
        'return await progress.run(scope.signal, (signal) => work({ ...scope, signal }));',
        'return await work(scope);',
      ],
      [
        'pressure is forgotten with the pause',
        'runtime.account.windows.sample.isRecent;',
        'runtime.account.windows.sample.remainingMs > 0;',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/run-operation.ts',
    ['integration/sampling-limits.test.ts', 'integration/hard-cases.test.ts'],
    [
      [
        'a lost sample is submitted anew at once',
        'await sleep(runtime.clock, resubmitDelay(resubmissions, runtime.random), scope.signal);',
        '',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/api-future.ts',
    ['integration/sampling-limits.test.ts', 'integration/hard-cases.test.ts'],
    [['what never began is told as a failure', '#wasAborted = true;', '#wasAborted = false;']],
  ),
  ...mutationsOf(
    'transport/transport.ts',
    ['unit/operations/waiting-cost.test.ts', 'unit/transport/transport.test.ts'],
    [
      [
        'a poll that waits holds all that ky made for it',
        'resolve(transmit(built as Request, parts));',
        'const answer = transmit(built as Request, parts);\n          resolve(answer);\n          await answer;',
      ],
      ['an answer is taken for a refused connection', 'isAnswered = true;', ''],
    ],
  ),
  ...mutationsOf(
    'kernel/inner-abort.ts',
    ['unit/kernel/inner-abort.test.ts'],
    [['one listener that throws keeps the others from hearing of the abort', ' call(next);', ' next();']],
  ),
  ...mutationsOf(
    'operations/operation-view.ts',
    ['integration/hard-cases.test.ts', 'unit/operations/api-future.test.ts'],
    [
      ['a time-out invites to do it twice', '|| fate.isInFlight || fate.isUnknown', ''],
      ['the status of a lost connection is not told', 'this.#lastStatus = 0;', ';'],
    ],
  ),
  ...mutationsOf(
    'operations/session.ts',
    ['unit/operations/session.test.ts'],
    [
      ['a heartbeat hangs for a minute', 'timeoutMs: HEARTBEAT_TIMEOUT_MS', 'timeoutMs: 60_000'],
      [
        'a waking during a heartbeat is lost',
        'if (ring === undefined) isMissed = true;',
        'if (ring === undefined) isMissed = false;',
      ],
      [
        'a lost session is taken for a missing route',
        'if (!wasHeard && isRouteMissing(error)) {',
        'if (isRouteMissing(error)) {',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/scope.ts',
    ['unit/operations/scope.test.ts', 'integration/abort-and-close.test.ts'],
    [['close does not wait for what runs', 'await Promise.allSettled(left);', '']],
  ),
  ...mutationsOf(
    'operations/shared-limits.ts',
    ['integration/sampling-limits.test.ts'],
    [
      [
        'clients that should share do not',
        'byKey.get(apiKey) ?? createEntry(options)',
        'createEntry(options)',
      ],
    ],
  ),
  ...mutationsOf(
    'transport/pipeline.ts',
    [
      'unit/transport/pipeline.test.ts',
      'integration/two-clients-one-store.test.ts',
      'integration/fault-matrix.test.ts',
    ],
    [
      ['another context’s pause is not heard of', 'await window.refresh(waitSignal);', ''],
      ['a request goes out for who left while the key was fetched', 'waitSignal.throwIfAborted();', ''],
    ],
  ),
  ...mutationsOf(
    'transport/classify.ts',
    ['unit/transport/classify.test.ts'],
    [
      [
        'the server’s word on retries is ignored',
        "if (wish === 'true' || wish === 'false') return wish === 'true';",
        '',
      ],
    ],
  ),
  ...mutationsOf(
    'policy/backoff.ts',
    ['unit/policy/backoff.test.ts'],
    [['retries come too early', '(1 - 0.25 * random())', '(1 - 0.5 * random())']],
  ),
  ...mutationsOf(
    'policy/stored-circuit.ts',
    ['unit/policy/circuit-contexts.test.ts'],
    [
      [
        'a store that missed something turns the circuit back',
        'stored === undefined || stored.epoch < oldest',
        'stored === undefined',
      ],
    ],
  ),
  ...mutationsOf(
    'kernel/wake.ts',
    ['unit/kernel/wake.test.ts'],
    [['the return of the network is not heard', "[scope, 'online', callback],", '']],
  ),
  ...mutationsOf(
    'client/options.ts',
    ['unit/client/options.test.ts'],
    [
      [
        'a probe counts as lost while its attempt runs',
        'leaseMs: Math.max(config.leaseMs, 2 * attemptTimeoutMs)',
        'leaseMs: config.leaseMs',
      ],
    ],
  ),
  ...mutationsOf(
    'client/training-client.ts',
    ['unit/client', 'integration/hard-cases.test.ts'],
    [['a pass is parted from its step', "{ ...options, onLimit: 'wait' }", 'options']],
  ),
  ...mutationsOf(
    'client/lost-save.ts',
    ['integration/lost-save.test.ts'],
    [
      [
        'an old checkpoint is taken for the one just saved',
        'savedAt >= since - CLOCK_TOLERANCE_MS',
        'savedAt !== since',
      ],
    ],
  ),
];
