import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { createServiceClient, isTinkerError, memoryStorage, type TinkerEvent } from '../../src/index.ts';
import type { Answer } from '../../src/testing/scripted-fetch.ts';
import { scriptedFetch } from '../../src/testing/scripted-fetch.ts';
import { createVirtualClock } from '../../src/testing/virtual-clock.ts';
import { healthyScript } from '../support/service.ts';

/** Secrets that must not show anywhere, each told from ordinary text by its name. */
const KEY = 'tml-canary-key-0123456789';
const HEADER_SECRET = 'canary-header-9876543210';
const SECRETS = [KEY, HEADER_SECRET];
const DEFAULT_HEADERS = {
  'CF-Access-Client-Secret': HEADER_SECRET,
  Authorization: `Bearer ${HEADER_SECRET}`,
};

/** An answer that says everything it was told. */
const echo =
  (status: number, contentType = 'application/json'): Answer =>
  (request) => {
    const headers = Object.fromEntries(request.headers);
    const text =
      contentType === 'application/json'
        ? JSON.stringify({ detail: `refused ${KEY}`, error: `for ${HEADER_SECRET}`, headers })
        : `refused ${KEY} ${inspect(headers)}`;
    return new Response(text, { status, headers: { 'content-type': contentType, 'x-echo': KEY } });
  };

/** A transport's error with everything attached, as some fetch wrappers make them. */
const attached: Answer = (request) => {
  const cause = Object.assign(new Error(`socket of ${KEY}`), {
    headers: request.headers,
    key: HEADER_SECRET,
  });
  throw Object.assign(new TypeError(`fetch with ${KEY} failed`, { cause }), {
    request,
    options: { key: KEY },
  });
};

const FIXTURES: readonly (readonly [string, Answer])[] = [
  ['a 400', echo(400)],
  ['a 401', echo(401)],
  ['a 402', echo(402)],
  ['a 404', echo(404)],
  ['a 408', echo(408)],
  ['a 409', echo(409)],
  ['a 410', echo(410)],
  ['a 422', echo(422)],
  ['a 429', echo(429)],
  ['a 500 of text', echo(500, 'text/plain')],
  ['a 503', echo(503)],
  ['a page', echo(200, 'text/html')],
  [
    'JSON that is cut',
    (request) =>
      new Response(`{"key": "${request.headers.get('x-api-key')}`, {
        headers: { 'content-type': 'application/json' },
      }),
  ],
  ['an error in a success', { status: 200, body: { error: `no ${KEY} ${HEADER_SECRET}`, category: 'user' } }],
  ['a success of another shape', { status: 200, body: { key: KEY, secret: HEADER_SECRET } }],
  [
    'an id that is a key',
    { status: 200, body: { request_id: KEY, session_id: KEY, sampling_session_id: KEY } },
  ],
  [
    'a queue reason',
    {
      status: 200,
      body: { type: 'try_again', queue_state: 'paused_capacity', queue_state_reason: `${KEY} waits` },
    },
  ],
  [
    'a redirect',
    () => new Response('', { status: 302, headers: { location: `https://x.test/?key=${KEY}` } }),
  ],
  ['an error with the request attached', attached],
  ['a string that is thrown', () => Promise.reject(`thrown ${KEY}`)],
  ['silence', 'nothing'],
];

/** Everything a log may make of a value. */
function texts(value: unknown): string[] {
  const clone = (): string => {
    try {
      return inspect(structuredClone(value), { depth: 9, showHidden: true });
    } catch {
      return '';
    }
  };
  return [
    String(value),
    inspect(value, { depth: 9, showHidden: true }),
    JSON.stringify(value) ?? '',
    value instanceof Error ? (value.stack ?? '') : '',
    clone(),
  ];
}

function expectClean(what: string, value: unknown): void {
  for (const text of texts(value)) {
    for (const secret of SECRETS)
      expect(text.includes(secret), `${what} shows a secret:\n${text}`).toBe(false);
  }
}

const logged: unknown[] = [];
const spies = (['log', 'warn', 'error', 'info', 'debug'] as const).map(
  (name) => [name, console[name]] as const,
);
for (const [name] of spies) console[name] = (...words: unknown[]) => void logged.push(words);
afterEach(() => {
  expect(logged).toEqual([]);
});

describe.each(FIXTURES)('%s shows no secret', (_, answer) => {
  it.each([
    'create_session',
    'create_model',
    'create_sampling_session',
    'optim_step',
    'asample',
    'retrieve_future',
    'session_heartbeat',
    'get_server_capabilities',
  ])('in place of the answer of %s', async (path) => {
    const clock = createVirtualClock();
    const storage = memoryStorage(clock);
    const stored: unknown[] = [];
    const events: TinkerEvent[] = [];
    const healthy = scriptedFetch(healthyScript()).fetch;
    const service = createServiceClient({
      apiKey: KEY,
      defaultHeaders: DEFAULT_HEADERS,
      fetch: scriptedFetch({ [path]: [answer] }, healthy).fetch,
      clock,
      random: () => 0,
      retryBudgetMs: 5_000,
      circuitBreaker: { failureThreshold: 1 },
      storage: {
        ...storage,
        set: (key, value, options) => {
          stored.push(key, new TextDecoder().decode(value));
          return storage.set(key, value, options);
        },
        update: (key, change, options) => {
          const spy = (current: Parameters<typeof change>[0]) => {
            const next = change(current);
            stored.push(key, new TextDecoder().decode(next));
            return next;
          };
          return storage.update(key, spy, options);
        },
      },
      onEvent: (event) => events.push(event),
    });
    const errors: unknown[] = [];
    const attempt = async (work: () => PromiseLike<unknown>): Promise<unknown> => {
      try {
        return await clock.drive(work());
      } catch (error) {
        errors.push(error);
        return undefined;
      }
    };
    const limit = { timeoutMs: 60_000 };
    await attempt(() => service.getServerCapabilities(limit));
    const training = (await attempt(() => service.createLoraTrainingClient({ baseModel: 'm' }, limit))) as
      | Awaited<ReturnType<typeof service.createLoraTrainingClient>>
      | undefined;
    if (training !== undefined) {
      await attempt(() => training.optimStep({}, limit));
      await attempt(() => training.saveState('n', limit));
    }
    const sampler = (await attempt(() => service.createSamplingClient({ baseModel: 'm' }, limit))) as
      | Awaited<ReturnType<typeof service.createSamplingClient>>
      | undefined;
    const future = sampler?.sample({ prompt: [1], maxTokens: 1 }, limit);
    await clock.advance(2_000);
    expectClean('a snapshot', service.snapshot());
    if (future !== undefined) {
      expectClean('a future', { ...future, requestId: future.requestId, reason: future.reason });
      await attempt(() => future);
    }
    await clock.advance(150_000);
    await service.close();
    for (const error of errors) {
      if (isTinkerError(error)) expectClean('an error', error);
      expectClean('what was thrown', error);
    }
    expectClean('an event', events);
    expectClean('the store', stored);
    expectClean('the client', service);
    // The fixture did something: an error, an event, or an id that was handed on.
    expect(errors.length + events.length + Number(training !== undefined)).toBeGreaterThan(0);
  });
});
