import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type RandomSource, seededRandom } from '../../src/index.ts';
import { batch, offline } from '../support/offline.ts';

/** What may become of an exchange on its way; `lost` means that the server did it and nobody heard. */
const FATES = ['reset before', 'lost', 'cut', '503', '429', '500', '408', 'slow', 'empty 400'] as const;

type Fetch = (request: Request) => Promise<Response>;

/** A way to the server on which `chance` of all exchanges meet one of the fates. */
function bad(fetch: Fetch, chance: number, random: RandomSource, wait: (ms: number) => Promise<void>): Fetch {
  return async (request) => {
    const isHit = random() < chance && !request.url.endsWith('session_heartbeat');
    switch (isHit ? FATES[Math.floor(random() * FATES.length)] : 'fine') {
      case 'reset before':
        throw new TypeError('fetch failed', { cause: new Error('read ECONNRESET') });
      case 'lost':
        await fetch(request);
        throw new TypeError('fetch failed', { cause: new Error('other side closed') });
      case 'cut': {
        // Three polls of one future that are cut in a row are its end, as they should be.
        if (request.url.endsWith('retrieve_future')) return new Response('', { status: 503 });
        const response = await fetch(request);
        const text = await response.text();
        return new Response(text.slice(0, text.length >> 1), response);
      }
      case '503':
        await fetch(request);
        return new Response('bad gateway', { status: 503 });
      case '500':
        return new Response(`crash ${random()}`, { status: 500 });
      case '429':
        return Response.json({ detail: 'slow down' }, { status: 429 });
      case '408':
        return new Response('', { status: 408 });
      case 'empty 400':
        // A poll takes three of them in its life; a submission as many as come.
        return request.url.endsWith('retrieve_future')
          ? new Response('', { status: 502 })
          : new Response('', { status: 400 });
      case 'slow':
        await wait(random() * 70_000);
        return fetch(request);
      default:
        return fetch(request);
    }
  };
}

/** Train, save, go on, and sample; everything submitted ahead, as a user would. */
async function run(chance: number, seed: number) {
  const random = seededRandom(seed);
  const setup = offline({
    wrap: (fetch) =>
      bad(fetch, chance, random, (ms) => new Promise((resolve) => void setup.clock.schedule(resolve, ms))),
    // A circuit that opened would refuse new samples at once, as it should; this one only counts.
    client: { random: seededRandom(seed + 1), circuitBreaker: { failureThreshold: 1_000 } },
  });
  const { clock, service, emulator } = setup;
  const training = await clock.drive(
    service.createLoraTrainingClient({ baseModel: emulator.modelName, rank: 4, seed: 3 }),
  );
  const steps = Array.from({ length: 6 }, (_, step) =>
    training.trainStep(batch(1, 8, step), 'cross_entropy', { learningRate: 0.02 }),
  );
  const saved = training.saveState('middle');
  const more = training.trainStep(batch(1, 8, 9), 'cross_entropy', { learningRate: 0.02 });
  const results = await clock.drive(Promise.all([...steps, more]));
  const { path } = await clock.drive(saved);
  const sampler = await clock.drive(training.saveWeightsAndGetSamplingClient());
  const calls = Array.from({ length: 5 }, (_, i) =>
    sampler.sample({ prompt: [i + 1], maxTokens: 4, seed: i }),
  );
  const samples = await clock.drive(Promise.all(calls));
  const { operations, lanes } = service.snapshot();
  expect(operations).toEqual([]);
  // Heartbeats, and the question for dynamic settings, go on by themselves.
  const { session, ...others } = lanes;
  expect(session.waiting).toBe(0);
  for (const lane of Object.values(others)) expect(lane).toEqual({ inFlight: 0, waiting: 0 });
  await service.close();
  await clock.advance(100_000);
  expect(clock.pending).toBe(0);
  return {
    losses: results.map(({ forwardBackward }) => forwardBackward.metrics['loss:sum']),
    norms: results.map(({ optimStep }) => optimStep.metrics['grad_norm:mean']),
    path: path.replace(/^.*\/weights/, 'weights'),
    samples: samples.map(({ sequences }) => [...(sequences[0]?.tokens ?? [])]),
  };
}

it('a way to the server that fails a third of the time changes no bit: no gradient is lost, none counts twice', async () => {
  const calm = await run(0, 1);
  expect(new Set(calm.losses).size).toBe(7);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 31 }), async (seed) => {
      expect(await run(0.35, seed)).toEqual(calm);
    }),
    { numRuns: 30, endOnFailure: true },
  );
}, 120_000);
