import {
  createServiceClient,
  type FutureHandle,
  type ResumableKind,
  type ServiceClientOptions,
} from '../../../src/index.ts';
import type { Answer } from '../../../src/testing/scripted-fetch.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import {
  type ErrorFixture,
  type ErrorFixtures,
  failureOf,
  json,
  SECRET_KEY,
  type Setting,
  served,
  trained,
} from './fixture.ts';

const PENDING = json(200, {
  type: 'try_again',
  queue_state: 'paused_capacity',
  queue_state_reason: 'no GPU is free',
});
const MODEL = json(200, { model_id: 'sess-1:train:0' });
const DATA = [{ modelInput: [1, 2], lossFnInputs: { target_tokens: [2, 3] } }];
const POLLS: Setting = { script: { retrieve_future: [MODEL, PENDING] } };
const lost: Answer = () => {
  throw new TypeError('fetch failed', { cause: new Error('read ECONNRESET') });
};

/** A connection that fails like this, on every attempt. */
const broken = (name: string, cause: unknown, options: Partial<ServiceClientOptions> = {}): ErrorFixture =>
  served(
    name,
    {
      options: {
        retryBudgetMs: 0,
        clientConfig: false,
        fetch: () => Promise.reject(new TypeError('fetch failed', { cause })),
        ...options,
      },
    },
    ({ service }) => service.createLoraTrainingClient({ baseModel: 'm' }),
  );

/** As a page sees it, which has a document. */
const inPage = ({ name, provoke }: ErrorFixture): ErrorFixture => ({
  name,
  async provoke() {
    Object.assign(globalThis, { document: {} });
    try {
      return await provoke();
    } finally {
      Reflect.deleteProperty(globalThis, 'document');
    }
  },
});

const coded = (message: string, code: string): Error => Object.assign(new Error(message), { code });

/** Requests that are not answered. */
export const CONNECTIONS: ErrorFixtures = {
  title: 'Connections',
  fixtures: [
    broken('a server that does not run', coded('connect ECONNREFUSED 127.0.0.1:8000', 'ECONNREFUSED')),
    broken('a host that does not exist', coded('getaddrinfo ENOTFOUND tinker.test', 'ENOTFOUND')),
    broken(
      'a certificate that is not trusted',
      coded('self-signed certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT'),
    ),
    broken('a connection that is cut', coded('read ECONNRESET', 'ECONNRESET')),
    inPage(
      broken('a page of another origin', undefined, {
        fetch: () => Promise.reject(new TypeError('Failed to fetch')),
      }),
    ),
    broken('a fetch that forgets to return', undefined, { fetch: (async () => {}) as never }),
    broken('a function for the key that fails', undefined, {
      apiKey: () => {
        throw new Error('the vault is locked');
      },
    }),
    broken('a function for the key that gives none', undefined, { apiKey: (() => undefined) as never }),
    served(
      'an attempt that takes too long',
      { script: { create_session: ['nothing'] }, options: { attemptTimeoutMs: 5_000, retryBudgetMs: 0 } },
      ({ service }) => service.createLoraTrainingClient({ baseModel: 'm' }),
    ),
    served(
      'a token that the key does not get',
      {
        script: {
          'client/config': [json(200, { pjwt_auth_enabled: true })],
          'auth/token': [json(403, { detail: 'This key is disabled' })],
        },
      },
      ({ service }) => service.createLoraTrainingClient({ baseModel: 'm' }),
    ),
    served(
      'tokens that the server does not have after all',
      { script: { 'client/config': [json(200, { pjwt_auth_enabled: true })] } },
      ({ service }) => service.createLoraTrainingClient({ baseModel: 'm' }),
    ),
    served(
      'a token that is none',
      {
        script: {
          'client/config': [json(200, { pjwt_auth_enabled: true })],
          'auth/token': [json(200, { token: 'x' })],
        },
      },
      ({ service }) => service.createLoraTrainingClient({ baseModel: 'm' }),
    ),
  ],
};

/** Time that runs out. */
export const TIMES: ErrorFixtures = {
  title: 'Limits of time',
  fixtures: [
    trained('an operation that waits in the server’s queue', POLLS, (training) =>
      training.optimStep({}, { timeoutMs: 60_000 }),
    ),
    trained('one look at it', POLLS, (training) => training.optimStep({}).result({ timeoutMs: 60_000 })),
    trained(
      'an operation whose result cannot be asked for',
      { script: { retrieve_future: [MODEL, json(503, { detail: 'No backend' })] } },
      (training) => training.optimStep({}, { timeoutMs: 60_000 }),
    ),
    trained(
      'an operation that is not accepted',
      { script: { optim_step: [json(503, { detail: 'No backend' })] }, options: { retryBudgetMs: 20_000 } },
      (training) => training.optimStep({}, { timeoutMs: 5_000 }),
    ),
    trained(
      'an operation that waits for one before it',
      { script: { optim_step: ['nothing'] } },
      (training) => {
        void training.optimStep().status;
        return training.saveState('n', { timeoutMs: 5_000 });
      },
    ),
    served(
      'a call that is not answered',
      { script: { get_server_capabilities: ['nothing'] } },
      ({ service }) => service.getServerCapabilities({ timeoutMs: 5_000 }),
    ),
    served(
      'samples that are stuck',
      { script: { retrieve_future: [PENDING] }, options: { progressTimeoutMs: 600_000 } },
      async ({ service }) =>
        (await service.createSamplingClient({ baseModel: 'm' })).sample({ prompt: [1], maxTokens: 1 }),
    ),
  ],
};

/** Numbered requests whose order is in danger. */
export const ORDER: ErrorFixtures = {
  title: 'Order of training requests',
  fixtures: [
    trained(
      'a request that may have arrived, on a server that would take it twice',
      { script: { optim_step: [lost] }, options: { serverDeduplicates: false } },
      (training) => training.optimStep(),
    ),
    trained(
      'a request that may have arrived',
      { script: { optim_step: [lost] }, options: { retryBudgetMs: 0 } },
      (training) => training.optimStep(),
    ),
    trained(
      'what comes after it',
      { script: { optim_step: [lost] }, options: { retryBudgetMs: 0 } },
      async (training) => {
        await failureOf(() => training.optimStep());
        return training.saveState('n');
      },
    ),
    trained(
      'a pass that was taken in part',
      {
        script: {
          forward_backward: [json(200, { request_id: 'a' }), json(400, { detail: 'datum 1 is too long' })],
        },
        options: { clientConfig: { maxChunkLength: 1, parallelChunks: false } },
      },
      (training) => training.forwardBackward([...DATA, ...DATA], 'cross_entropy'),
    ),
    trained(
      'an update whose pass was refused',
      { script: { forward_backward: [json(400, { detail: 'datum 0 is too long' })] } },
      (training) => {
        const { forwardBackward, optimStep } = training.trainStep(DATA, 'cross_entropy');
        void Promise.resolve(forwardBackward).catch(() => {});
        return optimStep;
      },
    ),
  ],
};

/** Limits of the client's own. */
export const LIMITS: ErrorFixtures = {
  title: 'Limits, budgets, circuits',
  fixtures: [
    served(
      'more samples than may run, for who does not wait',
      {
        script: {
          'client/config': [json(200, { sample_max_concurrent_requests: 1 })],
          retrieve_future: [PENDING],
        },
      },
      async ({ service }) => {
        const sampling = await service.createSamplingClient({ baseModel: 'm' });
        void sampling.sample({ prompt: [1], maxTokens: 1 }).status;
        return sampling.sample({ prompt: [2], maxTokens: 1 }, { onLimit: 'throw' });
      },
    ),
    served(
      'a pause that the server asks for, for who does not wait',
      {
        script: {
          asample: [{ status: 429, body: { detail: 'Slow down' }, headers: { 'retry-after': '7' } }],
        },
      },
      async ({ service }) =>
        (await service.createSamplingClient({ baseModel: 'm' })).sample(
          { prompt: [1], maxTokens: 1 },
          { onLimit: 'throw' },
        ),
    ),
    served(
      'what comes while it lasts',
      {
        script: {
          asample: [{ status: 429, body: { detail: 'Slow down' }, headers: { 'retry-after': '7' } }],
        },
      },
      async ({ service }) => {
        const sampling = await service.createSamplingClient({ baseModel: 'm' });
        await failureOf(() => sampling.sample({ prompt: [1], maxTokens: 1 }, { onLimit: 'throw' }));
        return sampling.sample({ prompt: [1], maxTokens: 1 }, { onLimit: 'throw' });
      },
    ),
    trained(
      'a bill to be paid, for who does not wait',
      { script: { optim_step: [json(402, { detail: 'Insufficient balance' })] } },
      (training) => training.optimStep({}, { onLimit: 'throw' }),
    ),
    trained(
      'more tokens than the budget has left',
      { options: { budget: { tokens: 3 } } },
      async (training) => {
        await training.forwardBackward(DATA, 'cross_entropy');
        return training.forwardBackward(DATA, 'cross_entropy');
      },
    ),
    trained(
      'more tokens than the budget has left while others run',
      { ...POLLS, options: { budget: { tokens: 3 } } },
      (training) => {
        void training.forwardBackward(DATA, 'cross_entropy').status;
        return training.forwardBackward(DATA, 'cross_entropy');
      },
    ),
    served(
      'a circuit that is open',
      {
        script: { get_server_capabilities: [json(503, { detail: 'No backend' })] },
        options: { circuitBreaker: { failureThreshold: 1 }, retryBudgetMs: 0 },
      },
      async ({ service }) => {
        await failureOf(() => service.getServerCapabilities());
        return service.getServerCapabilities();
      },
    ),
    served('a client that was closed', {}, async ({ service }) => {
      await service.close();
      return service.getServerCapabilities();
    }),
    trained('a client that is closed meanwhile', POLLS, (training, { service }) => {
      const update = training.optimStep();
      void service.close();
      return update;
    }),
  ],
};

/** A handle that did not come back as it was. */
const handle = (name: string, changes: object): ErrorFixture => ({
  name,
  provoke: async () => {
    const clock = createVirtualClock();
    const service = createServiceClient({
      apiKey: SECRET_KEY,
      baseUrl: 'https://tinker.test',
      fetch: async () => Response.json({}),
      clock,
    });
    const kept = { version: 1, kind: 'optim_step', requestIds: ['request-7'], ...changes };
    const error = await failureOf(
      () => service.resume(kept as FutureHandle & { readonly kind: ResumableKind }),
      clock,
    );
    await service.close();
    return error;
  },
});

/** Mistakes in resuming. */
export const RESUMING: ErrorFixtures = {
  title: 'Resuming',
  fixtures: [
    {
      name: 'the text of a handle',
      provoke: async () => {
        const service = createServiceClient({
          apiKey: SECRET_KEY,
          baseUrl: 'https://tinker.test',
          fetch: async () => Response.json({}),
        });
        const error = await failureOf(() => service.resume('{"version":1}' as never));
        await service.close();
        return error;
      },
    },
    handle('a handle that was taken too early', { requestIds: [] }),
    handle('a handle of another version', { version: 2 }),
    handle('a handle of an operation that cannot be resumed', { kind: 'unknown' }),
    handle('a handle with too many ids', { requestIds: ['request-7', 'request-8'] }),
    handle('a handle with an id that is no text', { requestIds: [7] }),
    handle('a handle with a length that is none', { kind: 'sample', promptLength: 0 }),
  ],
};
