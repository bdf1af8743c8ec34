import { describe, expect, it } from 'vitest';
import { isTinkerError, type ServiceClient } from '../../src/index.ts';
import type { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { batch, offline } from '../support/offline.ts';
import { rejection } from '../support/settled.ts';
import { forbidUnhandledRejections } from '../support/unhandled.ts';

forbidUnhandledRejections();

/** What the server has on its bill, by kind. */
async function billOf(service: ServiceClient, clock: VirtualClock): Promise<object> {
  const hour = 3_600_000;
  const startingOn = new Date(Math.floor(clock.now() / hour) * hour);
  const endingBefore = new Date(startingOn.getTime() + 2 * hour);
  const { events } = await clock.drive(
    service.createRestClient().getBillingUsage({ startingOn, endingBefore }),
  );
  const bill = { training: 0, prefill: 0, cached: 0, sampled: 0 };
  for (const { eventInfo } of events) {
    if (eventInfo.type === 'training') bill.training += eventInfo.tokenCount;
    if (eventInfo.type === 'sampling_sample') bill.sampled += eventInfo.tokenCount;
    if (eventInfo.type === 'sampling_prefill')
      bill[eventInfo.cached ? 'cached' : 'prefill'] += eventInfo.tokenCount;
  }
  return bill;
}

describe('tokens', () => {
  it('are counted as the server counts them, per client and in all', async () => {
    const { service, clock, emulator } = offline();
    const training = await clock.drive(service.createLoraTrainingClient({ baseModel: emulator.modelName }));
    await clock.drive(training.forwardBackward(batch(3, 12), 'cross_entropy'));
    await clock.drive(training.forwardBackward(batch(2, 10), 'cross_entropy'));
    await clock.drive(training.optimStep());
    const failing = training.loadState('tinker://nothing/weights/there');
    await clock.drive(rejection(failing));
    const sampler = await clock.drive(training.saveWeightsAndGetSamplingClient());
    const prompt = Array.from({ length: 20 }, (_, i) => 65 + i);
    await clock.drive(sampler.sample({ prompt, maxTokens: 8, numSamples: 3, seed: 1 }));
    await clock.drive(sampler.sample({ prompt, maxTokens: 4, seed: 2 }));
    await clock.drive(sampler.computeLogprobs(prompt));

    const bill = await billOf(service, clock);
    const { trained, prefill, cached, sampled } = service.usage();
    expect({ training: trained, prefill, cached, sampled }).toEqual(bill);
    expect(training.usage()).toEqual({ trained: 3 * 12 + 2 * 10, prefill: 0, cached: 0, sampled: 0 });
    expect(sampler.usage()).toEqual({ trained: 0, prefill, cached, sampled });
    expect(prefill + cached).toBe(3 * prompt.length);
    await clock.drive(service.close());
  });

  it('of forward passes count as prefill', async () => {
    const { service, clock, emulator } = offline();
    const training = await clock.drive(service.createLoraTrainingClient({ baseModel: emulator.modelName }));
    await clock.drive(training.forward(batch(2, 12), 'cross_entropy'));
    expect(training.usage()).toEqual({ trained: 0, prefill: 24, cached: 0, sampled: 0 });
    await clock.drive(service.close());
  });
});

describe('a budget', () => {
  it('stops at the first call that might go beyond it, however many come at once', async () => {
    const { service, clock, emulator } = offline({ client: { budget: { tokens: 200 } } });
    const sampler = await clock.drive(service.createSamplingClient({ baseModel: emulator.modelName }));
    // Up to 5 + 2 * 10 tokens each: eight of them may spend it all.
    const calls = Array.from({ length: 30 }, () =>
      sampler.sample({ prompt: [1, 2, 3, 4, 5], maxTokens: 10, numSamples: 2 }),
    );
    const outcomes = await clock.drive(Promise.allSettled(calls));
    const refused = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    expect(refused).toHaveLength(22);
    expect(refused.every(({ reason }) => isTinkerError(reason, 'budget_exceeded'))).toBe(true);
    expect(outcomes.slice(0, 8).every(({ status }) => status === 'fulfilled')).toBe(true);
    const { tokens } = service.snapshot();
    expect(tokens.reserved).toBe(0);
    expect(tokens.used).toBeLessThanOrEqual(200);
    expect(tokens.used).toBe(Object.values(service.usage()).reduce((sum, n) => sum + n, 0));
    await clock.drive(service.close());
  });

  it('takes no number of a training client, and sends nothing, where it refuses', async () => {
    const paths: string[] = [];
    const { service, clock, emulator } = offline({
      client: { budget: { tokens: 30 } },
      wrap: (fetch) => (request) => {
        paths.push(new URL(request.url).pathname);
        return fetch(request);
      },
    });
    const training = await clock.drive(service.createLoraTrainingClient({ baseModel: emulator.modelName }));
    await clock.drive(training.forwardBackward(batch(2, 12), 'cross_entropy'));
    const before = paths.filter((path) => path.endsWith('/forward_backward')).length;
    const refused = training.forwardBackward(batch(1, 7), 'cross_entropy');
    expect(await clock.drive(rejection(refused))).toMatchObject({
      code: 'budget_exceeded',
      limit: 30,
      used: 24,
      reserved: 0,
      requested: 7,
      retryable: false,
    });
    expect(paths.filter((path) => path.endsWith('/forward_backward'))).toHaveLength(before);
    // What costs nothing, and what fits, still goes.
    await clock.drive(training.forwardBackward(batch(1, 6), 'cross_entropy'));
    await clock.drive(training.optimStep());
    expect(service.snapshot().tokens).toEqual({ limit: 30, used: 30, reserved: 0 });
    await clock.drive(service.close());
  });

  it('holds nothing for calls that were aborted', async () => {
    const { service, clock, emulator } = offline({ client: { budget: { tokens: 100 } } });
    const sampler = await clock.drive(service.createSamplingClient({ baseModel: emulator.modelName }));
    const sample = sampler.sample({ prompt: [1, 2], maxTokens: 50 });
    const ended = rejection(sample);
    expect(service.snapshot().tokens.reserved).toBe(52);
    sample.cancel(new Error('enough'));
    expect(await clock.drive(ended)).toMatchObject({ message: 'enough' });
    expect(service.snapshot().tokens).toEqual({ limit: 100, used: 0, reserved: 0 });
    await clock.drive(service.close());
  });
});
