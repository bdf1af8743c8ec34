import { queryObjects } from 'node:v8';
import { expect, it } from 'vitest';
import { offline } from '../support/offline.ts';

/** What a request is made of: one of these kept per future would be the leak. */
const KINDS = [AbortController, AbortSignal, Request, Response, Promise, Int32Array, Map];

/** How many of each kind are alive. The query collects garbage first; some of it is only freed a turn later. */
async function countAlive(): Promise<Record<string, number>> {
  for (let turn = 0; turn < 5; turn++) {
    queryObjects(AbortSignal, { format: 'count' });
    await new Promise((resolve) => setImmediate(resolve));
  }
  return Object.fromEntries(
    KINDS.map((kind) => [kind.name, Number(queryObjects(kind, { format: 'count' }))]),
  );
}

it('holds nothing of ten thousand futures that were sampled', async () => {
  const { clock, service, emulator } = offline({ emulator: { latencyMs: 0 } });
  const sampler = await clock.drive(service.createSamplingClient({ baseModel: emulator.modelName }));
  const { signal } = new AbortController();
  const thousand = async (): Promise<void> => {
    for (let part = 0; part < 10; part++) {
      const sample = (i: number) => sampler.sample({ prompt: [i], maxTokens: 1 }, { signal, timeoutMs: 1e6 });
      await clock.drive(Promise.all(Array.from({ length: 100 }, (_, i) => sample(i))));
    }
  };
  // The emulator's own memory of requests and results is bounded; let it fill up first.
  await thousand();
  const before = await countAlive();
  for (let round = 0; round < 10; round++) await thousand();
  const after = await countAlive();
  for (const kind of Object.keys(before)) {
    expect([kind, (after[kind] ?? 0) - (before[kind] ?? 0)]).toEqual([
      kind,
      expect.toSatisfy((n: number) => n < 100),
    ]);
  }
  // Heartbeats and the server's dynamic settings are all that still tick.
  expect(clock.pending).toBe(2);
  await service.close();
  expect(clock.pending).toBe(0);
}, 120_000);
