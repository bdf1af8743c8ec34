import { describe, expect, it } from 'vitest';
import { createEmulator } from '../../../src/emulator/index.ts';
import type { FutureHandle, SamplingService, SamplingServiceOptions } from '../../../src/index.ts';
import { createSamplingService, createServiceClient, seededRandom } from '../../../src/index.ts';
import { scriptedFetch } from '../../../src/testing/scripted-fetch.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import { SMALL } from '../../support/offline.ts';
import { healthyScript } from '../../support/service.ts';
import { rejection, thrown } from '../../support/settled.ts';
import { forbidUnhandledRejections } from '../../support/unhandled.ts';

forbidUnhandledRejections();

/** A sampling service and an emulator on one virtual clock. */
function offline(options: Partial<SamplingServiceOptions> = {}) {
  const clock = createVirtualClock();
  const emulator = createEmulator({ model: SMALL, clock, random: seededRandom(1), latencyMs: 100 });
  const shared = { apiKey: 'tml-test', fetch: emulator.fetch, clock, random: seededRandom(2) };
  return { clock, emulator, shared, service: createSamplingService({ ...shared, ...options }) };
}

const REQUEST = { prompt: [84, 104, 101], maxTokens: 6, seed: 3, includePromptLogprobs: true };

describe('a sampling service', () => {
  it('samples what a service client samples, and counts the same tokens', async () => {
    const { clock, emulator, shared, service } = offline();
    const whole = createServiceClient(shared);
    const results = [];
    for (const each of [service, whole] satisfies SamplingService[]) {
      const sampler = await clock.drive(each.createSamplingClient({ baseModel: emulator.modelName }));
      const sample = await clock.drive(sampler.sample(REQUEST));
      const logprobs = await clock.drive(sampler.computeLogprobs(REQUEST.prompt));
      results.push({ sample, logprobs, model: await sampler.getBaseModel(), usage: each.usage() });
      await clock.drive(each.close());
    }
    expect(results[0]?.sample.sequences[0]?.tokens).toHaveLength(6);
    expect(results[0]?.logprobs).toHaveLength(3);
    expect(results[0]?.usage.sampled).toBe(7);
    expect(results[0]).toEqual(results[1]);
    expect(clock.pending).toBe(0);
  });

  it('samples from weights that a service client saved', async () => {
    const { clock, emulator, shared, service } = offline();
    const whole = createServiceClient(shared);
    const training = await clock.drive(
      whole.createLoraTrainingClient({ baseModel: emulator.modelName, rank: 2, seed: 1 }),
    );
    const { path } = await clock.drive(training.saveWeightsForSampler('final'));
    const own = await clock.drive(training.createSamplingClient(path));
    const sampler = await clock.drive(service.createSamplingClient({ modelPath: path }));
    const [theirs, ours] = [
      await clock.drive(own.sample(REQUEST)),
      await clock.drive(sampler.sample(REQUEST)),
    ];
    expect(ours).toEqual(theirs);
    await clock.drive(Promise.all([service.close(), whole.close()]));
    expect(clock.pending).toBe(0);
  });

  it('knows what the server offers, and refuses what is longer than a model’s context', async () => {
    const { clock, emulator, service } = offline();
    const sampler = await clock.drive(service.createSamplingClient({ baseModel: emulator.modelName }));
    const { supportedModels } = await clock.drive(service.getServerCapabilities());
    expect(supportedModels).toContainEqual({ modelName: emulator.modelName, maxContextLength: 64 });
    const tooLong = { ...REQUEST, maxTokens: 62 };
    expect(thrown(() => sampler.sample(tooLong))).toMatchObject({ code: 'input_invalid', field: 'prompt' });
    await clock.drive(service.close());
  });

  it('resumes samples of service clients, and the other way round', async () => {
    const { clock, emulator, shared, service } = offline();
    const whole = createServiceClient(shared);
    const ways: readonly (readonly [SamplingService, SamplingService])[] = [
      [whole, service],
      [service, whole],
    ];
    for (const [from, to] of ways) {
      const sampler = await clock.drive(from.createSamplingClient({ baseModel: emulator.modelName }));
      for (const future of [sampler.sample(REQUEST), sampler.computeLogprobs(REQUEST.prompt)]) {
        const result = await clock.drive(future as PromiseLike<unknown>);
        const handle = JSON.parse(JSON.stringify(future)) as FutureHandle & { kind: 'sample' };
        expect(await clock.drive(to.resume(handle))).toEqual(result);
      }
    }
    await clock.drive(Promise.all([service.close(), whole.close()]));
  });

  it('refuses to resume what is no sample', () => {
    const { service } = offline();
    const handle = { version: 1, kind: 'forward', requestIds: ['r'] } as const;
    // @ts-expect-error -- a kind that is none of sampling
    const error = thrown(() => service.resume(handle));
    expect(error).toMatchObject({ code: 'input_invalid', field: 'handle.kind' });
    expect(String(error)).toMatch(/must be one of sample, compute_logprobs, got "forward"/);
  });

  it('takes the options of a service client, and sends no telemetry', async () => {
    // @ts-expect-error -- options that would change nothing
    offline({ telemetry: true });
    const all = {
      tags: ['t'],
      telemetry: true,
      serverDeduplicates: false,
      compress: (bytes: Uint8Array) => bytes,
    };
    const { clock, emulator, service } = offline(all);
    await clock.drive(service.createSamplingClient({ baseModel: emulator.modelName }));
    await clock.drive(service.close());
    expect(emulator.telemetry).toEqual([]);
  });

  it('refuses wrong options as a service client does', () => {
    expect(thrown(() => createSamplingService({ apiKey: '' }))).toMatchObject({ field: 'apiKey' });
    expect(thrown(() => createSamplingService({ apiKey: 'x' }))).toMatchObject({ field: 'apiKey' });
    expect(thrown(() => createSamplingService(undefined as never))).toMatchObject({ field: 'options' });
  });

  it('ends what is under way when it is closed, also by `await using`', async () => {
    const clock = createVirtualClock();
    const script = { ...healthyScript(), retrieve_future: [() => new Promise<Response>(() => {})] };
    const { fetch, requests } = scriptedFetch(script, undefined, { clock });
    const open = async (): Promise<readonly Promise<unknown>[]> => {
      await using service = createSamplingService({ apiKey: 'tml-test', fetch, clock });
      const sampler = await service.createSamplingClient({ baseModel: 'm' });
      const sample = sampler.sample(REQUEST);
      expect(service.snapshot().operations).toMatchObject([{ path: '/api/v1/asample' }]);
      return [rejection(sample)];
    };
    const [ended] = await open();
    expect(await ended).toMatchObject({ code: 'client_closed' });
    expect(clock.pending).toBe(0);
    expect(requests.map(({ path }) => path)).not.toContain('telemetry');
  });
});
