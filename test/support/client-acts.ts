import { extractArchive } from '../../src/client/tar-archive.ts';
import type { EmulatorOptions } from '../../src/emulator/index.ts';
import type {
  CallOptions,
  FetchLike,
  SamplingClient,
  ServiceClient,
  ServiceClientOptions,
  TrainingClient,
} from '../../src/index.ts';
import { sleep } from '../../src/kernel/abort.ts';
import type { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { batch } from './offline.ts';
import * as shapes from './result-shapes.ts';

/** One call and what it must come to. */
export interface Call {
  readonly name: string;
  readonly work: () => PromiseLike<unknown>;
  /** What is looked at, of what it comes to. */
  readonly shape: shapes.Shape;
  readonly view: (value: never) => unknown;
}

/** Where an act plays. */
export interface Stage {
  readonly service: ServiceClient;
  readonly clock: VirtualClock;
  readonly model: string;
  /** Limit of every call, and a signal that many share. */
  readonly limit: CallOptions;
  /** Make one call; `undefined` where it fails. */
  call<T>(
    name: string,
    shape: shapes.Shape,
    work: () => PromiseLike<T>,
    view?: (value: T) => unknown,
  ): Promise<T | undefined>;
  /** Make calls side by side, begun in this order; one by one while their replies are recorded. */
  together(calls: readonly (() => Promise<unknown>)[]): Promise<void>;
}

/** A use of the client, with the replies that all its calls get from a server in good health. */
export interface Act {
  readonly name: string;
  readonly emulator?: EmulatorOptions;
  readonly client?: Partial<ServiceClientOptions>;
  /** Another server of the same protocol. */
  readonly wrap?: (fetch: FetchLike) => FetchLike;
  play(stage: Stage): Promise<void>;
}

/** Two secrets that a client of an act knows. */
export const KEY = 'tml-canary-key-0123456789abcdef';
export const OWNERS_KEY = 'tml-owners-key-fedcba9876543210';

const trainingId = ({ modelId }: TrainingClient): string => modelId;
const samplingId = ({ samplingSessionId }: SamplingClient): string => samplingSessionId;

async function trainer({ service, model, limit, call }: Stage): Promise<TrainingClient | undefined> {
  const lora = { baseModel: model, rank: 2, seed: 1, userMetadata: { purpose: 'test' } };
  return call(
    'createLoraTrainingClient',
    shapes.name,
    () => service.createLoraTrainingClient(lora, limit),
    trainingId,
  );
}

const policyData = (offset: number) =>
  batch(1, 6, offset).map(({ modelInput, lossFnInputs: { target_tokens } }) => ({
    modelInput,
    lossFnInputs: {
      target_tokens,
      logprobs: Array<number>(6).fill(-1),
      advantages: Array<number>(6).fill(1),
    },
  }));

async function train(stage: Stage): Promise<void> {
  const training = await trainer(stage);
  if (training === undefined) return;
  const { call, together, limit } = stage;
  const adam = (learningRate: number) => ({ learningRate });
  await together([
    () => call('getInfo', shapes.modelInfo, () => training.getInfo(limit)),
    () => call('forward', shapes.passOutput, () => training.forward(batch(2, 5, 1), 'cross_entropy', limit)),
    () =>
      call('forwardBackward', shapes.passOutput, () => training.forwardBackward(policyData(3), 'ppo', limit)),
    () => call('optimStep', shapes.optimStep, () => training.optimStep(adam(0.01), limit)),
    () =>
      call(
        'trainStep',
        shapes.record({ forwardBackward: shapes.passOutput, optimStep: shapes.optimStep }),
        () => training.trainStep(batch(1, 5, 7), 'cross_entropy', adam(0.02), limit),
      ),
    () =>
      call('forwardBackwardCustom', shapes.passOutput, () =>
        training.forwardBackwardCustom(
          batch(1, 4, 9),
          (_, logprobs) => ({ loss: 1, gradients: logprobs.map((row) => row.map(() => -1)) }),
          limit,
        ),
      ),
    () => call('optimStep again', shapes.optimStep, () => training.optimStep(adam(0.03), limit)),
  ]);
}

async function save(stage: Stage): Promise<void> {
  const training = await trainer(stage);
  if (training === undefined) return;
  const { call, together, limit, service } = stage;
  const state = shapes.record({ path: shapes.name });
  await call('saveState', state, () => training.saveState('one', { ...limit, ttlSeconds: 3_600 }));
  // Not as it was said: what follows must not depend on that reply.
  const path = `tinker://${training.modelId}/weights/one`;
  await together([
    () =>
      call('loadState', shapes.record({ path: shapes.optional(shapes.text) }), () =>
        training.loadState(path, { ...limit, optimizer: true, weightsAccessToken: OWNERS_KEY }),
      ),
    () => call('saveWeightsForSampler', state, () => training.saveWeightsForSampler('two', limit)),
    () =>
      call(
        'saveWeightsAndGetSamplingClient',
        shapes.name,
        () => training.saveWeightsAndGetSamplingClient(limit),
        samplingId,
      ),
    () => call('saveState again', state, () => training.saveState('three', { ...limit, overwrite: true })),
    () =>
      call('unload', shapes.record({ modelId: shapes.optional(shapes.text) }), () => training.unload(limit)),
  ]);
  await call(
    'createTrainingClientFromState',
    shapes.name,
    () => service.createTrainingClientFromState<string>(path, {}, limit),
    trainingId,
  );
}

async function pass(stage: Stage): Promise<void> {
  const training = await trainer(stage);
  if (training === undefined) return;
  const { call, together, limit } = stage;
  await together([
    () =>
      call('forwardBackward', shapes.passOutput, () =>
        training.forwardBackward(batch(3, 5, 2), 'cross_entropy', limit),
      ),
    () => call('optimStep', shapes.optimStep, () => training.optimStep({ learningRate: 0.01 }, limit)),
    () => call('forward', shapes.passOutput, () => training.forward(batch(3, 4, 6), 'cross_entropy', limit)),
  ]);
}

async function sample(stage: Stage): Promise<void> {
  const { service, model, call, together, limit } = stage;
  const sampling = await call(
    'createSamplingClient',
    shapes.name,
    () => service.createSamplingClient({ baseModel: model }, limit),
    samplingId,
  );
  if (sampling === undefined) return;
  const ask = (length: number, more: object = {}) => {
    const prompt = Array.from({ length }, (_, index) => 65 + index);
    const request = { prompt, maxTokens: 3, seed: length, includePromptLogprobs: true, ...more };
    return call(`sample ${length}`, shapes.sampleResponse(length), () => sampling.sample(request, limit));
  };
  await together([
    () => ask(2),
    () => ask(3, { numSamples: 2, topkPromptLogprobs: 2 }),
    () => ask(4, { stop: [66], topkPromptLogprobs: 1 }),
    () =>
      call('computeLogprobs', shapes.promptLogprobs(5), () =>
        sampling.computeLogprobs([70, 71, 72, 73, 74], limit),
      ),
  ]);
}

async function look(stage: Stage): Promise<void> {
  const training = await trainer(stage);
  if (training === undefined) return;
  const { call, together, limit, service, clock } = stage;
  const state = shapes.record({ path: shapes.name });
  await call('saveState', state, () => training.saveState('one', limit));
  await call('saveWeightsForSampler', state, () => training.saveWeightsForSampler('two', limit));
  const sampling = await call(
    'createSamplingClient',
    shapes.name,
    () => service.createSamplingClient({ baseModel: stage.model }, limit),
    samplingId,
  );
  const rest = service.createRestClient();
  const run = training.modelId;
  const path = `tinker://${run}/weights/one`;
  const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
    const found: T[] = [];
    for await (const item of items) found.push(item);
    return found;
  };
  const session = run.split(':')[0] ?? run;
  const hour = Math.floor(clock.now() / 3_600_000) * 3_600_000;
  const done = shapes.nothing;
  await together([
    () => call('getServerCapabilities', shapes.capabilities, () => service.getServerCapabilities(limit)),
    () => call('getTrainingRun', shapes.trainingRun, () => rest.getTrainingRun(run, {}, limit)),
    () =>
      call('getTrainingRunByTinkerPath', shapes.trainingRun, () =>
        rest.getTrainingRunByTinkerPath(path, { accessScope: 'accessible' }, limit),
      ),
    () => call('getWeightsInfo', shapes.weightsInfo, () => rest.getWeightsInfo(path, limit)),
    () => call('listTrainingRuns', shapes.trainingRuns, () => all(rest.listTrainingRuns({}, limit))),
    () => call('listCheckpoints', shapes.checkpoints, () => all(rest.listCheckpoints(run, limit))),
    () =>
      call('listUserCheckpoints', shapes.checkpoints, () =>
        all(rest.listUserCheckpoints({ limit: 1 }, limit)),
      ),
    () => call('page', shapes.page, () => rest.listUserCheckpoints({ limit: 7 }, limit).page()),
    () => call('listSessions', shapes.listOf(shapes.text), () => all(rest.listSessions({}, limit))),
    () => call('getSession', shapes.session, () => rest.getSession(session, {}, limit)),
    () =>
      call('getSampler', shapes.sampler, () => rest.getSampler(sampling?.samplingSessionId ?? 's', limit)),
    () => call('getBaseModel', shapes.text, async () => sampling?.getBaseModel(limit) ?? ''),
    () => call('getAuditLog', shapes.auditLog, () => rest.getAuditLog({}, limit)),
    () =>
      call('getBillingUsage', shapes.billing, () =>
        rest.getBillingUsage({ startingOn: new Date(hour), endingBefore: new Date(hour + 3_600_000) }, limit),
      ),
    () => call('exportSessionTrace', shapes.webAddress, () => rest.exportSessionTrace(session, limit)),
    () => call('getCheckpointArchiveUrl', shapes.archive, () => rest.getCheckpointArchiveUrl(path, limit)),
    () => call('assignSessionProject', done, () => rest.assignSessionProject(session, 'p', limit)),
    () => call('setCheckpointTtl', done, () => rest.setCheckpointTtl(path, 60, limit)),
    () => call('publishCheckpoint', done, () => rest.publishCheckpoint(path, limit)),
    () => call('unpublishCheckpoint', done, () => rest.unpublishCheckpoint(path, limit)),
  ]);
  await call('deleteCheckpoints', done, () =>
    rest.deleteCheckpoints([path, `tinker://${run}/sampler_weights/two`], limit),
  );
}

async function download(stage: Stage): Promise<void> {
  const training = await trainer(stage);
  if (training === undefined) return;
  const { call, limit, service } = stage;
  await call('saveState', shapes.record({ path: shapes.name }), () => training.saveState('one', limit));
  const rest = service.createRestClient();
  await call('downloadCheckpoint', shapes.files, async () => {
    const archive = await rest.downloadCheckpoint(`tinker://${training.modelId}/weights/one`, {
      ...limit,
      idleTimeoutMs: 5_000,
    });
    const found: { readonly name: string; readonly bytes: Uint8Array }[] = [];
    for await (const entry of extractArchive(archive))
      found.push({ name: entry.name, bytes: await entry.bytes() });
    return found;
  });
}

async function live(stage: Stage): Promise<void> {
  const { service, model, call, limit, clock } = stage;
  await call('whoami', shapes.record({ userUrn: shapes.name, email: shapes.optional(shapes.text) }), () =>
    service.createRestClient().whoami(limit),
  );
  await call(
    'createSamplingClient',
    shapes.name,
    () => service.createSamplingClient({ baseModel: model }, limit),
    samplingId,
  );
  // Heartbeats, settings and tokens are asked for meanwhile.
  await sleep(clock, 330_000);
  await call('getServerCapabilities', shapes.capabilities, () => service.getServerCapabilities(limit));
}

async function resume(stage: Stage): Promise<void> {
  const training = await trainer(stage);
  if (training === undefined) return;
  const { service, model, call, together, limit } = stage;
  const sampling = await call(
    'createSamplingClient',
    shapes.name,
    () => service.createSamplingClient({ baseModel: model }, limit),
    samplingId,
  );
  const begun = {
    forward: training.forward(batch(1, 5, 1), 'cross_entropy', limit),
    optim_step: training.optimStep({}, limit),
    save_weights: training.saveState('one', limit),
    sample: sampling?.sample({ prompt: [65, 66], maxTokens: 2, seed: 1 }, limit),
    compute_logprobs: sampling?.computeLogprobs([65, 66, 67], limit),
  };
  const resultShapes = {
    forward: shapes.passOutput,
    optim_step: shapes.optimStep,
    save_weights: shapes.record({ path: shapes.name }),
    sample: shapes.sampleResponse(),
    compute_logprobs: shapes.promptLogprobs(3),
  };
  const kinds = Object.keys(begun) as (keyof typeof begun)[];
  await together(kinds.map((kind) => () => call(kind, resultShapes[kind], async () => begun[kind])));
  const handle = (kind: keyof typeof begun) => JSON.parse(JSON.stringify(begun[kind] ?? { requestIds: [] }));
  await together(
    kinds.map(
      (kind) => () =>
        handle(kind).requestIds.length === 0
          ? Promise.resolve()
          : call(`resume ${kind}`, resultShapes[kind], async () => service.resume(handle(kind), limit)),
    ),
  );
}

/** Servers that answer with JSON where the hosted one redirects. */
const jsonArchive =
  (fetch: FetchLike): FetchLike =>
  async (request) => {
    const answer = await fetch(request);
    const location = answer.headers.get('location');
    return location === null
      ? answer
      : Response.json({ url: location, expires: '2026-11-14T23:00:00.5+01:00' });
  };

/** Results of these acts together are all that the client reads. */
export const ACTS: readonly Act[] = [
  { name: 'training in JSON', client: { wireFormat: 'json' }, play: train },
  { name: 'training in protobuf', play: train },
  {
    name: 'a pass in chunks',
    client: { clientConfig: { maxChunkLength: 1 }, wireFormat: 'json' },
    play: pass,
  },
  {
    name: 'a pass in chunks, one by one',
    client: { clientConfig: { maxChunkLength: 1, parallelChunks: false } },
    play: pass,
  },
  { name: 'large results', emulator: { metadataFirstBytes: 1 }, play: pass },
  { name: 'saving and loading', play: save },
  { name: 'a model by loading', client: { clientConfig: { createModelViaLoad: true } }, play: save },
  { name: 'sampling in JSON', client: { wireFormat: 'json' }, play: sample },
  { name: 'sampling in protobuf', play: sample },
  { name: 'records', play: look },
  { name: 'a download', play: download },
  { name: 'a download whose address comes in JSON', wrap: jsonArchive, play: download },
  {
    name: 'tokens and heartbeats',
    emulator: { jwt: { lifetimeMs: 200_000 } },
    client: { telemetry: true },
    play: live,
  },
  { name: 'telemetry of failures', client: { telemetry: true }, play: pass },
  { name: 'resuming', play: resume },
];
