import { describe, expect, it } from 'vitest';
import type {
  ApiFuture,
  FutureHandle,
  SamplingClient,
  ServiceClientOptions,
  TrainingClient,
} from '../../src/index.ts';
import { createServiceClient, isTinkerError } from '../../src/index.ts';
import { batch, offline } from '../support/offline.ts';
import { rejection } from '../support/settled.ts';
import { forbidUnhandledRejections } from '../support/unhandled.ts';

forbidUnhandledRejections();

interface Clients {
  readonly training: TrainingClient;
  readonly sampler: SamplingClient;
}

const PROMPT = [84, 104, 101, 32, 113];

/** Every operation whose result another process can read. */
const OPERATIONS: Readonly<Record<string, (clients: Clients, saved: string) => ApiFuture<unknown>>> = {
  forward: ({ training }) => training.forward(batch(5), 'cross_entropy'),
  forwardBackward: ({ training }) => training.forwardBackward(batch(5), 'cross_entropy'),
  forwardBackwardCustom: ({ training }) =>
    training.forwardBackwardCustom(batch(3), (_, logprobs) => ({
      loss: 7,
      gradients: logprobs.map((row) => row.map(() => -1)),
      metrics: { mine: 0.5 },
    })),
  optimStep: ({ training }) => training.optimStep(),
  saveState: ({ training }) => training.saveState('resumed'),
  saveWeightsForSampler: ({ training }) => training.saveWeightsForSampler('resumed'),
  loadState: ({ training }, saved) => training.loadState(saved),
  sample: ({ sampler }) =>
    sampler.sample({ prompt: PROMPT, maxTokens: 8, seed: 1, includePromptLogprobs: true }),
  computeLogprobs: ({ sampler }) => sampler.computeLogprobs(PROMPT),
  unload: ({ training }) => training.unload(),
};

describe.each<readonly [string, Partial<ServiceClientOptions>]>([
  ['as JSON', { wireFormat: 'json' }],
  ['as protobuf', { wireFormat: 'proto' }],
])('a result that is read by another process, %s', (_, client) => {
  it.each(Object.keys(OPERATIONS))('is the same: %s', async (name) => {
    // Passes in chunks, and every result announced by its size first.
    const emulator = { clientConfig: { fwdbwd_max_chunk_len: 2 }, metadataFirstBytes: 0, latencyMs: 10_000 };
    const { clock, emulator: server, service } = offline({ emulator, client });
    const training = await clock.drive(
      service.createLoraTrainingClient({ baseModel: server.modelName, rank: 4, seed: 1 }),
    );
    const sampler = await clock.drive(service.createSamplingClient({ baseModel: server.modelName }));
    await clock.drive(training.forwardBackward(batch(2), 'cross_entropy'));
    const { path: saved } = await clock.drive(training.saveState('before'));

    const future = OPERATIONS[name]?.({ training, sampler }, saved);
    if (future === undefined) throw new Error('no operation');
    const own = rejection(future).catch(() => {});
    const events = future.events();
    for await (const event of eventsOn(clock, events)) if (event === 'queued') break;
    const kept = JSON.stringify(future);
    expect(JSON.parse(kept).requestIds.length).toBe(
      name === 'forward' || name === 'forwardBackward' ? 3 : name.endsWith('Custom') ? 2 : 1,
    );

    // The server's result outlives whoever asked for it, and is there for whoever asks again.
    const other = createServiceClient({
      apiKey: 'tml-test',
      fetch: server.fetch,
      clock,
      random: () => 0,
      ...client,
    });
    const resumed = await clock.drive(
      other.resume(JSON.parse(kept) as FutureHandle as never) as ApiFuture<unknown>,
    );
    expect(resumed).toEqual(await clock.drive(future));
    await own;
    for (const one of [service, other]) await clock.drive(one.close());
    expect(clock.pending).toBe(0);
  });
});

/** The states of a future, while time passes. */
async function* eventsOn(
  clock: { drive<T>(work: PromiseLike<T>): Promise<T> },
  events: AsyncIterableIterator<{ readonly type: string; readonly status?: string }>,
): AsyncGenerator<string> {
  for (;;) {
    const { done, value } = await clock.drive(events.next());
    if (done === true) return;
    if (value.type === 'status') yield value.status ?? '';
  }
}

describe('a handle', () => {
  it('is worth nothing on another server, or for what that does not have', async () => {
    const { clock, emulator, service } = offline();
    const other = offline({ client: { clock } });
    const training = await clock.drive(
      service.createLoraTrainingClient({ baseModel: emulator.modelName, rank: 4 }),
    );
    const future = training.optimStep();
    await clock.drive(training.forwardBackward(batch(1), 'cross_entropy'));
    await clock.drive(rejection(future).catch(() => {}));
    const handle = future.toJSON() as FutureHandle & { kind: 'optim_step' };
    const error = await clock.drive(rejection(other.service.resume(handle)));
    expect(isTinkerError(error)).toBe(true);
    await clock.drive(service.close());
    await clock.drive(other.service.close());
    expect(clock.pending).toBe(0);
  });

  it('holds no key', async () => {
    const { clock, emulator, service } = offline({ client: { apiKey: 'tml-canary' } });
    const training = await clock.drive(
      service.createLoraTrainingClient({ baseModel: emulator.modelName, rank: 4 }),
    );
    const future = training.forwardBackward(batch(1), 'cross_entropy');
    await clock.drive(future);
    expect(JSON.stringify(future)).not.toContain('canary');
    await clock.drive(service.close());
  });
});
