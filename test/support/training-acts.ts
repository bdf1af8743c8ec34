import type { ApiFuture, FetchLike, FutureHandle, ResumableKind } from '../../src/index.ts';
import { type Act, OWNERS_KEY, type Stage, sampler, trainer } from './acts.ts';
import { batch } from './offline.ts';
import * as shapes from './result-shapes.ts';

const saved = shapes.record({ path: shapes.name });
const loaded = shapes.record({ path: shapes.optional(shapes.text) });
const unloaded = shapes.record({ modelId: shapes.optional(shapes.text) });
const trainedStep = shapes.record({ forwardBackward: shapes.passOutput, optimStep: shapes.optimStep });

const policyData = batch(1, 6, 3).map(({ modelInput, lossFnInputs: { target_tokens } }) => ({
  modelInput,
  lossFnInputs: { target_tokens, logprobs: Array<number>(6).fill(-1), advantages: Array<number>(6).fill(1) },
}));

/** Every pass over data and every update, behind each other. */
async function train(stage: Stage): Promise<void> {
  const training = await trainer(stage);
  if (training === undefined) return;
  const { call, together, limit } = stage;
  const { passOutput, optimStep } = shapes;
  await together([
    () => call('getInfo', shapes.modelInfo, () => training.getInfo(limit)),
    () => call('forward', passOutput, () => training.forward(batch(2, 5, 1), 'cross_entropy', limit)),
    () => call('forwardBackward', passOutput, () => training.forwardBackward(policyData, 'ppo', limit)),
    () => call('optimStep', optimStep, () => training.optimStep({ learningRate: 0.01 }, limit)),
    () =>
      call('trainStep', trainedStep, () =>
        training.trainStep(batch(1, 5, 7), 'cross_entropy', { learningRate: 0.02 }, limit),
      ),
    () =>
      call('forwardBackwardCustom', passOutput, () =>
        training.forwardBackwardCustom(
          batch(1, 4, 9),
          (_, logprobs) => ({ loss: 1, gradients: logprobs.map((row) => row.map(() => -1)) }),
          limit,
        ),
      ),
    () => call('optimStep again', optimStep, () => training.optimStep({ learningRate: 0.03 }, limit)),
  ]);
}

/** Saving and loading in every form, and a client from what was saved. */
async function save(stage: Stage): Promise<void> {
  const training = await trainer(stage);
  if (training === undefined) return;
  const { call, together, limit, service } = stage;
  // Not as the reply says it: what follows must not depend on that.
  const path = `tinker://${training.modelId}/weights/one`;
  await call('saveState', saved, () => training.saveState('one', { ...limit, ttlSeconds: 3_600 }));
  await together([
    () =>
      call('loadState', loaded, () =>
        training.loadState(path, { ...limit, optimizer: true, weightsAccessToken: OWNERS_KEY }),
      ),
    () => call('saveWeightsForSampler', saved, () => training.saveWeightsForSampler('two', limit)),
    () =>
      call(
        'saveWeightsAndGetSamplingClient',
        shapes.name,
        () => training.saveWeightsAndGetSamplingClient(limit),
        ({ samplingSessionId }) => samplingSessionId,
      ),
    () => call('saveState again', saved, () => training.saveState('three', { ...limit, overwrite: true })),
    () => call('unload', unloaded, () => training.unload(limit)),
  ]);
  await call(
    'createTrainingClientFromState',
    shapes.name,
    () => service.createTrainingClientFromState<string>(path, {}, limit),
    ({ modelId }) => modelId,
  );
}

/** A pass of several data, and what comes behind it. */
export async function passes(stage: Stage): Promise<void> {
  const training = await trainer(stage);
  if (training === undefined) return;
  const { call, together, limit } = stage;
  const { passOutput, optimStep } = shapes;
  await together([
    () =>
      call('forwardBackward', passOutput, () =>
        training.forwardBackward(batch(3, 5, 2), 'cross_entropy', limit),
      ),
    () => call('optimStep', optimStep, () => training.optimStep({ learningRate: 0.01 }, limit)),
    () => call('forward', passOutput, () => training.forward(batch(3, 4, 6), 'cross_entropy', limit)),
  ]);
}

/** Operations, each read again and again by its handle. */
async function resume(stage: Stage): Promise<void> {
  const training = await trainer(stage);
  const sampling = training && (await sampler(stage));
  if (training === undefined || sampling === undefined) return;
  const { service, call, together, limit, copies } = stage;
  const operations = [
    ['forward', shapes.passOutput, () => training.forward(batch(2, 5, 1), 'cross_entropy', limit)],
    ['optimStep', shapes.optimStep, () => training.optimStep({}, limit)],
    ['saveState', saved, () => training.saveState('one', limit)],
    ['loadState', loaded, () => training.loadState(`tinker://${training.modelId}/weights/one`, limit)],
    ['sample', shapes.sampleResponse(), () => sampling.sample({ prompt: [65, 66], maxTokens: 3 }, limit)],
    ['computeLogprobs', shapes.promptLogprobs(3), () => sampling.computeLogprobs([65, 66, 67], limit)],
    ['unload', unloaded, () => training.unload(limit)],
  ] as const;
  const handles = new Map<string, FutureHandle & { readonly kind: ResumableKind }>();
  await together(
    operations.map(([name, shape, begin]) => () => {
      const work = async () => {
        const future: ApiFuture<unknown> = begin();
        await future.result().catch(() => {});
        const handle = JSON.parse(JSON.stringify(future));
        if (handle.requestIds.length > 0) handles.set(name, handle);
        return future;
      };
      return call(name, shape, work);
    }),
  );
  await together(
    operations.flatMap(([name, shape]) => {
      const handle = handles.get(name);
      if (handle === undefined) return [];
      const again = () => call(`resume ${name}`, shape, async () => service.resume(handle, limit));
      return Array.from({ length: copies }, () => again);
    }),
  );
}

/** A save whose first answer is lost, and whose repetition is refused: there is such a checkpoint. */
async function saveTwice(stage: Stage): Promise<void> {
  const training = await trainer(stage);
  if (training === undefined) return;
  const { call, together, limit } = stage;
  await together([
    () => call('saveState', saved, () => training.saveState('one', limit)),
    () => call('optimStep', shapes.optimStep, () => training.optimStep({}, limit)),
  ]);
}

/** A server that saves, says that it is out of order, and knows the name when it is asked again. */
const forgetful = (fetch: FetchLike): FetchLike => {
  const seen = new Set<string>();
  return async (request) => {
    if (!/save_weights/.test(request.url)) return fetch(request);
    if (seen.has(request.url)) return Response.json({ detail: 'Checkpoint already exists' }, { status: 409 });
    seen.add(request.url);
    await fetch(request);
    return Response.json({ detail: 'Out of order' }, { status: 503 });
  };
};

/** Acts of training clients. */
export const TRAINING_ACTS: readonly Act[] = [
  { name: 'training in JSON', client: { wireFormat: 'json' }, play: train },
  { name: 'training in protobuf', play: train },
  {
    name: 'passes in chunks',
    client: { clientConfig: { maxChunkLength: 1 }, wireFormat: 'json' },
    play: passes,
  },
  {
    name: 'passes in chunks, one by one',
    client: { clientConfig: { maxChunkLength: 1, parallelChunks: false } },
    play: passes,
  },
  { name: 'large results', emulator: { metadataFirstBytes: 1 }, play: passes },
  { name: 'saving and loading', play: save },
  { name: 'a save that is lost', wrap: forgetful, play: saveTwice },
  { name: 'a model by loading', client: { clientConfig: { createModelViaLoad: true } }, play: save },
  { name: 'resuming from JSON', client: { wireFormat: 'json' }, play: resume },
  { name: 'resuming from protobuf', play: resume },
];
