import type { ServiceClientOptions } from '../../../src/index.ts';
import { type ErrorFixture, type ErrorFixtures, json, served } from './fixture.ts';

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
