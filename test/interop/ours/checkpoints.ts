import { createHash } from 'node:crypto';
import { extractArchive, type SamplingClient, type TrainingClient } from 'isotinker';
import type { ServerName } from '../emulators.ts';
import { readSafetensors } from './safetensors.ts';
import { adam, BASE_MODEL, logprobs, type World } from './world.ts';

type Metrics = Readonly<Record<string, number>>;

/** What is kept: batches in chunks, saved states, saved samplers, archives. */
export async function runCheckpoints(world: World, training: TrainingClient): Promise<void> {
  for (const server of ['small', 'serial'] as const) await chunks(world, server);
  await savedStates(world, training);
  for (const server of ['main', 'serial'] as const) await fromState(world, server);
  await samplerWeights(world, training);
}

/** A batch that goes out in parts, as the server asks for, and whose results are large for it. */
async function chunks(world: World, server: ServerName): Promise<void> {
  const { record } = world;
  const lora = { baseModel: BASE_MODEL, rank: 4, seed: 5 };
  const training = await world.service(server).createLoraTrainingClient(lora);
  const passes = [];
  const gradients: Metrics[] = [];
  const data = (count: number, length: (n: number) => number) =>
    Array.from({ length: count }, (_, n) => world.datum(n, length(n)));
  for (let step = 0; step < 3; step++) {
    passes.push(
      await training.forwardBackward(
        data(10, (n) => 20 + n),
        'cross_entropy',
      ),
    );
    gradients.push((await training.optimStep(adam())).metrics);
  }
  passes.push(
    await training.forward(
      data(7, () => 40),
      'cross_entropy',
    ),
  );
  record.metrics(
    `chunks, ${server}/metrics`,
    passes.map(({ metrics }) => metrics),
  );
  record.floats(`chunks, ${server}/log-probs`, passes.flatMap(logprobs));
  record.metrics(`chunks, ${server}/gradients`, gradients);
}

async function trainOn(world: World, training: TrainingClient, number: number): Promise<Metrics[]> {
  const metrics: Metrics[] = [];
  for (let step = 0; step < 2; step++) {
    metrics.push((await training.forwardBackward(world.batch(number), 'cross_entropy')).metrics);
    metrics.push((await training.optimStep(adam())).metrics);
  }
  return metrics;
}

/** The same two steps from the same state, with and without what the optimizer remembers. */
async function savedStates(world: World, training: TrainingClient): Promise<void> {
  const { record } = world;
  const { path } = await training.saveState('state');
  record.words('state/path', [path.replace(training.modelId, 'RUN')]);
  record.metrics('state/after saving', await trainOn(world, training, 5));
  record.words('state/loaded path', [(await training.loadState(path)).path === path]);
  record.metrics('state/without optimizer', await trainOn(world, training, 5));
  await training.loadState(path, { optimizer: true });
  record.metrics('state/with optimizer', await trainOn(world, training, 5));
  const again = await training.saveState('state', { ttlSeconds: 3600, overwrite: true });
  record.words('state/saved over', [again.path === path]);
}

async function fromState(world: World, server: ServerName): Promise<void> {
  const { record } = world;
  const service = world.service(server);
  const lora = { baseModel: BASE_MODEL, rank: 4, seed: 6, trainMlp: false, trainUnembed: false };
  const first = await service.createLoraTrainingClient(lora);
  await trainOn(world, first, 6);
  const { path } = await first.saveState('to-continue');
  record.metrics(`from state, ${server}/the first one`, await trainOn(world, first, 6));
  const bare = await service.createTrainingClientFromState(path, { userMetadata: { run: 'bare' } });
  record.metrics(`from state, ${server}/without optimizer`, await trainOn(world, bare, 6));
  const full = await service.createTrainingClientFromState(path, { optimizer: true });
  record.metrics(`from state, ${server}/with optimizer`, await trainOn(world, full, 6));
  const ranks = [];
  for (const client of [bare, full]) ranks.push((await client.getInfo()).loraRank ?? 0);
  record.wholes(`from state, ${server}/rank`, [ranks]);
}

async function samplerWeights(world: World, training: TrainingClient): Promise<void> {
  const { record } = world;
  const service = world.service('main');
  const { path } = await training.saveWeightsForSampler('sampler', { ttlSeconds: 7200 });
  record.words('sampler weights/path', [path.replace(training.modelId, 'RUN')]);
  const byPath = await service.createSamplingClient({ modelPath: path });
  const byTraining = await training.createSamplingClient(path);
  const unnamed = await training.saveWeightsAndGetSamplingClient();
  await trainOn(world, training, 7);
  const after = await training.saveWeightsAndGetSamplingClient();
  const base = await service.createSamplingClient({ baseModel: BASE_MODEL });
  await recordGreedy(world, 'sampler weights, by path', byPath);
  await recordGreedy(world, 'sampler weights, by the training client', byTraining);
  await recordGreedy(world, 'sampler weights, unnamed', unnamed);
  await recordGreedy(world, 'sampler weights, after training on', after);
  await recordGreedy(world, 'sampler weights, base model', base);
}

async function recordGreedy(world: World, name: string, client: SamplingClient): Promise<void> {
  const { sequences } = await client.sample({
    prompt: world.passage(7, 24),
    maxTokens: 16,
    temperature: 0,
  });
  world.record.wholes(
    `${name}/tokens`,
    sequences.map(({ tokens }) => tokens),
  );
  world.record.floats(
    `${name}/log-probs`,
    sequences.map(({ logprobs }) => logprobs),
  );
  world.record.words(`${name}/base model`, [await client.getBaseModel()]);
}

/** A download, opened as the file it is: its names, shapes and bits. */
export async function runArchive(world: World, path: string): Promise<void> {
  const { record } = world;
  const download = await world.service('main').createRestClient().downloadCheckpoint(path);
  const files = new Map<string, Uint8Array>();
  for await (const entry of extractArchive(download)) files.set(entry.name, await entry.bytes());
  const config = JSON.parse(new TextDecoder().decode(files.get('adapter_config.json'))) as object;
  const tensors = readSafetensors(files.get('adapter_model.safetensors') ?? new Uint8Array());
  record.words('archive/files', [...files.keys()].sort());
  record.words('archive/config', [sortedJson(config)]);
  record.words(
    'archive/tensors',
    tensors.map(({ name, shape }) => `${name} float32 [${shape.join(', ')}]`),
  );
  record.words(
    'archive/bits',
    tensors.map(({ bytes }) => createHash('sha256').update(bytes).digest('hex')),
  );
  record.floats(
    'archive/numbers',
    tensors.map(({ bytes }) => [0, 1, 2, 3].map((i) => new DataView(bytes.buffer).getFloat32(4 * i, true))),
  );
}

function sortedJson(object: object): string {
  return JSON.stringify(Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1))));
}
