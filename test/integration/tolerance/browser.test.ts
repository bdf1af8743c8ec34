import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Emulator, EmulatorOptions } from '../../../src/emulator/index.ts';
import { driveToRejection } from '../../support/settled.ts';
import { type Watched, watched } from '../../support/watched.ts';

// Above each test: changes of the client that make it fail.

/** Headers that need no preflight's permission. */
const SAFE = ['accept', 'accept-language', 'content-language'];

/**
 * `fetch` of a page of another origin: it asks first, tells nothing of what the server does not let it see, and nothing of
 * a redirect but that there was one.
 */
function pageFetch(fetch: Emulator['fetch'], sent: Set<string>): Emulator['fetch'] {
  const origin = 'https://page.test';
  const blocked = (): TypeError => new TypeError('Failed to fetch');
  return async (request) => {
    const names = [...request.headers.keys()].filter((name) => !SAFE.includes(name));
    for (const name of names) sent.add(name);
    const preflight = new Request(request.url, {
      method: 'OPTIONS',
      headers: {
        'access-control-request-method': request.method,
        'access-control-request-headers': names.join(','),
        origin,
      },
    });
    const allowed = await fetch(preflight);
    const list = (name: string) => (allowed.headers.get(name) ?? '').toLowerCase().split(/\s*,\s*/);
    const isAllowed = ['*', origin].includes(allowed.headers.get('access-control-allow-origin') ?? '');
    if (!isAllowed || !names.every((name) => list('access-control-allow-headers').includes(name)))
      throw blocked();
    const response = await fetch(request);
    if (!response.headers.has('access-control-allow-origin')) throw blocked();
    if (response.status < 300 || response.status > 399) return response;
    const opaque = new Response(null);
    Object.defineProperties(opaque, { status: { value: 0 }, type: { value: 'opaqueredirect' } });
    return opaque;
  };
}

/** A client in a page. @param sent - Takes the names of the headers that need permission. */
function inPage(options: EmulatorOptions, sent = new Set<string>()): Watched {
  const setup = watched(options);
  return watched({}, { fetch: pageFetch(setup.emulator.fetch, sent), clock: setup.clock, retryBudgetMs: 0 });
}

beforeEach(() => vi.stubGlobal('document', {}));
afterEach(() => vi.unstubAllGlobals());

// Breaks it: classify.ts without CORS_HINT, or with it on every platform; create-runtime.ts, `describesRequests` always.
describe('servers.md 2.1 item 43', () => {
  it('names CORS and the remedy where a page is told nothing', async () => {
    const setup = inPage({});
    const message = expect.stringMatching(
      /^Could not reach https:\/\/[^:]+: Failed to fetch\. .*CORS.*proxy/,
    );
    expect(await driveToRejection(setup.clock, setup.service.getServerCapabilities())).toMatchObject({
      code: 'connection_failed',
      message,
      hint: expect.stringContaining('CORS'),
    });
    await setup.finish();
  });

  it('says nothing of it where there is no page', async () => {
    vi.unstubAllGlobals();
    const setup = inPage({});
    const error = await driveToRejection(setup.clock, setup.service.getServerCapabilities());
    expect(error).toMatchObject({
      code: 'connection_failed',
      message: expect.not.stringContaining('CORS'),
    });
    await setup.finish();
  });

  it('trains and samples in a page that the server allows, and sends no header that only describes it', async () => {
    const sent = new Set<string>();
    const setup = inPage({ cors: true }, sent);
    const training = await setup.training();
    expect(await setup.step(training)).toBeGreaterThan(0);
    const sampler = await setup.clock.drive(training.saveWeightsAndGetSamplingClient());
    const { sequences } = await setup.clock.drive(sampler.sample({ prompt: [1], maxTokens: 2 }));
    expect(sequences[0]?.tokens).toHaveLength(2);
    expect([...sent].sort()).toEqual([
      'content-type',
      'x-api-key',
      'x-idempotency-key',
      'x-tinker-sampling-backpressure',
    ]);
    await setup.finish();
  });
});

// Breaks it: checkpoint-archive.ts without `hidden_redirect`.
describe('servers.md 2.1 item 44', () => {
  it('says what to do where a page may not see where a redirect leads', async () => {
    const setup = inPage({ cors: true });
    const training = await setup.training();
    const { path } = await setup.clock.drive(training.saveWeightsForSampler('one'));
    const archive = setup.service.createRestClient().getCheckpointArchiveUrl(path);
    expect(await driveToRejection(setup.clock, archive)).toMatchObject({
      code: 'http_status',
      status: 0,
      hint: expect.stringMatching(/navigating/),
    });
    await setup.finish();
  });

  it('reads an address that is said in JSON', async () => {
    const setup = inPage({ cors: true, dialect: { archiveAnswer: 'json' } });
    const training = await setup.training();
    const { path } = await setup.clock.drive(training.saveWeightsForSampler('one'));
    const { url } = await setup.clock.drive(setup.service.createRestClient().getCheckpointArchiveUrl(path));
    expect(url).toContain('/download?token=');
    await setup.finish();
  });
});
