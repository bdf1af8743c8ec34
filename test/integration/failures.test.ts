import { describe, expect, it } from 'vitest';
import { isTinkerError, type TinkerError, type TinkerEvent } from '../../src/index.ts';
import { type Answer, scriptedFetch } from '../../src/testing/scripted-fetch.ts';
import { batch, offline } from '../support/offline.ts';

/** A client whose requests to some paths are answered from a script, and all others by the emulator. */
function troubled(
  script: Record<string, readonly Answer[]>,
  client: { readonly retryBudgetMs?: number } = {},
) {
  const events: TinkerEvent[] = [];
  let requests: ReturnType<typeof scriptedFetch>['requests'] = [];
  const setup = offline({
    client: { ...client, onEvent: (event) => events.push(event) },
    wrap: (fetch) => {
      const scripted = scriptedFetch(script, fetch);
      requests = scripted.requests;
      return scripted.fetch;
    },
  });
  const pathsOf = (path: string) => requests.filter((request) => request.path === path);
  const train = async () => {
    const { service, clock, emulator } = setup;
    return clock.drive(service.createLoraTrainingClient({ baseModel: emulator.modelName, rank: 4, seed: 1 }));
  };
  const caught = (work: PromiseLike<unknown>): Promise<TinkerError> =>
    setup.clock.drive(
      work.then(
        () => {
          throw new Error('It succeeded');
        },
        (error: unknown) => {
          if (!isTinkerError(error)) throw error;
          return error;
        },
      ),
    );
  const finish = async (): Promise<void> => {
    await setup.service.close();
    // What the emulator still computes ends by itself; a timer of the client would outlast this.
    await setup.clock.advance(1_000);
    expect(setup.clock.pending).toBe(0);
  };
  return { ...setup, events, pathsOf, train, caught, finish };
}

const PASS: Answer = () => Response.json({ type: 'try_again', queue_state: 'active' });

describe('a server in trouble while submitting', () => {
  it.each([
    ['500', { status: 500, text: 'Internal Server Error', headers: { 'content-type': 'text/plain' } }],
    ['408', { status: 408 }],
    ['429', { status: 429, headers: { 'retry-after': '7' } }],
    ['a refused connection', 'refused'],
    ['a body that was cut', { status: 200, text: '{"request_id": "requ' }],
    ['nothing at all', 'nothing'],
  ] as const)('outlives %s, and the request keeps its number and its idempotency key', async (_, answer) => {
    const emulated: { fetch?: (request: Request) => Promise<Response> } = {};
    const setup = troubled({ optim_step: [answer, answer, (request) => emulated.fetch!(request)] });
    emulated.fetch = setup.emulator.fetch;
    const training = await setup.train();
    const [, update, next] = await setup.clock.drive(
      Promise.all([
        training.forwardBackward(batch(1), 'cross_entropy'),
        training.optimStep({ learningRate: 0.01 }),
        training.forwardBackward(batch(1), 'cross_entropy'),
      ]),
    );
    expect(update.metrics['grad_norm:mean']).toBeGreaterThan(0);
    expect(next.metrics['loss:sum']).toBeGreaterThan(0);
    const sent = setup.pathsOf('optim_step');
    expect(sent.map(({ body }) => body['seq_id'])).toEqual([2, 2, 2]);
    expect(new Set(sent.map(({ headers }) => headers.get('x-idempotency-key'))).size).toBe(1);
    expect(setup.events.filter(({ type }) => type === 'retry')).toHaveLength(2);
    await setup.finish();
  });

  it('waits as long as Retry-After says', async () => {
    const setup = troubled({
      create_session: [
        { status: 429, headers: { 'retry-after': '7' } },
        { status: 200, body: { session_id: 's' } },
      ],
    });
    const startedAt = setup.clock.monotonic();
    await setup.caught(setup.train());
    expect(setup.events[0]).toMatchObject({ type: 'retry', status: 429, delayMs: 7000 });
    expect(setup.clock.monotonic() - startedAt).toBeGreaterThanOrEqual(7000);
    await setup.finish();
  });

  it.each([
    [
      { status: 401, body: { detail: 'Invalid API key' } },
      /create_session answered 401: Invalid API key\. Check the API key/,
    ],
    [{ status: 404, body: { detail: 'Not Found' } }, /answered 404: Not Found\. .*is the base URL right\?/],
    [
      { status: 200, text: '<html>', headers: { 'content-type': 'text/html' } },
      /"text\/html" instead of JSON\. Is the base URL/,
    ],
    [{ status: 200, body: { hello: 1 } }, /create_session answer does not follow the protocol: "session_id"/],
  ] as const)('gives up at once on %j', async (answer, message) => {
    const setup = troubled({ create_session: [answer] });
    const error = await setup.caught(setup.train());
    expect(error.message).toMatch(message);
    expect(setup.pathsOf('create_session')).toHaveLength(1);
    await setup.finish();
  });

  it('tries afresh in the next call after the session could not be opened', async () => {
    const setup = troubled({
      create_session: [
        { status: 400, body: { detail: 'frozen' } },
        { status: 200, body: { session_id: 's-2' } },
      ],
    });
    expect((await setup.caught(setup.train())).message).toContain('frozen');
    // The emulator does not know the scripted session: what matters is that it was asked for.
    expect((await setup.caught(setup.train())).message).toContain('"s-2" is unknown');
    await setup.finish();
  });

  it('stops at the retry budget, with the last error and the number of attempts', async () => {
    const setup = troubled(
      { create_session: [{ status: 503, body: { detail: 'down' } }] },
      { retryBudgetMs: 20_000 },
    );
    const startedAt = setup.clock.monotonic();
    const error = await setup.caught(setup.train());
    expect(error).toMatchObject({
      code: 'http_status',
      status: 503,
      attempts: setup.pathsOf('create_session').length,
    });
    expect(setup.clock.monotonic() - startedAt).toBeLessThanOrEqual(20_000);
    expect(error.attempts).toBeGreaterThan(3);
    await setup.finish();
  });

  it('refuses to go on when a numbered request is lost, and says which', async () => {
    const cut: Answer = () => {
      throw new TypeError('fetch failed', { cause: new Error('other side closed') });
    };
    const setup = troubled({ optim_step: [cut] }, { retryBudgetMs: 5_000 });
    const training = await setup.train();
    const lost = await setup.caught(training.optimStep());
    expect(lost).toMatchObject({ code: 'submit_ambiguous', cause: { code: 'connection_failed' } });
    const refused = await setup.caught(training.forwardBackward(batch(1), 'cross_entropy'));
    expect(refused).toMatchObject({ code: 'client_poisoned', sequenceId: 1, cause: lost });
    expect(setup.pathsOf('forward_backward')).toHaveLength(0);
    await setup.finish();
  });
});

it('outlives a server that is down for longer than the retry budget: nothing was sent, nothing is lost', async () => {
  const emulated: { fetch?: (request: Request) => Promise<Response> } = {};
  const down: Answer[] = Array.from({ length: 6 }, () => 'refused');
  const setup = troubled(
    { optim_step: [...down, (request) => emulated.fetch!(request)] },
    { retryBudgetMs: 5_000 },
  );
  emulated.fetch = setup.emulator.fetch;
  const training = await setup.train();
  expect(await setup.caught(training.optimStep())).toMatchObject({
    code: 'connection_failed',
    isUnsent: true,
  });
  await setup.clock.drive(training.optimStep());
  expect(setup.pathsOf('optim_step').every(({ body }) => body['seq_id'] === 1)).toBe(true);
  await setup.finish();
});

describe('a server in trouble while polling', () => {
  it.each([
    ['500s', Array<Answer>(6).fill({ status: 500, text: 'oops' })],
    ['408s', Array<Answer>(6).fill({ status: 408, text: '' })],
    ['429s', Array<Answer>(6).fill({ status: 429, headers: { 'retry-after': '2' } })],
    ['two unreadable answers', Array<Answer>(2).fill({ status: 200, text: '{"type": "try' })],
    ['a broken connection', Array<Answer>(6).fill('refused')],
    ['silence', Array<Answer>(2).fill('nothing')],
    ['a server that does not hold the request', Array<Answer>(9).fill(PASS)],
  ])('outlives %s', async (_, answers) => {
    const emulated: { fetch?: (request: Request) => Promise<Response> } = {};
    const setup = troubled({ retrieve_future: [...answers, (request) => emulated.fetch!(request)] });
    emulated.fetch = setup.emulator.fetch;
    const training = await setup.train();
    const { metrics } = await setup.clock.drive(training.forward(batch(1), 'cross_entropy'));
    expect(metrics['loss:sum']).toBeGreaterThan(0);
    await setup.finish();
  });

  it('does not hammer a server that fails for a minute', async () => {
    const setup = troubled({ retrieve_future: [{ status: 503, body: {} }] });
    const { service, emulator } = setup;
    const error = await setup.caught(
      service.createLoraTrainingClient({ baseModel: emulator.modelName }, { timeoutMs: 60_000 }),
    );
    expect(error).toMatchObject({ code: 'timed_out', scope: 'operation', limitMs: 60_000 });
    expect(error.message).toMatch(/60000 ms .*request-1, queued: .*503/);
    expect(setup.pathsOf('retrieve_future').length).toBeGreaterThan(4);
    expect(setup.pathsOf('retrieve_future').length).toBeLessThanOrEqual(12);
    await setup.finish();
  });

  it('gives up on answers that stay unreadable', async () => {
    const setup = troubled({ retrieve_future: [{ status: 200, text: '{"path": ' }] });
    const error = await setup.caught(setup.train());
    expect(error).toMatchObject({ code: 'response_invalid', requestId: 'request-1' });
    expect(setup.pathsOf('retrieve_future')).toHaveLength(3);
    await setup.finish();
  });

  it.each([
    [
      { status: 200, body: { error: 'Out of cheese', category: 'User' } },
      'operation_failed',
      'user',
      /^CreateModel failed on the server: Out of cheese\. Correct what the server names/,
    ],
    [
      { status: 200, body: { error: 'Traceback…', category: 'system' } },
      'operation_failed',
      'server',
      /Traceback/,
    ],
    [
      { status: 400, body: { detail: 'bad datum' } },
      'operation_failed',
      'user',
      /^CreateModel failed on the server: bad datum\./,
    ],
    [
      { status: 410, body: {} },
      'result_expired',
      'expired',
      /^The result of CreateModel is gone: expired\. Submit it anew$/,
    ],
    [{ status: 404, body: { detail: 'Future not found' } }, 'http_status', 'user', /Future not found/],
  ] as const)('reports %j as %s', async (answer, code, category, message) => {
    const setup = troubled({ retrieve_future: [answer] });
    const error = await setup.caught(setup.train());
    expect(error).toMatchObject({ code, category, requestId: 'request-1' });
    expect(error.message).toMatch(message);
    await setup.finish();
  });

  it('shows the queue state, and tells of it once', async () => {
    const paused = {
      status: 408,
      body: { type: 'try_again', queue_state: 'paused_capacity', queue_state_reason: 'busy' },
    };
    const emulated: { fetch?: (request: Request) => Promise<Response> } = {};
    const setup = troubled({
      retrieve_future: [
        ...Array<Answer>(4).fill((request) => emulated.fetch!(request)),
        paused,
        paused,
        'nothing',
      ],
    });
    emulated.fetch = setup.emulator.fetch;
    const training = await setup.train();
    const futures = Array.from({ length: 4 }, () => training.forward(batch(1), 'cross_entropy'));
    await setup.clock.advance(40_000);
    const waiting = futures.find(({ status }) => status === 'paused');
    expect(waiting).toMatchObject({ queueState: 'paused_capacity', reason: 'busy' });
    expect(setup.events.filter(({ type }) => type === 'queue_state').length).toBeLessThanOrEqual(3);
    await setup.finish();
  });
});

it('keeps the session alive, tells when it cannot, and stops when the server has forgotten it', async () => {
  const setup = troubled({
    session_heartbeat: [{ status: 200 }, { status: 500 }, 'nothing', { status: 404 }],
  });
  await setup.train();
  await setup.clock.advance(120_000);
  expect(setup.pathsOf('session_heartbeat')).toHaveLength(4);
  const { type, ...lost } = setup.events.at(-1)!;
  expect([type, lost]).toEqual([
    'session_lost',
    { sessionId: expect.stringContaining('session-'), status: 404 },
  ]);
  expect(setup.events.filter((event) => event.type === 'heartbeat_failed')).toHaveLength(2);
  await setup.finish();
});
