import { type Mutation, mutationsOf } from './mutation.ts';

/** The protocol's less trodden paths: settings, tokens, forms of a body, chunks, large results, resuming, states. */
export const PROTOCOL_DEFECTS: readonly Mutation[] = [
  ...mutationsOf(
    'operations/settings.ts',
    ['unit/operations/settings.test.ts', 'unit/client/server-settings.test.ts'],
    [
      ['each first request asks for the settings', 'asking ??= ask()', 'asking = ask()'],
      ['settings are asked for again and again', 'isKnown = true;', ''],
      ['a server that failed once is never asked again', 'asking = undefined;', ';'],
      ['a server without settings serves nobody', 'status === 501 ||', ''],
      ['a wrong key goes unnoticed', '[401, 402, 403, 408, 429]', '[402, 408, 429]'],
      ['a broken route stops all clients', '|| failures < MAX_FAILURES', '|| true'],
      ['an outage makes up the settings', 'mayBeBroken(error) ? failures + 1 : 0', 'failures + 1'],
      ['the user’s settings lose', 'current = { ...config, ...own };', 'current = { ...own, ...config };'],
      ['limits of the server are not kept', 'parts.apply(current);', ''],
      ['the abort of one ends the asking for all', 'return raceAbort(signal, asking);', 'return asking;'],
      [
        'dynamic settings are asked for without a pause',
        'Math.max(MIN_REFRESH_MS, intervalMs)',
        'intervalMs',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/token-exchange.ts',
    ['unit/operations/token-exchange.test.ts'],
    [
      ['each request exchanges the key', 'exchanging ??= scopes', 'exchanging = scopes'],
      ['a short life is exchanged all the time', 'Math.min(REFRESH_MS, lifetimeMs / 2)', 'REFRESH_MS'],
      ['a token is used beyond its end', 'Math.min(LAST_USE_MS, lifetimeMs / 5)', '0'],
      ['a failing exchange on the side is tried with each request', '&& now - triedAt >= RETRY_MS', ''],
      [
        'a failing exchange is waited for by each request',
        'exchanging === undefined && now < failedUntil',
        'false as boolean',
      ],
      ['a token that slept is used for hours', 'clock.now() - askedAt.wall', '0'],
      [
        'a clock that is ahead exchanges the key for each request',
        'saidMs > 0 ? saidMs : IMPOSSIBLE_LIFETIME_MS',
        'saidMs',
      ],
      [
        'one failure is told by all who waited',
        'throw error;\n    }',
        "emit({ type: 'token_refresh_failed', message: '' });\n      throw error;\n    }",
      ],
    ],
  ),
  ...mutationsOf(
    'kernel/json-web-token.ts',
    ['unit/kernel/json-web-token.test.ts', 'unit/operations/token-exchange.test.ts'],
    [
      [
        'a wrong local clock decides',
        'return leftMs > 0 && leftMs < wholeMs - ROUNDING_MS ? leftMs : wholeMs;',
        'return leftMs;',
      ],
      [
        'a token that was given before is used beyond its end',
        'return leftMs > 0 && leftMs < wholeMs - ROUNDING_MS ? leftMs : wholeMs;',
        'return wholeMs;',
      ],
      [
        'a token with letters beyond ASCII is none',
        "payload.replace(/-/g, '+').replace(/_/g, '/')",
        'payload',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/credentials.ts',
    ['unit/operations/credentials.test.ts', 'unit/client/server-settings.test.ts'],
    [
      [
        'a missing token route is taken for the route of the request',
        "if (!isTinkerError(cause, 'http_status') || !isRouteMissing(cause)) throw cause;",
        'if (cause) throw cause;',
      ],
      [
        'somebody’s key is sent to a server that takes tokens only',
        'jwtAuth ? exchange(async () => key, signal) : key',
        'key',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/strict-fields.ts',
    ['unit/operations/strict-fields.test.ts', 'unit/operations/poll-large.test.ts'],
    [
      ['a refused field is sent and refused with each poll', 'known.add(field);', ''],
      ['a field is left out that the request needs', '&& OPTIONAL_FIELDS.includes(name)', ''],
      ['one field is told by all who were refused', 'if (!known.has(field)) emit', 'emit'],
      ['a nested field takes its parent along', 'place.length === 1 && ', ''],
    ],
  ),
  ...mutationsOf(
    'operations/wire-format.ts',
    ['unit/operations/wire-format.test.ts', 'unit/operations/numbered-submission.test.ts'],
    [
      ['a JSON-only server that crashes is never served', '422, 500]', '422]'],
      ['one cut connection makes a server JSON-only', 'const MAX_CUTS = 2;', 'const MAX_CUTS = 1;'],
      [
        'protobuf is given up for a later error',
        "if (form === 'json' || proven.has(form)) return false;",
        "if (form === 'json') return false;",
      ],
      ['a form that works is given up for another’s mistake', 'unread.delete(form);', ''],
      ['old servers are sent protobuf', '!settings.isServed || ', ''],
      ['a server that says JSON is sent protobuf', ' || !protobufPasses', ''],
      ['bodies are compressed unasked', 'compressBodies && compress !== undefined', 'compress !== undefined'],
      [
        'a compressor that hangs holds the client for ever',
        'await raceAbort(signal, Promise.resolve(compress(bytes)))',
        'await compress(bytes)',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/numbered-submission.ts',
    ['unit/operations/numbered-submission.test.ts'],
    [
      [
        'a crash over an unread form costs the client',
        'if (failed(error, fate.isInFlight)) fate.refused();\n      else fate.failed(error);',
        'failed(error, fate.isInFlight);\n      fate.failed(error);',
      ],
      [
        'a refused field leaves open whether the request was taken',
        'onRefused() {\n      fate.refused();',
        'onRefused() {',
      ],
      ['an unread form is retried before the next is tried', 'isUnread() || ', ''],
      ['bytes of passes are not given back', 'release();', ''],
    ],
  ),
  ...mutationsOf(
    'operations/in-some-form.ts',
    ['unit/operations/numbered-submission.test.ts'],
    [
      [
        'a token that cannot be had makes a server JSON-only',
        'const seemsUnread = wasSent && isTinkerError(error)',
        'const seemsUnread = isTinkerError(error)',
      ],
      [
        'a server that is not reached makes a server JSON-only',
        '&& !error.isUnsent ? cuts + 1 : 0',
        '? cuts + 1 : 0',
      ],
      [
        'a server that cut a connection twice is lost to JSON',
        'isLast && wasCut !== undefined',
        'isLast && wasCut === undefined',
      ],
      [
        'what is learnt of a form is forgotten',
        'if (protobuf !== undefined) forms.accepted(formed.form);',
        '',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/turns.ts',
    ['unit/operations/batches.test.ts', 'unit/client/passes.test.ts'],
    [
      ['holes between chunks are left, and the model stands still', 'await fillHoles(slots, lastTaken);', ''],
      ['numbers of taken chunks are used again', 'nextId = lastTaken + 1;', ''],
      [
        'a refused hole goes unnoticed',
        "const open = outcomes.find(({ outcome }) => outcome.kind !== 'taken');",
        'const open = outcomes.find(() => false);',
      ],
      ['the first chunk goes first', '[rest, first];', '[first, rest];'],
      [
        'chunks go side by side where the server cannot',
        'if (!runtime.settings.current.parallelChunks)',
        'if (false as boolean)',
      ],
      [
        'chunks go on after one is refused',
        "if (slot.outcome.kind !== 'taken') others.abort(slot.outcome.error);",
        '',
      ],
      [
        'half a gradient stays unnoticed',
        'batch.accumulates === true ?',
        'batch.accumulates === undefined ?',
      ],
      [
        'a lost chunk is taken for a refused one',
        "const lost = slots.find(({ outcome }) => outcome?.kind === 'lost');",
        "const lost = slots.find(({ outcome }) => outcome?.kind === 'lost' && nextId < 0);",
      ],
      [
        'who does not want to wait is left with half a pass',
        "onLimit === 'throw' ? [rest",
        'onLimit === undefined ? [rest',
      ],
      ['a limit in the middle of a pass leaves half of it', "onLimit = 'wait';", ''],
      [
        'numbers run ahead of a batch that was refused',
        'if (taken.length === 0) throw error;',
        'if (taken.length === 0) nextId += slots.length;\n    if (taken.length === 0) throw error;',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/polling/poll.ts',
    ['unit/operations/poll-large.test.ts'],
    [
      ['bytes of a result are never given back', 'room.release?.();', ''],
      [
        'a server that announces for ever is polled for ever',
        'else if (isAnnounced) repeated',
        'else if (isAnnounced && polled.bytes < 0) repeated',
      ],
      [
        'large results are fetched all at once',
        'room.release = await runtime.account.responseBytes.acquire(signal, polled.bytes);',
        '',
      ],
      [
        'an error of the token is the operation’s',
        'judge.failed(error, sentAt !== undefined)',
        'judge.failed(error, true)',
      ],
    ],
  ),
  ...mutationsOf(
    'operations/polling/poll-request.ts',
    ['unit/operations/poll-large.test.ts'],
    [
      ['an announced result is announced again', ' && !isAnnounced;', ';'],
      ['old servers are sent a field they do not know', 'isLarge && settings.isServed', 'isLarge'],
      ['pages send headers that no proxy allows', 'describesRequests ? described : {}', 'described'],
      ['each poll tells how long the submission took', 'iteration === 0 && ', ''],
      [
        'JSON is asked for by who can read protobuf',
        "isLarge && wireFormat !== 'json'",
        "isLarge && wireFormat === 'json'",
      ],
    ],
  ),
  ...mutationsOf(
    'operations/polling/poll-parts.ts',
    ['unit/operations/poll-parts.test.ts'],
    [
      ['polls go on for a pass that has failed', 'together.abort(error);', ''],
      ['a listener is left for each pass', 'together.dispose();', ''],
    ],
  ),
  ...mutationsOf(
    'kernel/abort-group.ts',
    ['unit/kernel/abort-group.test.ts', 'unit/operations/batches.test.ts'],
    [['a chunk that comes late misses the abort', 'else member.abort(ended.reason);', '']],
  ),
  ...mutationsOf(
    'operations/run-operation.ts',
    ['unit/client/resume.test.ts'],
    [['the handle of a lost sample leads to what is gone', 'requestIds.length = 0;', '']],
  ),
  ...mutationsOf(
    'operations/future-handle.ts',
    ['unit/operations/future-handle.test.ts'],
    [
      ['a handle does not survive JSON', 'if (metric === null) return [name, Number.NaN] as const;', ''],
      ['a sample with an image cannot be resumed', ' && promptLength !== undefined;', ';'],
      ['a handle of a later format is misread', 'if (version !== 1) {', 'if (version === undefined) {'],
    ],
  ),
  ...mutationsOf(
    'client/resumable-kinds.ts',
    ['unit/client/resume.test.ts'],
    [
      [
        'the metrics of a loss of one’s own are lost on the way',
        'metrics === undefined ? output : { ...output',
        'metrics !== undefined ? output : { ...output',
      ],
    ],
  ),
  ...mutationsOf(
    'client/resume.ts',
    ['unit/client/resume.test.ts'],
    [['a second id is dropped', '!isPass && requestIds.length > 1', 'false as boolean']],
  ),
  ...mutationsOf(
    'client/training-from-state.ts',
    ['unit/client/training-from-state.test.ts'],
    [
      [
        'each step has the whole limit',
        'parts.runtime.scopes.run(call, async (scope) => {',
        'parts.runtime.scopes.run({}, async (scope) => {',
      ],
      ['a whole model is made an adapter', 'isLora !== false && isKnown', 'isKnown'],
      [
        'somebody’s checkpoint is asked for with our key',
        'token === undefined ? undefined : (signal)',
        'token !== undefined ? undefined : (signal)',
      ],
      [
        'the optimizer is left behind',
        '{ ...load, signal, onLimit }',
        '{ ...load, optimizer: false, signal, onLimit }',
      ],
      ['settings are looked at before they are known', 'await parts.session(scope.signal);', ''],
      ['a model has a name the server does not know', '}:train:$', '}:model:$'],
    ],
  ),
  ...mutationsOf(
    'client/model-creation.ts',
    ['unit/client/training-from-state.test.ts'],
    [['models share a number', 'const number = nextNumber++;', 'const number = nextNumber;']],
  ),
  ...mutationsOf(
    'client/unload-model.ts',
    ['unit/client/unload-model.test.ts'],
    [
      [
        'a model is unloaded under the feet of what runs',
        'turns.hold(scope, async () => {',
        '((_: unknown, work: () => Promise<never>) => work())(scope, async () => {',
      ],
    ],
  ),
  ...mutationsOf(
    'client/training-requests.ts',
    ['unit/client/passes.test.ts', 'unit/client/training-client.test.ts'],
    [
      [
        'a save that is sent again opens another session',
        'lateFields ??= late?.() ?? {};',
        'lateFields = late?.() ?? {};',
      ],
      [
        'a filler adds a gradient',
        "passRequest(modelId, 'forward', { data: [datum]",
        "passRequest(modelId, 'forward_backward', { data: [datum]",
      ],
      [
        'a forward pass is taken for one with a gradient',
        "accumulates: route === 'forward_backward'",
        "accumulates: route === 'forward'",
      ],
      ['tokens of a chunk are not limited', 'maxTokens: maxChunkTokens', 'maxTokens: undefined'],
    ],
  ),
  ...mutationsOf(
    'client/custom-loss/custom-loss-operation.ts',
    ['unit/client/passes.test.ts'],
    [
      [
        'a loss that never ends holds the client for ever',
        'await raceAbort(scope.signal, Promise.resolve(customLoss(data, logprobs)))',
        'await customLoss(data, logprobs)',
      ],
    ],
  ),
  ...mutationsOf(
    'policy/limiter.ts',
    ['unit/policy/resize.test.ts'],
    [
      ['a larger limit lets nobody in', 'limit.concurrency = next;', ''],
      [
        'what is taken counts as waiting after a smaller limit',
        'Math.max(holding, Math.min(present, capacity))',
        'Math.min(present, capacity)',
      ],
    ],
  ),
  ...mutationsOf(
    'policy/byte-budget.ts',
    ['unit/policy/resize.test.ts'],
    [
      [
        'a larger budget lets nobody in',
        "capacity = checkInteger('capacity', next, { min: 1 });\n      admit();",
        "capacity = checkInteger('capacity', next, { min: 1 });",
      ],
    ],
  ),
  ...mutationsOf(
    'policy/billing-pause.ts',
    ['unit/policy/resize.test.ts', 'unit/client/server-settings.test.ts'],
    [['the server’s limit of the pause is not kept', 'maxPauseMs = next;', '']],
  ),
  ...mutationsOf(
    'operations/account.ts',
    ['unit/client/server-settings.test.ts'],
    [
      [
        'the user’s pause for payment loses',
        'billing.limitTo(options.billingPauseMs ?? config.billingPauseMs);',
        'billing.limitTo(config.billingPauseMs);',
      ],
      ['the budget of results is not the server’s', 'responseBytes.resize(config.responseBytes);', ''],
    ],
  ),
  ...mutationsOf(
    'transport/transport.ts',
    ['unit/transport/transport-bodies.test.ts'],
    [
      [
        'JSON with bytes in it is sent as bytes',
        "'bytes' in body && body.bytes instanceof Uint8Array",
        "'bytes' in body",
      ],
      ['a token in a body shows in an error', ', ...secretsIn(body)]', ']'],
      [
        'a request in somebody’s name goes in ours',
        '(request.credential ?? options.credential)(signal)',
        'options.credential(signal)',
      ],
      [
        'protobuf is read as JSON',
        "accept: request.accept ?? 'application/json'",
        "accept: 'application/json'",
      ],
    ],
  ),
  ...mutationsOf(
    'transport/redact.ts',
    ['unit/transport/transport-bodies.test.ts'],
    [
      [
        'a server that makes ids of the idempotency key answers "[redacted]"',
        ' || IDEMPOTENCY_KEY.test(name)',
        '',
      ],
    ],
  ),
  ...mutationsOf(
    'wire/json/client-config.ts',
    ['unit/wire/json/client-config.test.ts'],
    [
      [
        'one wrong flag costs all others',
        "typeof value === 'boolean' ? value : byDefault;",
        '(value ?? byDefault) as boolean;',
      ],
      [
        'a limit of nothing lets nothing through',
        'Number.isSafeInteger(value) && (value as number) >= 1',
        'Number.isSafeInteger(value)',
      ],
      ['seconds are taken for milliseconds', 'seconds * 1_000 : Number.NaN', 'seconds : Number.NaN'],
      ['a token that no header can carry is sent', 'isVisibleAscii(jwt)', 'jwt !== undefined'],
    ],
  ),
  ...mutationsOf(
    'client/client-config-check.ts',
    ['unit/client/client-config-check.test.ts'],
    [
      [
        'an inherited name is a setting',
        'Object.hasOwn(known, name) ? known[name] : undefined',
        'known[name]',
      ],
    ],
  ),
];
