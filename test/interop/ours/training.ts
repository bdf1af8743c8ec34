import type { CustomLoss, Datum, SparseTensorData, TrainingClient } from 'isotinker';
import { adam, BASE_MODEL, logprobs, type World } from './world.ts';

/** Training: fifty steps, passes without a gradient, every loss, a loss of one's own. */
export async function runTraining(world: World): Promise<TrainingClient> {
  const training = await create(world);
  await fiftySteps(world, training);
  await forwardOnly(world, training);
  await losses(world, training);
  await manyTargets(world, training);
  await customLoss(world, training);
  return training;
}

async function create(world: World): Promise<TrainingClient> {
  const { record } = world;
  const service = world.service('main');
  const { supportedModels } = await service.getServerCapabilities();
  record.words(
    'capabilities/names',
    supportedModels.map(({ modelName }) => modelName),
  );
  record.wholes('capabilities/context lengths', [
    supportedModels.map(({ maxContextLength }) => maxContextLength ?? 0),
  ]);
  const training = await service.createLoraTrainingClient({
    baseModel: BASE_MODEL,
    rank: 8,
    seed: 11,
    userMetadata: { run: 'first' },
  });
  const { modelName, arch, tokenizerId, isLora, loraRank } = await training.getInfo();
  // The server has two places for the name, of which ours takes one.
  record.words('info/names', [modelName, modelName, arch, tokenizerId, isLora]);
  record.wholes('info/rank', [[loraRank ?? 0]]);
  return training;
}

async function fiftySteps(world: World, training: TrainingClient): Promise<void> {
  const { record } = world;
  const steps = Array.from({ length: 50 }, (_, step) => {
    const first = 4 * (step % 2);
    return training.trainStep(world.batch(first, first + 1, first + 2, first + 3), 'cross_entropy', adam());
  });
  const results = await Promise.all(steps);
  const passes = results.map(({ forwardBackward }) => forwardBackward);
  record.doubles(
    'train/losses',
    passes.map(({ metrics }) => metrics['loss:sum']),
  );
  record.metrics(
    'train/metrics',
    passes.map(({ metrics }) => metrics),
  );
  record.metrics(
    'train/optimizer metrics',
    results.map(({ optimStep }) => optimStep.metrics),
  );
  record.floats('train/log-probs', passes.flatMap(logprobs));
  record.words(
    'train/output types',
    passes.map(({ lossFnOutputType }) => lossFnOutputType),
  );
}

async function forwardOnly(world: World, training: TrainingClient): Promise<void> {
  const { record } = world;
  const outputs = [];
  for (let i = 0; i < 2; i++) outputs.push(await training.forward(world.batch(0, 1), 'cross_entropy'));
  record.metrics(
    'forward/metrics',
    outputs.map(({ metrics }) => metrics),
  );
  record.floats('forward/log-probs', outputs.flatMap(logprobs));
  record.metrics('forward/leaves no gradient', [(await training.optimStep(adam(0))).metrics]);
  const twice = [0, 1].map(() => training.forwardBackward(world.batch(0), 'cross_entropy'));
  record.metrics(
    'forward/passes that accumulate',
    (await Promise.all(twice)).map(({ metrics }) => metrics),
  );
  record.metrics('forward/their gradient', [(await training.optimStep(adam(0))).metrics]);
}

async function losses(world: World, training: TrainingClient): Promise<void> {
  const { record } = world;
  const [known = new Float32Array()] = logprobs(await training.forward(world.batch(2), 'cross_entropy'));
  const inputs = {
    logprobs: known.map((logprob, place) => logprob + 0.25 * ((place % 3) - 1)),
    advantages: known.map((_, place) => (((place * 7) % 11) - 5) / 4),
  };
  const thresholds = {
    clip_low_threshold: known.map(() => 0.75),
    clip_high_threshold: known.map(() => 1.125),
  };
  const weights = known.map((_, place) => (place % 5) / 4);
  const cases = [
    ['cross_entropy', { weights }, undefined],
    ['importance_sampling', inputs, undefined],
    ['ppo', inputs, undefined],
    ['ppo', inputs, { clip_low_threshold: 0.9, clip_high_threshold: 1.1 }],
    ['ppo', { ...inputs, ...thresholds }, undefined],
    ['cispo', inputs, undefined],
    ['cispo', inputs, { clip_low_threshold: 0.5, clip_high_threshold: 1.5 }],
    ['dro', inputs, { beta: 0.05 }],
  ] as const;
  for (const [number, [loss, tensors, lossFnConfig]] of cases.entries()) {
    const name = `loss ${number} ${loss}`;
    const data = [world.datumWith<typeof loss>(2, tensors)];
    const output = await training.forwardBackward(data, loss, { lossFnConfig });
    record.metrics(`${name}/metrics`, [output.metrics]);
    record.floats(`${name}/log-probs`, logprobs(output));
    // A learning rate of 0 changes no weight, and tells how large the gradient was.
    record.metrics(`${name}/gradient`, [(await training.optimStep(adam(0))).metrics]);
  }
}

async function manyTargets(world: World, training: TrainingClient): Promise<void> {
  const { record } = world;
  const tokens = world.passage(3);
  const [rows, columns] = [tokens.length - 1, 8];
  const table = <T>(cell: (row: number, column: number) => T): T[][] =>
    Array.from({ length: rows }, (_, row) =>
      Array.from({ length: columns }, (_, column) => cell(row, column)),
    );
  const target_tokens = table((row, column) => ((tokens[row + 1] ?? 0) + 5 * column) % 256);
  const dense = table((row, column) => ((row + column) % 4) / 8);
  for (const [name, weights] of [
    ['dense', dense],
    ['sparse', sparseWeights(rows, columns)],
  ] as const) {
    const datum: Datum<'cross_entropy'> = {
      modelInput: tokens.slice(0, -1),
      lossFnInputs: { target_tokens, weights },
    };
    const output = await training.forwardBackward([datum], 'cross_entropy');
    const at = `many targets, ${name} weights`;
    record.metrics(`${at}/metrics`, [output.metrics]);
    record.floats(`${at}/log-probs`, logprobs(output));
    record.wholes(`${at}/shape`, [output.lossFnOutputs[0]?.['logprobs']?.shape ?? []]);
    record.metrics(`${at}/gradient`, [(await training.optimStep(adam(0))).metrics]);
  }
}

/** A half in every fifth row, as the official client makes it of a table. */
function sparseWeights(rows: number, columns: number): SparseTensorData<Float32Array> {
  const columnsOfValues: number[] = [];
  const starts = [0];
  for (let row = 0; row < rows; row++) {
    if (row % 5 === 0) columnsOfValues.push(row % columns);
    starts.push(columnsOfValues.length);
  }
  return {
    data: columnsOfValues.map(() => 0.5),
    dtype: 'float32',
    shape: [rows, columns],
    crowIndices: starts,
    colIndices: columnsOfValues,
  };
}

/** A quarter of the squares, less an eighth of the values: a gradient without any rounding but its own. */
async function customLoss(world: World, training: TrainingClient): Promise<void> {
  const loss: CustomLoss = (data, rows) => {
    let [squares, total] = [0, 0];
    for (const logprob of rows.flatMap((row) => [...row])) {
      squares += logprob * logprob;
      total += logprob * logprob * 0.25 - logprob * 0.125;
    }
    return {
      loss: total,
      gradients: rows.map((row) => row.map((logprob) => logprob * 0.5 - 0.125)),
      metrics: { squares, data: data.length },
    };
  };
  const { record } = world;
  const [outputs, updates] = [[], []] as [
    Awaited<ReturnType<TrainingClient['forwardBackwardCustom']>>[],
    Awaited<ReturnType<TrainingClient['optimStep']>>[],
  ];
  for (let step = 0; step < 3; step++) {
    outputs.push(await training.forwardBackwardCustom(world.batch(step, step + 1), loss));
    updates.push(await training.optimStep(adam()));
  }
  // The loss itself is a metric of ours alone.
  const metrics = outputs.map(({ metrics: { custom_loss: _, ...others } }) => others);
  record.metrics('custom loss/metrics', metrics);
  record.floats('custom loss/log-probs', outputs.flatMap(logprobs));
  record.metrics(
    'custom loss/gradients',
    updates.map(({ metrics }) => metrics),
  );
}
