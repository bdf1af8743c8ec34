import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { offline } from '../support/offline.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes in use once nothing is left to collect. */
async function heapInUse(): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().heapUsed;
}

it('holds nothing of ten thousand futures that were sampled', async () => {
  const { clock, service, emulator } = offline({ emulator: { latencyMs: 0 } });
  const sampler = await clock.drive(service.createSamplingClient({ baseModel: emulator.modelName }));
  const thousand = async (): Promise<void> => {
    const futures = Array.from({ length: 1000 }, (_, i) =>
      sampler.sample({ prompt: [i % 256], maxTokens: 1 }),
    );
    await clock.drive(Promise.all(futures));
  };
  // The emulator's own memory of requests and results is bounded; let it fill up first.
  for (let round = 0; round < 2; round++) await thousand();
  const before = await heapInUse();
  for (let round = 0; round < 10; round++) await thousand();
  const perFuture = ((await heapInUse()) - before) / 10_000;
  expect(perFuture).toBeLessThan(40);
  // The heartbeat is all that still ticks.
  expect(clock.pending).toBe(1);
  await service.close();
  expect(clock.pending).toBe(0);
}, 120_000);
