import { describe, expect, it } from 'vitest';
import type { SampleRequest } from '../../src/index.ts';
import type { Answer } from '../../src/testing/scripted-fetch.ts';
import { batch, offline } from '../support/offline.ts';
import { scriptedService } from '../support/service.ts';
import { rejection } from '../support/settled.ts';
import { forbidUnhandledRejections } from '../support/unhandled.ts';

const SAMPLE: SampleRequest = { prompt: [1, 2], maxTokens: 1 };
const REFUSED: Answer = { status: 400, body: { detail: 'no such thing' } };

forbidUnhandledRejections();

/** Names of the events that a server was sent, in order. */
const namesOf = (bodies: readonly unknown[]): string[] =>
  bodies.flatMap((body) => (body as { events: { event: string }[] }).events.map(({ event }) => event));

it('a client that was not asked to sends no telemetry, whatever happens', async () => {
  const { service, clock, bodies, finish } = scriptedService({ asample: [REFUSED] });
  const training = await clock.drive(service.createLoraTrainingClient({ baseModel: 'm' }));
  await clock.drive(training.optimStep());
  const sampler = await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
  await clock.drive(rejection(sampler.sample(SAMPLE)));
  await clock.advance(60_000);
  await finish();
  expect(bodies('telemetry')).toEqual([]);
  expect(service.snapshot().telemetry).toEqual({ queued: 0, sent: 0, dropped: 0 });
});

it('a client that was tells an emulator of its session and of what fails in it, and of its end only at the end', async () => {
  const { service, clock, emulator } = offline({ client: { telemetry: true } });
  const training = await clock.drive(service.createLoraTrainingClient({ baseModel: emulator.modelName }));
  const missing = training.loadState('tinker://nothing/weights/there');
  expect(await clock.drive(rejection(missing))).toMatchObject({ code: 'operation_failed', category: 'user' });
  await clock.drive(training.forwardBackward(batch(), 'cross_entropy'));
  await clock.advance(30_000);
  const told = () => emulator.telemetry.map(({ event }) => [event['event'], event['event_name']]);
  expect(told()).toEqual([
    ['SESSION_START', undefined],
    ['GENERIC_EVENT', 'user_error'],
  ]);
  await clock.drive(service.close());
  expect(told().slice(2)).toEqual([['SESSION_END', undefined]]);
  const indexes = emulator.telemetry.map(({ event }) => event['event_session_index']);
  expect(indexes).toEqual([0, 1, 2]);
  expect(new Set(emulator.telemetry.map(({ sessionId }) => sessionId)).size).toBe(1);
  expect(training.modelId.startsWith(`${emulator.telemetry[0]?.sessionId}:`)).toBe(true);
  expect(clock.pending).toBe(0);
});

describe('telemetry that hangs or fails', () => {
  it('delays no error and no call', async () => {
    const { service, clock, bodies } = scriptedService(
      { asample: [REFUSED], telemetry: ['nothing'] },
      { telemetry: true, connections: 3, circuitBreaker: { failureThreshold: 2 } },
    );
    const sampler = await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
    const startedAt = clock.monotonic();
    for (let i = 0; i < 5; i++) {
      expect(await clock.drive(rejection(sampler.sample(SAMPLE)))).toMatchObject({ status: 400 });
    }
    await clock.advance(0);
    expect(clock.monotonic()).toBe(startedAt);
    expect(bodies('telemetry')).toHaveLength(1);
    await clock.advance(60_000);
    expect(service.snapshot().circuits.rest).toMatchObject({ state: 'closed', failures: 0 });
    await clock.drive(service.close());
    expect(clock.pending).toBe(0);
  });

  it('makes nobody wait for the end of a service, who is not the one that closes it', async () => {
    const { service, clock } = scriptedService(
      { telemetry: ['nothing'], retrieve_future: ['nothing'] },
      { telemetry: true },
    );
    const sampler = await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
    const sample = rejection(sampler.sample(SAMPLE));
    await clock.advance(100);
    let endedAt = -1;
    const closing = service.close();
    const ended = sample.then((error) => {
      endedAt = clock.monotonic();
      return error;
    });
    await clock.drive(closing);
    expect(await ended).toMatchObject({ code: 'client_closed' });
    expect([endedAt, clock.monotonic(), clock.pending]).toEqual([100, 1_100, 0]);
  });

  it('counts all that is lost', async () => {
    const { service, clock, bodies } = scriptedService(
      { asample: [REFUSED], telemetry: [{ status: 503 }] },
      { telemetry: true },
    );
    const sampler = await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
    for (let round = 0; round < 4; round++) {
      const samples = Array.from({ length: 100 }, () => rejection(sampler.sample(SAMPLE)));
      await clock.drive(Promise.all(samples));
      await clock.advance(8_000);
    }
    const { queued, sent, dropped } = service.snapshot().telemetry;
    // The beginning of the session is one more.
    expect([sent, queued + dropped]).toEqual([0, 401]);
    expect(dropped).toBeGreaterThan(0);
    expect(namesOf(bodies('telemetry'))).not.toContain('SESSION_END');
    await clock.drive(service.close());
    expect(service.snapshot().telemetry).toEqual({ queued: 0, sent: 0, dropped: 402 });
    expect(clock.pending).toBe(0);
  });

  it('ends in silence on a server without it', async () => {
    const { service, clock, bodies, events, finish } = scriptedService(
      { asample: [REFUSED] },
      { telemetry: true },
    );
    const sampler = await clock.drive(service.createSamplingClient({ baseModel: 'm' }));
    for (let i = 0; i < 3; i++) {
      await clock.drive(rejection(sampler.sample(SAMPLE)));
      await clock.advance(20_000);
    }
    expect(bodies('telemetry')).toHaveLength(1);
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['operation_failed']));
    await finish();
  });
});
