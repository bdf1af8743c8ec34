import { describe, expect, it } from 'vitest';
import type { RestClient } from '../../../src/client/rest/rest-client.ts';
import { answer, bare, inOrder, lost, type RestServer, restSetup } from '../../support/rest.ts';
import { driveToRejection, rejection, thrown } from '../../support/settled.ts';

const PATH = 'tinker://sess-1:train:0/sampler_weights/final';
const RUN = { training_run_id: 'sess-1:train:0', base_model: 'm' };
const EMPTY_LIST = { training_runs: [], checkpoints: [], sessions: [], cursor: null };
const HOURS = { startingOn: '2026-07-13T00:00:00Z', endingBefore: '2026-07-14T00:00:00Z' };

/** Each method: a call, what is sent for it, what may be answered. Protocol 2.9, appendix A. */
const CALLS: readonly (readonly [
  name: string,
  call: (rest: RestClient) => Promise<unknown>,
  line: string,
  body: unknown,
  reply: unknown,
])[] = [
  [
    'getTrainingRun',
    (rest) => rest.getTrainingRun('sess-1:train:0'),
    'GET training_runs/sess-1:train:0?access_scope=owned',
    undefined,
    RUN,
  ],
  [
    'getTrainingRun, of all',
    (rest) => rest.getTrainingRun('r', { accessScope: 'accessible' }),
    'GET training_runs/r?access_scope=accessible',
    undefined,
    RUN,
  ],
  [
    'getTrainingRunByTinkerPath',
    (rest) => rest.getTrainingRunByTinkerPath(PATH),
    'GET training_runs/sess-1:train:0?access_scope=owned',
    undefined,
    RUN,
  ],
  [
    'getWeightsInfo',
    (rest) => rest.getWeightsInfo('tinker://a/weights/x'),
    'POST weights_info',
    { tinker_path: 'tinker://a/weights/x' },
    { base_model: 'm' },
  ],
  [
    'getWeightsInfo, of a path that only the server can read',
    (rest) => rest.getWeightsInfo('/somewhere/else'),
    'POST weights_info',
    { tinker_path: '/somewhere/else' },
    { base_model: 'm' },
  ],
  [
    'listTrainingRuns',
    (rest) => rest.listTrainingRuns().page(),
    'GET training_runs?limit=20&offset=0&access_scope=owned',
    undefined,
    EMPTY_LIST,
  ],
  [
    'listTrainingRuns, with all there is',
    (rest) => {
      const query = { limit: 7, offset: 3, accessScope: 'accessible', projectId: 'p:1 & 2' } as const;
      return rest.listTrainingRuns(query).page();
    },
    'GET training_runs?limit=7&offset=3&access_scope=accessible&project_id=p%3A1+%26+2',
    undefined,
    EMPTY_LIST,
  ],
  [
    'listCheckpoints',
    (rest) => rest.listCheckpoints('sess-1:train:0').page(),
    'GET training_runs/sess-1:train:0/checkpoints',
    undefined,
    EMPTY_LIST,
  ],
  [
    'listUserCheckpoints',
    (rest) => rest.listUserCheckpoints().page(),
    'GET checkpoints?limit=100&offset=0',
    undefined,
    EMPTY_LIST,
  ],
  [
    'getCheckpointArchiveUrl',
    (rest) => rest.getCheckpointArchiveUrl(PATH),
    'GET training_runs/sess-1:train:0/checkpoints/sampler_weights/final/archive',
    undefined,
    { url: 'https://store.test/a', expires: '2026-07-13T00:00:00Z' },
  ],
  [
    'deleteCheckpoint',
    (rest) => rest.deleteCheckpoint(PATH),
    'DELETE training_runs/sess-1:train:0/checkpoints/sampler_weights/final',
    undefined,
    undefined,
  ],
  [
    'deleteCheckpoint, by its run and id',
    (rest) => rest.deleteCheckpoint({ runId: 'r/1 é', checkpointId: 'weights/0 1?#%' }),
    'DELETE training_runs/r%2F1%20%C3%A9/checkpoints/weights/0%201%3F%23%25',
    undefined,
    undefined,
  ],
  [
    'publishCheckpoint',
    (rest) => rest.publishCheckpoint(PATH),
    'POST training_runs/sess-1:train:0/checkpoints/sampler_weights/final/publish',
    undefined,
    undefined,
  ],
  [
    'unpublishCheckpoint',
    (rest) => rest.unpublishCheckpoint(PATH),
    'DELETE training_runs/sess-1:train:0/checkpoints/sampler_weights/final/publish',
    undefined,
    undefined,
  ],
  [
    'setCheckpointTtl',
    (rest) => rest.setCheckpointTtl('tinker://r/weights/x', 60),
    'PUT training_runs/r/checkpoints/weights/x/ttl',
    { ttl_seconds: 60 },
    undefined,
  ],
  [
    'setCheckpointTtl, to never',
    (rest) => rest.setCheckpointTtl('twinkle://r/weights/x', null),
    'PUT training_runs/r/checkpoints/weights/x/ttl',
    { ttl_seconds: null },
    undefined,
  ],
  [
    'getSession',
    (rest) => rest.getSession('sess-1'),
    'GET sessions/sess-1?access_scope=owned',
    undefined,
    { training_run_ids: [], sampler_ids: [] },
  ],
  [
    'listSessions',
    (rest) => rest.listSessions().page(),
    'GET sessions?limit=20&offset=0&access_scope=owned',
    undefined,
    EMPTY_LIST,
  ],
  [
    'assignSessionProject',
    (rest) => rest.assignSessionProject('sess-1', 'p'),
    'PUT sessions/sess-1/project',
    { project_id: 'p' },
    undefined,
  ],
  [
    'exportSessionTrace',
    (rest) => rest.exportSessionTrace('sess-1'),
    'GET sessions/sess-1/trace_export',
    undefined,
    { status: 'ready', url: 'https://store.test/t' },
  ],
  [
    'getAuditLog, of today',
    (rest) => rest.getAuditLog(),
    'GET audit?event_type=all',
    undefined,
    { entries: [] },
  ],
  [
    'getAuditLog',
    (rest) => rest.getAuditLog({ eventType: 'checkpoints', day: '2025-01-02' }),
    'GET audit?event_type=checkpoints&day=2025-01-02',
    undefined,
    { entries: [] },
  ],
  [
    'getAuditLog, of the day of a Date',
    (rest) => rest.getAuditLog({ day: new Date('2025-01-02T23:59:59Z') }),
    'GET audit?event_type=all&day=2025-01-02',
    undefined,
    { entries: [] },
  ],
  [
    'getBillingUsage',
    (rest) => rest.getBillingUsage(HOURS),
    'GET billing/usage/events?starting_on=2026-07-13T00%3A00%3A00Z&ending_before=2026-07-14T00%3A00%3A00Z',
    undefined,
    { data: [] },
  ],
  [
    'getBillingUsage, between Dates and in another zone',
    (rest) =>
      rest.getBillingUsage({
        startingOn: new Date('2026-07-13T05:00:00Z'),
        endingBefore: '2026-07-27T07:00:00+02:00',
      }),
    'GET billing/usage/events?starting_on=2026-07-13T05%3A00%3A00Z&ending_before=2026-07-27T05%3A00%3A00Z',
    undefined,
    { data: [] },
  ],
  [
    'getSampler',
    (rest) => rest.getSampler('sess-1:sample:9'),
    'GET samplers/sess-1:sample:9',
    undefined,
    { sampler_id: 's', base_model: 'm' },
  ],
];

describe('each call', () => {
  it.each(CALLS)('%s sends what the protocol says', async (_, call, line, body, reply) => {
    const { rest, clock, calls, lines, finish } = restSetup(() => answer(reply));
    await clock.drive(call(rest));
    expect(lines()).toEqual([line]);
    expect(calls[0]?.body).toBe(body === undefined ? '' : JSON.stringify(body));
    expect(calls[0]?.headers.get('x-api-key')).toBe('tml-test-key-of-the-caller');
    expect(calls[0]?.headers.has('x-idempotency-key')).toBe(!line.startsWith('GET'));
    await finish();
  });

  it.each(CALLS)('%s is sent again after an outage, with the same idempotency key', async (...row) => {
    const [, call, line, , reply] = row;
    const { rest, clock, calls, lines, finish } = restSetup(
      inOrder(
        () => answer({}, 502),
        () => answer(reply),
      ),
    );
    await clock.drive(call(rest));
    expect(lines()).toEqual([line, line]);
    const [first, second] = calls.map(({ headers }) => headers.get('x-idempotency-key'));
    expect(first).toBe(second);
    await finish();
  });

  it.each(CALLS)('%s says that the server has no such route', async (_, call, line) => {
    for (const reply of [
      () => answer({ detail: 'Not Found' }, 404),
      () => answer({}, 405),
      () => answer({}, 501),
    ]) {
      const { rest, clock, calls, finish } = restSetup(reply);
      const error = await driveToRejection(clock, call(rest));
      const [method, target = ''] = line.split(' ');
      const route = `${method} /api/v1/${target.split('?')[0]}`;
      expect(error).toMatchObject({ code: 'unsupported_by_server', name: 'TinkerUnsupportedError' });
      // An archive was then asked for by its other name.
      if (!line.includes('archive')) expect(error).toMatchObject({ route });
      expect(calls).toHaveLength(line.includes('archive') ? 2 : 1);
      await finish();
    }
  });

  it.each(CALLS)('%s tells what the server does not know', async (_, call) => {
    const { rest, clock, finish } = restSetup(() => answer({ detail: 'No such thing' }, 404));
    const error = await driveToRejection(clock, call(rest));
    expect(error).toMatchObject({ code: 'http_status', status: 404 });
    await finish();
  });

  it.each(CALLS)('%s ends with the caller’s reason', async (_, call) => {
    const { rest, calls, service, clock } = restSetup(({ request }) => {
      return new Promise((_, reject) => {
        request.signal.addEventListener('abort', () => reject(request.signal.reason));
      });
    });
    const ended = rejection(call(rest));
    await clock.advance(0);
    expect(calls).toHaveLength(1);
    await service.close();
    expect(await ended).toMatchObject({ code: 'client_closed' });
    expect(clock.pending).toBe(0);
  });
});

describe('arguments', () => {
  const refused: readonly (readonly [string, (rest: RestClient) => unknown, field: string])[] = [
    ['an empty run', (rest) => rest.getTrainingRun(''), 'runId'],
    ['a run that a URL would take for a folder', (rest) => rest.getTrainingRun('..'), 'runId'],
    ['the same with one dot', (rest) => rest.getSession('.'), 'sessionId'],
    ['half a character', (rest) => rest.getTrainingRun('\ud800'), 'runId'],
    [
      'an unknown scope',
      (rest) => rest.getTrainingRun('r', { accessScope: 'all' as 'owned' }),
      'accessScope',
    ],
    [
      'an unknown scope of a session',
      (rest) => rest.getSession('s', { accessScope: 'all' as 'owned' }),
      'accessScope',
    ],
    ['no path', (rest) => rest.getTrainingRunByTinkerPath('r/weights/x'), 'path'],
    ['no path for weights', (rest) => rest.getWeightsInfo(''), 'path'],
    ['a checkpoint of another kind', (rest) => rest.deleteCheckpoint('tinker://r/other/x'), 'path'],
    [
      'a checkpoint without a name',
      (rest) => rest.publishCheckpoint({ runId: 'r', checkpointId: 'weights/' }),
      'checkpointId',
    ],
    [
      'a checkpoint of dots',
      (rest) => rest.deleteCheckpoint({ runId: 'r', checkpointId: 'weights/..' }),
      'checkpointId',
    ],
    [
      'a checkpoint of dots, by path',
      (rest) => rest.deleteCheckpoint('tinker://r/weights/..'),
      'checkpointId',
    ],
    ['a run of dots, by path', (rest) => rest.deleteCheckpoint('tinker://../weights/x'), 'runId'],
    [
      'a checkpoint three deep',
      (rest) => rest.getCheckpointArchiveUrl({ runId: 'r', checkpointId: 'weights/a/b' }),
      'checkpointId',
    ],
    ['no checkpoint', (rest) => rest.unpublishCheckpoint(undefined as unknown as string), 'path'],
    ['a path among many', (rest) => rest.deleteCheckpoints(['tinker://r/weights/x', 'x']), 'paths[1]'],
    ['not many', (rest) => rest.deleteCheckpoints('tinker://r/weights/x' as unknown as string[]), 'paths'],
    ['a ttl of 0', (rest) => rest.setCheckpointTtl('tinker://r/weights/x', 0), 'seconds'],
    ['a negative ttl', (rest) => rest.setCheckpointTtl('tinker://r/weights/x', -1), 'seconds'],
    ['half a second', (rest) => rest.setCheckpointTtl('tinker://r/weights/x', 1.5), 'seconds'],
    [
      'a ttl as text',
      (rest) => rest.setCheckpointTtl('tinker://r/weights/x', '5' as unknown as number),
      'seconds',
    ],
    [
      'no ttl',
      (rest) => rest.setCheckpointTtl('tinker://r/weights/x', undefined as unknown as number),
      'seconds',
    ],
    ['no project', (rest) => rest.assignSessionProject('s', ''), 'projectId'],
    ['no session', (rest) => rest.exportSessionTrace(''), 'sessionId'],
    ['no event type', (rest) => rest.getAuditLog({ eventType: '' }), 'eventType'],
    ['a day that never comes', (rest) => rest.getAuditLog({ day: '2025-02-29' }), 'day'],
    ['a time as a day', (rest) => rest.getAuditLog({ day: '2025-01-02T00:00:00Z' }), 'day'],
    ['no sampler', (rest) => rest.getSampler(''), 'samplerId'],
    ['an idle limit of 0', (rest) => rest.downloadCheckpoint(PATH, { idleTimeoutMs: 0 }), 'idleTimeoutMs'],
    [
      'a progress that is none',
      (rest) => rest.downloadCheckpoint(PATH, { onProgress: 1 as never }),
      'onProgress',
    ],
    ['a limit of no time', (rest) => rest.getSampler('s', { timeoutMs: 0 }), 'timeoutMs'],
  ];

  it.each(refused)('%s is refused before anything is sent', async (_, call, field) => {
    const { rest, calls, finish } = restSetup(() => answer({}));
    expect(await rejection(call(rest) as Promise<unknown>)).toMatchObject({ code: 'input_invalid', field });
    expect(calls).toHaveLength(0);
    await finish();
  });

  it.each([
    ['limit', { limit: 0 }],
    ['limit', { limit: 1.5 }],
    ['offset', { offset: -1 }],
  ])('a list with a wrong %s is refused at once: %j', async (field, position) => {
    const { rest, calls, finish } = restSetup(() => answer({}));
    const wrong = { code: 'input_invalid', field };
    expect(thrown(() => rest.listTrainingRuns(position))).toMatchObject(wrong);
    expect(thrown(() => rest.listUserCheckpoints(position))).toMatchObject(wrong);
    expect(thrown(() => rest.listSessions(position))).toMatchObject(wrong);
    expect(await rejection(rest.listTrainingRuns().page(position))).toMatchObject(wrong);
    expect(calls).toHaveLength(0);
    await finish();
  });

  it('a list of what cannot be is refused at once', async () => {
    const { rest, finish } = restSetup(() => answer({}));
    const accessScope = 'all' as 'owned';
    expect(thrown(() => rest.listTrainingRuns({ accessScope }))).toMatchObject({ field: 'accessScope' });
    expect(thrown(() => rest.listSessions({ accessScope }))).toMatchObject({ field: 'accessScope' });
    expect(thrown(() => rest.listTrainingRuns({ projectId: '' }))).toMatchObject({ field: 'projectId' });
    expect(thrown(() => rest.listCheckpoints(''))).toMatchObject({ field: 'runId' });
    await finish();
  });

  it.each([
    ['startingOn', { startingOn: '2026-07-13' }, 'RFC 3339'],
    ['startingOn', { startingOn: '2026-07-13T00:00:00' }, 'with a zone'],
    ['startingOn', { startingOn: new Date(Number.NaN) }, 'must be a Date'],
    ['startingOn', { startingOn: '2026-07-13T00:30:00Z' }, 'full hour in UTC, got 2026-07-13T00:30:00Z'],
    ['startingOn', { startingOn: '2026-07-13T00:00:00+05:30' }, 'full hour'],
    ['startingOn', { startingOn: new Date(1) }, 'full hour in UTC, got 1970-01-01T00:00:00.001Z'],
    ['endingBefore', { endingBefore: '2026-07-14T00:00:01Z' }, 'full hour'],
    ['endingBefore', { endingBefore: '2026-07-13T00:00:00Z' }, 'must be after "startingOn"'],
    ['endingBefore', { endingBefore: '2026-07-12T23:00:00Z' }, 'must be after "startingOn"'],
    ['endingBefore', { endingBefore: '2026-07-27T01:00:00Z' }, 'at most 14 days after "startingOn", got 15'],
  ])('a wrong %s of usage is refused: %j', async (field, bound, words) => {
    const { rest, calls, finish } = restSetup(() => answer({ data: [] }));
    const error = await rejection(rest.getBillingUsage({ ...HOURS, ...bound }));
    expect(error).toMatchObject({ code: 'input_invalid', field, message: expect.stringContaining(words) });
    expect(calls).toHaveLength(0);
    await finish();
  });

  it('usage may span exactly 14 days', async () => {
    const { rest, clock, finish } = restSetup(() => answer({ data: [] }));
    await clock.drive(rest.getBillingUsage({ ...HOURS, endingBefore: '2026-07-27T00:00:00Z' }));
    await finish();
  });
});

describe('exportSessionTrace', () => {
  it('asks every 5 s until it is there', async () => {
    const pending = () => answer({ status: 'pending' });
    const ready = () => answer({ status: 'ready', url: 'https://store.test/t?sig=1' });
    const { rest, clock, calls, finish } = restSetup(inOrder(pending, pending, ready));
    expect(await clock.drive(rest.exportSessionTrace('s'))).toBe('https://store.test/t?sig=1');
    expect(calls.map(({ at }) => at)).toEqual([0, 5_000, 10_000]);
    await finish();
  });

  it('fails with the server’s words', async () => {
    const { rest, clock, finish } = restSetup(() => answer({ status: 'failed', error: 'disk full' }));
    expect(await driveToRejection(clock, rest.exportSessionTrace('s'))).toMatchObject({
      code: 'operation_failed',
      category: 'server',
      message: expect.stringContaining('disk full'),
    });
    await finish();
  });

  it.each([{ status: 'ready' }, { status: 'ready', url: '' }, { status: 'perhaps' }, {}])(
    'does not take %j for an answer',
    async (reply) => {
      const { rest, clock, finish } = restSetup(() => answer(reply));
      expect(await driveToRejection(clock, rest.exportSessionTrace('s'))).toMatchObject({
        code: 'response_invalid',
      });
      await finish();
    },
  );

  it('ends by its limit and by its signal, between two questions too', async () => {
    const { rest, clock, calls, finish } = restSetup(() => answer({ status: 'pending' }));
    expect(await driveToRejection(clock, rest.exportSessionTrace('s', { timeoutMs: 12_000 }))).toMatchObject({
      code: 'timed_out',
      scope: 'operation',
    });
    expect(calls).toHaveLength(3);
    const controller = new AbortController();
    const ended = rejection(rest.exportSessionTrace('s', { signal: controller.signal }));
    await clock.advance(2_000);
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await ended).toBe(reason);
    await finish();
  });
});

describe('whoami', () => {
  const encode = (claims: object): string => Buffer.from(JSON.stringify(claims)).toString('base64url');
  const token = (claims: object): string => `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.x`;
  const ask = async (apiKey: string, server: RestServer = () => answer({})) => {
    const { rest, clock, calls, finish } = restSetup(server, { apiKey });
    const settled = await clock.drive(
      rest.whoami().then(
        (identity) => ({ identity }),
        (error: unknown) => ({ error }),
      ),
    );
    await finish();
    expect(calls).toHaveLength(0);
    return settled;
  };

  it('reads the claims of a passport, and sends nothing', async () => {
    const claims = { iss: 'passport-1', sub: 'urn:user:ä', email: 'a@b.test' };
    expect(await ask(token(claims))).toEqual({ identity: { userUrn: 'urn:user:ä', email: 'a@b.test' } });
    for (const email of ['', undefined, 5])
      expect(await ask(token({ ...claims, email }))).toEqual({
        identity: { userUrn: 'urn:user:ä', email: undefined },
      });
  });

  it.each([
    ['a plain key', 'tml-plain'],
    ['a token of somebody else', token({ iss: 'other', sub: 'u' })],
    ['a token of nobody', token({ iss: 'passport-1' })],
    ['a token with an empty user', token({ iss: 'passport-1', sub: '' })],
    ['half a token', 'eyJhbGciOiJub25lIn0'],
    ['a broken token', 'eyJ.%%%.x'],
  ])('does not know who %s is, and does not show it', async (_, apiKey) => {
    const { error } = (await ask(apiKey)) as { error: Error };
    expect(error).toMatchObject({ code: 'input_invalid', field: 'apiKey' });
    expect(JSON.stringify(error) + error.message).not.toContain(apiKey);
  });
});

it('takes a change for done whatever comes with a success', async () => {
  const replies = [
    () => bare(204, { 'content-type': 'application/json' }),
    () => answer({ status: 'deleted' }),
    () => new Response('', { status: 200, headers: { 'content-type': 'application/json' } }),
    () => new Response('not json', { status: 202, headers: { 'content-type': 'application/json' } }),
  ];
  for (const reply of replies) {
    const { rest, clock, calls, finish } = restSetup(reply);
    await clock.drive(rest.deleteCheckpoint(PATH));
    await clock.drive(rest.publishCheckpoint(PATH));
    await clock.drive(rest.unpublishCheckpoint(PATH));
    await clock.drive(rest.setCheckpointTtl(PATH, 5));
    await clock.drive(rest.assignSessionProject('s', 'p'));
    expect(calls).toHaveLength(5);
    await finish();
  }
});

describe('a change that was lost on its way', () => {
  const gone = () => answer({ detail: 'There is no such checkpoint' }, 404);
  const already = () => answer({ detail: 'It is so already' }, 409);

  it('was made, if a repetition finds nothing left to do', async () => {
    for (const failure of [lost, () => answer({}, 502), () => answer({}, 408)]) {
      const deleted = restSetup(inOrder(failure, gone));
      await deleted.clock.drive(deleted.rest.deleteCheckpoint(PATH));
      expect(deleted.calls).toHaveLength(2);
      await deleted.finish();
      const published = restSetup(inOrder(failure, already));
      await published.clock.drive(published.rest.publishCheckpoint(PATH));
      await published.finish();
      const unpublished = restSetup(inOrder(failure, already));
      await unpublished.clock.drive(unpublished.rest.unpublishCheckpoint(PATH));
      await unpublished.finish();
    }
  });

  it('was not, if nothing was lost, or the server said no', async () => {
    const refused = () => {
      throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:9') });
    };
    const busy = () => answer({ detail: 'slow down' }, 429);
    for (const before of [[], [refused], [busy]]) {
      const { rest, clock, calls, finish } = restSetup(inOrder(...before, gone));
      expect(await driveToRejection(clock, rest.deleteCheckpoint(PATH))).toMatchObject({ status: 404 });
      expect(calls).toHaveLength(before.length + 1);
      await finish();
    }
  });

  it('does not make up for a route that is missing, nor for another answer', async () => {
    const routeless = restSetup(inOrder(lost, () => answer({ detail: 'Not Found' }, 404)));
    expect(await driveToRejection(routeless.clock, routeless.rest.deleteCheckpoint(PATH))).toMatchObject({
      code: 'unsupported_by_server',
    });
    await routeless.finish();
    const ttl = restSetup(inOrder(lost, gone));
    expect(await driveToRejection(ttl.clock, ttl.rest.setCheckpointTtl(PATH, 5))).toMatchObject({
      status: 404,
    });
    await ttl.finish();
    const publish = restSetup(inOrder(lost, gone));
    expect(await driveToRejection(publish.clock, publish.rest.publishCheckpoint(PATH))).toMatchObject({
      status: 404,
    });
    await publish.finish();
  });

  it('is not repeated after a 409', async () => {
    for (const call of ['publishCheckpoint', 'unpublishCheckpoint'] as const) {
      const { rest, clock, calls, finish } = restSetup(already);
      expect(await driveToRejection(clock, rest[call](PATH))).toMatchObject({
        code: 'http_status',
        status: 409,
      });
      expect(calls).toHaveLength(1);
      await finish();
    }
  });
});

describe('deleteCheckpoints', () => {
  const path = (n: number): string => `tinker://r/weights/${n}`;
  const many = Array.from({ length: 100 }, (_, n) => path(n));

  it('deletes all, each once, 32 at a time', async () => {
    let now = 0;
    let most = 0;
    const { rest, clock, lines, finish } = restSetup(async () => {
      most = Math.max(most, ++now);
      await new Promise<void>((resolve) => clock.schedule(resolve, 10));
      now -= 1;
      return bare(204);
    });
    await clock.drive(rest.deleteCheckpoints([...many, ...many]));
    expect([...lines()].sort()).toEqual(
      many.map((_, n) => `DELETE training_runs/r/checkpoints/weights/${n}`).sort(),
    );
    expect(most).toBe(32);
    await finish();
  });

  it('goes on where one fails, and names it', async () => {
    const { rest, clock, lines, finish } = restSetup(({ target }) =>
      target.endsWith('/1') ? answer({ detail: 'It is in use' }, 403) : bare(204),
    );
    const error = await driveToRejection(clock, rest.deleteCheckpoints([path(0), path(1), path(2)]));
    expect(lines()).toHaveLength(3);
    expect(error).toMatchObject({
      code: 'partly_failed',
      category: 'user',
      retryable: false,
      failures: [{ item: path(1), error: { code: 'http_status', status: 403 } }],
      done: [path(0), path(2)],
      message: expect.stringMatching(/^1 of 3 could not be deleted: tinker:\/\/r\/weights\/1 .*It is in use/),
    });
    await finish();
  });

  it('sends nothing for none, and nothing if one is no checkpoint', async () => {
    const { rest, clock, calls, finish } = restSetup(() => bare(204));
    await clock.drive(rest.deleteCheckpoints([]));
    const dots = 'tinker://r/weights/..';
    expect(await rejection(rest.deleteCheckpoints([path(0), dots]))).toMatchObject({ field: 'paths[1]' });
    expect(await rejection(rest.deleteCheckpoints([path(0), 'no']))).toMatchObject({ field: 'paths[1]' });
    expect(calls).toHaveLength(0);
    await finish();
  });

  it('ends with the caller’s reason, and leaves those that wait', async () => {
    const { rest, clock, calls, finish } = restSetup(
      ({ request }) =>
        new Promise((_, reject) => {
          request.signal.addEventListener('abort', () => reject(request.signal.reason));
        }),
    );
    const controller = new AbortController();
    const ended = rejection(rest.deleteCheckpoints(many, { signal: controller.signal }));
    await clock.advance(0);
    expect(calls).toHaveLength(32);
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await ended).toBe(reason);
    await clock.advance(0);
    expect(calls).toHaveLength(32);
    await finish();
  });
});
