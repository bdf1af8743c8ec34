import { createServiceClient, type ServiceClientOptions } from '../../../src/index.ts';
import { type ErrorFixture, type ErrorFixtures, local, SECRET_KEY } from './fixture.ts';

/** A client made with one option that cannot be right. */
const option = (name: string, options: Record<string, unknown>): ErrorFixture =>
  local(name, () =>
    createServiceClient({
      apiKey: SECRET_KEY,
      baseUrl: 'https://tinker.test',
      ...options,
    } as ServiceClientOptions),
  );

/** Mistakes in the options of a service. */
export const OPTION_MISTAKES: ErrorFixtures = {
  title: 'Options of a service',
  fixtures: [
    local('no options at all', () => (createServiceClient as () => unknown)()),
    option('no API key', { apiKey: undefined }),
    option('an API key that is empty', { apiKey: '' }),
    option('an API key with a line end', { apiKey: `${SECRET_KEY}\n` }),
    local('the API key of another service', () =>
      createServiceClient({ apiKey: 'sk-key-of-the-user-0123456789' }),
    ),
    option('an address without a scheme', { baseUrl: 'localhost:8000' }),
    option('an address that is a path', { baseUrl: '/api/v1' }),
    option('an address with a password', { baseUrl: 'https://user:secret@tinker.test' }),
    option('a way to send the key that does not exist', { authScheme: 'basic' }),
    option('a fetch that is no function', { fetch: 'node-fetch' }),
    option('a header that cannot be sent', { defaultHeaders: { 'x-note': 'line\nend' } }),
    option('headers in a Headers object', { defaultHeaders: new Headers({ 'x-note': 'n' }) }),
    option('tags that are one text', { tags: 'experiment' }),
    option('metadata that is no text', { userMetadata: { run: 5 } }),
    option('a limit of an attempt that is text', { attemptTimeoutMs: '60000' }),
    option('a negative budget for retries', { retryBudgetMs: -1 }),
    option('a pace of polling that does not exist', { pollPolicy: 'fast' }),
    option('a pace of polling with a wrong bound', { pollPolicy: { firstMs: 500, maxMs: 100 } }),
    option('an answer to limits that does not exist', { onLimit: 'fail' }),
    option('too few connections', { connections: 2 }),
    option('a circuit that opens after no failure', { circuitBreaker: { failureThreshold: 0 } }),
    option('a store that is none', { storage: { getItem: () => null } }),
    option('a wire format that does not exist', { wireFormat: 'protobuf' }),
    option('a setting of the server that does not exist', { clientConfig: { maxChunks: 5 } }),
    option('a setting of the server out of bounds', { clientConfig: { maxChunkTokens: 0 } }),
    option('a budget that is a number', { budget: 1_000_000 }),
    option('a budget below nothing', { budget: { tokens: -1 } }),
    option('telemetry that is text', { telemetry: 'off' }),
    option('a listener that is no function', { onEvent: console }),
    option('a clock that is none', { clock: {} }),
    option('limits that are none', { limits: {} }),
  ],
};
