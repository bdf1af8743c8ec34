import { createServiceClient, type ServiceClient } from 'isotinker';
import * as testing from 'isotinker/testing';
import { expect, it } from 'vitest';
import { filesUnder, importsOf, parse } from '../../architecture/source-files.ts';

it('is everything a test needs, and nothing else', () => {
  expect(Object.keys(testing).sort()).toEqual([
    'InterleavingError',
    'STORAGE_CONTRACT',
    'countListeners',
    'createGates',
    'createSharedStore',
    'createVirtualClock',
    'exploreInterleavings',
    'randomInterleavings',
    'scriptedFetch',
    'storageCases',
  ]);
});

it.each(filesUnder('src/testing'))('%s runs wherever the library does, without a test framework', (file) => {
  const foreign = importsOf(parse(file)).filter(
    ({ specifier }) => !/^(\.|\.\.\/(kernel|storage))\/[\w-]+\.ts$/.test(specifier),
  );
  expect(foreign).toEqual([]);
});

it('tests a user’s own code: half a minute of it at once, against a server that follows a script', async () => {
  const firstToken = async (service: ServiceClient): Promise<number | undefined> => {
    const sampler = await service.createSamplingClient({ baseModel: 'some/model' });
    const { sequences } = await sampler.sample({ prompt: [1, 2, 3], maxTokens: 1 });
    return sequences[0]?.tokens[0];
  };
  const clock = testing.createVirtualClock();
  const { fetch, requests } = testing.scriptedFetch(
    {
      create_session: [{ status: 200, body: { session_id: 's' } }],
      session_heartbeat: [{ status: 200 }],
      create_sampling_session: [{ status: 200, body: { sampling_session_id: 's:0' } }],
      asample: [{ status: 503 }, { status: 200, body: { request_id: 'r' } }],
      retrieve_future: [
        { status: 408, afterMs: 30_000 },
        { status: 200, body: { sequences: [{ tokens: [7], stop_reason: 'length' }] } },
      ],
    },
    undefined,
    { clock, latencyMs: 20 },
  );
  const service = createServiceClient({ apiKey: 'tml-test', fetch, clock, random: () => 0.5 });
  expect(await clock.drive(firstToken(service))).toBe(7);
  await service.close();
  expect(requests.map(({ path }) => path).filter((path) => path !== 'session_heartbeat')).toEqual([
    'client/config',
    'create_session',
    'create_sampling_session',
    'asample',
    'asample',
    'retrieve_future',
    'retrieve_future',
  ]);
  expect(clock.monotonic()).toBeGreaterThan(30_000);
  expect(clock.monotonic()).toBeLessThan(35_000);
  expect(clock.pending).toBe(0);
});
