import { afterEach, describe, expect, it } from 'vitest';
import {
  DEFAULT_BASE_URL,
  resolveServiceOptions,
  type ServiceClientOptions,
} from '../../../src/client/options.ts';
import { createServiceClient } from '../../../src/index.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { isTinkerError, type TinkerInputError } from '../../../src/kernel/errors.ts';
import { systemRandom } from '../../../src/kernel/random.ts';
import { systemWake } from '../../../src/kernel/wake.ts';
import { resolvePollPolicy } from '../../../src/policy/poll-policy.ts';
import { thrown } from '../../support/settled.ts';

const realFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = realFetch;
});

const resolve = (options: Record<string, unknown> = {}) =>
  resolveServiceOptions({ apiKey: 'tml-key', ...options } as ServiceClientOptions);

describe('defaults', () => {
  it('are complete', () => {
    const { fetch, emit, createId, limits, ...rest } = resolve();
    expect(rest).toEqual({
      apiKey: 'tml-key',
      authScheme: 'x-api-key',
      wireFormat: 'auto',
      compress: undefined,
      clientConfig: {},
      budget: undefined,
      telemetry: false,
      baseUrl: DEFAULT_BASE_URL,
      defaultHeaders: {},
      tags: [],
      userMetadata: {},
      projectId: undefined,
      sdkVersion: '0.25.0',
      attemptTimeoutMs: 60_000,
      retryBudgetMs: 300_000,
      pollPolicy: resolvePollPolicy('pollPolicy'),
      onLimit: 'wait',
      connections: { total: 1_000, polls: 900 },
      breaker: undefined,
      storage: undefined,
      billingPauseMs: undefined,
      progressTimeoutMs: 7_200_000,
      serverDeduplicates: true,
      clock: systemClock,
      random: systemRandom,
      wake: systemWake,
    });
    expect(limits.size).toBe(0);
    expect(resolve().limits).not.toBe(limits);
    expect(createId()).toMatch(/^[0-9a-f]{32}$/);
    expect(() => emit({ type: 'session_lost', sessionId: 's', status: 404 })).not.toThrow();
    expect(fetch).toBeTypeOf('function');
  });

  it('give a probe of the circuit breaker more time than an attempt has, unless told otherwise', () => {
    expect(resolve({ circuitBreaker: true }).breaker).toEqual({
      failureThreshold: 5,
      resetMs: 30_000,
      halfOpenCalls: 1,
      leaseMs: 120_000,
    });
    expect(resolve({ circuitBreaker: {}, attemptTimeoutMs: 600_000 }).breaker?.leaseMs).toBe(1_200_000);
    const own = resolve({ circuitBreaker: { leaseMs: 5, resetMs: 7 }, attemptTimeoutMs: 600_000 }).breaker;
    expect(own).toMatchObject({ leaseMs: 5, resetMs: 7 });
    expect(resolve({ circuitBreaker: false }).breaker).toBeUndefined();
  });

  it('look the platform’s fetch up per call', async () => {
    const { fetch } = resolve();
    globalThis.fetch = async () => new Response('later');
    expect(await (await fetch(new Request('https://h'))).text()).toBe('later');
  });

  it('stand in for undefined', () => {
    const given = resolve({
      baseUrl: undefined,
      fetch: undefined,
      tags: undefined,
      clock: undefined,
      onEvent: undefined,
    });
    expect(given).toMatchObject({ baseUrl: DEFAULT_BASE_URL, tags: [], clock: systemClock });
  });

  it('stand in for an empty base URL, as it comes out of an unset variable', () => {
    expect(resolve({ baseUrl: '' }).baseUrl).toBe(DEFAULT_BASE_URL);
  });
});

describe('what is given', () => {
  it('is kept', () => {
    const clock = { ...systemClock };
    const options = {
      apiKey: () => 'tml-other',
      fetch: async () => new Response(),
      defaultHeaders: { a: 'b' },
      tags: ['t'],
      userMetadata: { k: 'v' },
      projectId: 'p',
      attemptTimeoutMs: 0.5,
      retryBudgetMs: 0,
      clock,
      random: () => 0.5,
      createId: () => 'id',
    };
    const { createId, ...resolved } = resolve(options);
    expect({ ...resolved, createId: options.createId }).toMatchObject(options);
    expect(createId()).toBe('id');
  });

  it.each([
    ['https://h.test', 'https://h.test'],
    ['https://h.test/', 'https://h.test'],
    ['https://h.test/api/v1', 'https://h.test'],
    ['https://h.test/api/v1/', 'https://h.test'],
    ['https://h.test///', 'https://h.test'],
    ['https://h.test//api/v1', 'https://h.test'],
    ['https://h.test/services/prod/api/v1/', 'https://h.test/services/prod'],
    ['https://h.test/api/v1/tenant', 'https://h.test/api/v1/tenant'],
    ['https://h.test/xapi/v1', 'https://h.test/xapi/v1'],
    ['HTTP://H.test:8000', 'http://h.test:8000'],
    ['http://localhost:8000', 'http://localhost:8000'],
  ])('makes base URL %s of the one form %s', (given, baseUrl) => {
    expect(resolve({ baseUrl: given }).baseUrl).toBe(baseUrl);
  });

  it.each(['tml-abc', 'eyJhbGciOi.x.y'])('may be the hosted service’s key %s', (apiKey) => {
    expect(resolve({ apiKey }).apiKey).toBe(apiKey);
  });

  it.each([{ baseUrl: 'https://h.test' }, { fetch: async () => new Response() }])(
    'may be any key where the server is another one',
    (options) => {
      expect(resolve({ apiKey: 'dummy', ...options }).apiKey).toBe('dummy');
    },
  );
});

describe('what cannot be right', () => {
  it.each<readonly [Record<string, unknown>, string]>([
    [
      { apiKey: undefined },
      '"apiKey" must be a non-empty string or a function, got undefined. The environment is not read by itself: optionsFromEnv in isotinker/env does that',
    ],
    [
      { apiKey: null },
      '"apiKey" must be a non-empty string or a function, got null. The environment is not read by itself: optionsFromEnv in isotinker/env does that',
    ],
    [
      { apiKey: '' },
      '"apiKey" must be a non-empty string or a function, got an empty one. The environment is not read by itself: optionsFromEnv in isotinker/env does that',
    ],
    [
      { apiKey: { key: 'canary' } },
      '"apiKey" must be a non-empty string or a function, got an object. The environment is not read by itself: optionsFromEnv in isotinker/env does that',
    ],
    [
      { apiKey: 'tml-canary\n' },
      '"apiKey" must consist of visible ASCII characters; it has a space, a line end or others. Trim it: what is read from a file mostly ends with a line end',
    ],
    [
      { apiKey: ' tml-canary' },
      '"apiKey" must consist of visible ASCII characters; it has a space, a line end or others. Trim it: what is read from a file mostly ends with a line end',
    ],
    [
      { apiKey: 'tml-canaré' },
      '"apiKey" must consist of visible ASCII characters; it has a space, a line end or others. Trim it: what is read from a file mostly ends with a line end',
    ],
    [
      { apiKey: 'sk-canary' },
      '"apiKey" must start with "tml-" for the hosted service. For another server give its address as baseUrl',
    ],
    [
      { baseUrl: 'h.test' },
      '"baseUrl" must be an absolute http or https URL, got "h.test". Did you mean "http://h.test"?',
    ],
    [{ baseUrl: 'ftp://h.test' }, '"baseUrl" must be an absolute http or https URL, got "ftp://h.test"'],
    [{ baseUrl: '/api/v1' }, '"baseUrl" must be an absolute http or https URL, got "/api/v1"'],
    [{ baseUrl: 5 }, '"baseUrl" must be an absolute http or https URL, got 5'],
    [
      { baseUrl: new URL('https://h.test') },
      '"baseUrl" must be an absolute http or https URL, got an object',
    ],
    [
      { baseUrl: 'https://user:canary@h.test' },
      '"baseUrl" must have no credentials, query or fragment. Give a credential as apiKey, or in defaultHeaders',
    ],
    [
      { baseUrl: 'https://h.test?key=canary' },
      '"baseUrl" must have no credentials, query or fragment. Give a credential as apiKey, or in defaultHeaders',
    ],
    [
      { baseUrl: 'https://h.test#canary' },
      '"baseUrl" must have no credentials, query or fragment. Give a credential as apiKey, or in defaultHeaders',
    ],
    [{ projectId: '' }, '"projectId" must be a non-empty string, got ""'],
    [{ attemptTimeoutMs: 0 }, '"attemptTimeoutMs" must be a finite number > 0, got 0'],
    [
      { attemptTimeoutMs: Number.POSITIVE_INFINITY },
      '"attemptTimeoutMs" must be a finite number > 0, got Infinity',
    ],
    [{ attemptTimeoutMs: '60' }, '"attemptTimeoutMs" must be a finite number > 0, got "60"'],
    [{ retryBudgetMs: -1 }, '"retryBudgetMs" must be a finite number >= 0, got -1'],
    [{ retryBudgetMs: Number.NaN }, '"retryBudgetMs" must be a finite number >= 0, got NaN'],
    [
      { pollPolicy: 'none' },
      '"pollPolicy" must be "adaptive", "python", an object of numbers or a function, got "none"',
    ],
    [{ pollPolicy: { maxMs: 1 } }, '"pollPolicy.maxMs" must be a finite number >= 1000, got 1'],
    [{ onLimit: 'sometimes' }, '"onLimit" must be "wait" or "throw", got "sometimes"'],
    [{ connections: 2 }, '"connections" must be an integer >= 3, got 2'],
    [
      { circuitBreaker: { failureThreshold: 0 } },
      '"circuitBreaker.failureThreshold" must be an integer >= 1, got 0',
    ],
    [{ billingPauseMs: -1 }, '"billingPauseMs" must be a finite number >= 0, got -1'],
    [{ progressTimeoutMs: 0 }, '"progressTimeoutMs" must be a finite number > 0, got 0'],
    [{ serverDeduplicates: 'yes' }, '"serverDeduplicates" must be true or false, got "yes"'],
    [{ wake: 5 }, '"wake" must be a function, got 5'],
  ])('is refused when the client is made: %j', (options, message) => {
    const error = thrown(() =>
      createServiceClient({ apiKey: 'tml-key', ...options } as ServiceClientOptions),
    );
    expect(isTinkerError(error, 'input_invalid')).toBe(true);
    expect((error as TinkerInputError).message).toBe(message);
    expect((error as TinkerInputError).stack).not.toContain('canary');
  });
});

describe('options of the wrong kind', () => {
  it.each([
    [{ fetch: 'x' }, 'fetch', '"fetch" must be a function, got "x"'],
    [{ onEvent: 1 }, 'onEvent', '"onEvent" must be a function, got 1'],
    [{ random: 0.5 }, 'random', '"random" must be a function, got 0.5'],
    [{ createId: {} }, 'createId', '"createId" must be a function, got an object'],
    [{ tags: 'a,b' }, 'tags', '"tags" must be an array of strings, got "a,b"'],
    [{ tags: ['a', 1] }, 'tags[1]', '"tags[1]" must be a non-empty string, got 1'],
    [{ userMetadata: { a: 1 } }, 'userMetadata.a', '"userMetadata.a" must be a string, got 1'],
    [
      { defaultHeaders: { a: 'secret\nvalue' } },
      'defaultHeaders.a',
      '"defaultHeaders.a" is not a header that can be sent: its name or its value has a character that none may have',
    ],
    [
      { defaultHeaders: { 'a b': 'x' } },
      'defaultHeaders.a b',
      '"defaultHeaders.a b" is not a header that can be sent: its name or its value has a character that none may have',
    ],
  ])('%j is named', (options, field, message) => {
    const error = thrown(() => resolve(options)) as TinkerInputError;
    expect(isTinkerError(error, 'input_invalid')).toBe(true);
    expect([error.field, error.message]).toEqual([field, message]);
  });

  it('are not shared with the caller afterwards', () => {
    const given = { tags: ['a'], userMetadata: { a: 'b' }, defaultHeaders: { c: 'd' } };
    const { tags, userMetadata, defaultHeaders } = resolve(given);
    given.tags.push('later');
    given.userMetadata.a = 'later';
    given.defaultHeaders.c = 'later';
    expect({ tags, userMetadata, defaultHeaders }).toEqual({
      tags: ['a'],
      userMetadata: { a: 'b' },
      defaultHeaders: { c: 'd' },
    });
  });
});
