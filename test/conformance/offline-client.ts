import type { EmulatorOptions } from '../../src/emulator/index.ts';
import type { FetchLike, ServiceClientOptions, TinkerEvent, TrainingClient } from '../../src/index.ts';
import { batch, offline } from '../support/offline.ts';
import { assertEqual, bitsOf, textOf } from './assertions.ts';
import { inMemory, patientClock } from './patience.ts';

/** What an offline client may be given beside its defaults. */
export interface OfflineOptions {
  readonly emulator?: EmulatorOptions;
  readonly client?: Partial<ServiceClientOptions>;
  /** Puts something between them. */
  readonly wrap?: (fetch: FetchLike) => FetchLike;
}

/** A client and an emulator on one virtual clock, which is patient enough for browsers. */
export function offlineClient({
  client,
  emulator: options = {},
  wrap = (fetch) => fetch,
}: OfflineOptions = {}) {
  const clock = patientClock();
  const events: TinkerEvent[] = [];
  const onEvent = (event: TinkerEvent): void => void events.push(event);
  const { emulator, service } = offline({
    emulator: options,
    client: { onEvent, ...client, clock },
    wrap: (fetch) => inMemory(wrap(fetch)),
  });
  return {
    clock,
    emulator,
    service,
    events,
    train: (seed = 1, rank = 4): Promise<TrainingClient> =>
      clock.drive(service.createLoraTrainingClient({ baseModel: emulator.modelName, rank, seed })),
    /**
     * Close the service, and see that nothing of it is left: neither timers nor operations.
     *
     * @param afterMs - Time for the emulator to come to rest.
     */
    async finish(afterMs = 1_000): Promise<void> {
      await clock.drive(service.close());
      assertEqual('operations left', service.snapshot().operations.length, 0);
      // What the emulator still computes ends by itself; a timer of the client would outlast this.
      await clock.advance(afterMs);
      assertEqual('timers left', clock.pending, 0);
    },
  };
}

/** An {@link offlineClient}. */
export type OfflineClient = ReturnType<typeof offlineClient>;

/** Train for some steps, and sample: all that is computed, as text, log-probabilities to the bit. */
export async function trainAndSample(setup: OfflineClient, steps = 3): Promise<string> {
  const { clock } = setup;
  const training = await setup.train();
  const outputs: unknown[] = [];
  for (let step = 0; step < steps; step++) {
    const taken = training.trainStep(batch(3, 10, step), 'cross_entropy', {
      learningRate: 0.02,
      gradClipNorm: 1,
    });
    const { forwardBackward, optimStep } = await clock.drive(taken);
    const logprobs = forwardBackward.lossFnOutputs.map((output) => output['logprobs']?.data as Float32Array);
    outputs.push(
      forwardBackward.metrics['loss:sum'],
      optimStep.metrics['grad_norm:mean'],
      bitsOf(...logprobs),
    );
  }
  const sampler = await clock.drive(training.saveWeightsAndGetSamplingClient());
  const sample = sampler.sample({
    prompt: [84, 104, 101],
    maxTokens: 8,
    seed: 3,
    includePromptLogprobs: true,
  });
  outputs.push(await clock.drive(sample));
  return textOf(outputs);
}
