import { type DialectName, dialectNames, type EmulatorOptions } from '../../src/emulator/index.ts';
import type { ServiceClientOptions, TinkerEvent } from '../../src/index.ts';
import { batch, offline } from './offline.ts';

/** What a user of each server tells the client. */
export const CLIENT_OPTIONS: Readonly<Record<DialectName, Partial<ServiceClientOptions>>> = {
  hosted: {},
  skyrl: {},
  'openrl-legacy': { serverDeduplicates: false },
  twinkle: {
    authScheme: 'bearer',
    defaultHeaders: { 'x-request-id': 'client-1' },
    serverDeduplicates: false,
    clientConfig: { maxChunkTokens: 16_000 },
  },
  tinkercloud: { serverDeduplicates: false },
  beam: { serverDeduplicates: false },
  miles: {},
  localtinker: { serverDeduplicates: false },
  arctic: { serverDeduplicates: false, attemptTimeoutMs: 600_000 },
  mint: { serverDeduplicates: false },
};

/** All dialects, but for the hosted one. */
export const OTHERS = dialectNames().filter((name) => name !== 'hosted');

const ADAM = { learningRate: 0.02, gradClipNorm: 1 };

/** What a training came to, where the server tells. */
export interface DialectRun {
  readonly metrics: readonly Readonly<Record<string, number>>[];
  readonly logprobs: readonly number[][];
  readonly norms: readonly (number | undefined)[];
  readonly path: string;
  /** Tokens, from the weights as they are and from saved ones. */
  readonly samples: readonly number[][];
  readonly sampledLogprobs: readonly (readonly number[] | undefined)[];
  readonly promptLogprobs: readonly number[] | undefined;
  readonly events: readonly TinkerEvent[];
}

/** Train three steps, save, and sample: the same code for every server. */
export async function trainAndSample(
  dialect: EmulatorOptions['dialect'],
  client: Partial<ServiceClientOptions> = {},
  emulatorOptions: EmulatorOptions = {},
): Promise<DialectRun> {
  const events: TinkerEvent[] = [];
  const { clock, service, emulator } = offline({
    emulator: { dialect, ...emulatorOptions },
    client: { onEvent: (event) => events.push(event), ...client },
  });
  const { modelName: baseModel } = emulator;
  const training = await clock.drive(service.createLoraTrainingClient({ baseModel, rank: 4, seed: 3 }));
  const steps = [0, 1, 2].map((step) => training.trainStep(batch(2, 8, step), 'cross_entropy', ADAM));
  const outputs = await clock.drive(Promise.all(steps));
  const { path } = await clock.drive(training.saveState('state'));
  const saved = await clock.drive(training.saveWeightsForSampler('named'));
  const live = await clock.drive(training.saveWeightsAndGetSamplingClient());
  const named = await clock.drive(service.createSamplingClient({ modelPath: saved.path, baseModel }));
  const request = { prompt: [116, 104, 101], maxTokens: 12, seed: 7, includePromptLogprobs: true };
  const samples = await clock.drive(Promise.all([live.sample(request), named.sample(request)]));
  await service.close();
  await clock.advance(400_000);
  if (clock.pending > 0) throw new Error(`${clock.pending} timers are left`);
  return {
    metrics: outputs.map(({ forwardBackward }) => forwardBackward.metrics),
    logprobs: outputs.flatMap(({ forwardBackward }) =>
      forwardBackward.lossFnOutputs.map((output) => Array.from(output['logprobs']?.data ?? [], Number)),
    ),
    norms: outputs.map(({ optimStep }) => optimStep.metrics['grad_norm:mean']),
    path,
    samples: samples.map(({ sequences }) => [...(sequences[0]?.tokens ?? [])]),
    sampledLogprobs: samples.map(({ sequences }) => sequences[0]?.logprobs && [...sequences[0].logprobs]),
    promptLogprobs: samples[0]?.promptLogprobs && [...samples[0].promptLogprobs],
    events,
  };
}
