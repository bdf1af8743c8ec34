import { expect, it } from 'vitest';
import { byteTokenizer } from '../../src/emulator/index.ts';
import { isTinkerError, memoryStorage, type TrainingClient } from '../../src/index.ts';
import { batch, type Offline, offline } from '../support/offline.ts';

const ADAM = { learningRate: 0.02, gradClipNorm: 1 };

/** A training client, and steps that return the loss each began with. */
async function trainer({ clock, service, emulator }: Offline, seed = 7) {
  const training = await clock.drive(
    service.createLoraTrainingClient({ baseModel: emulator.modelName, rank: 8, seed }),
  );
  const losses = async (count: number, windows = 2, length = 12): Promise<number[]> => {
    const steps = Array.from({ length: count }, (_, i) =>
      training.trainStep(batch(windows, length, i), 'cross_entropy', ADAM),
    );
    const outputs = await clock.drive(Promise.all(steps));
    return outputs.map(({ forwardBackward }) => forwardBackward.metrics['loss:sum'] ?? Number.NaN);
  };
  return { training, losses };
}

it('learns, through the public API alone', async () => {
  const setup = offline();
  const { losses } = await trainer(setup);
  const seen = await losses(60);
  expect(seen[0]).toBeGreaterThan(24 * 5);
  expect(seen.at(-1)).toBeLessThan((seen[0] ?? 0) / 2);
  await setup.service.close();
  expect(setup.clock.pending).toBe(0);
});

it('gives the same losses for the same seed, and others for another', async () => {
  const run = async (seed: number): Promise<number[]> => {
    const setup = offline();
    const { losses } = await trainer(setup, seed);
    const seen = await losses(5);
    await setup.service.close();
    return seen;
  };
  const first = await run(7);
  expect(await run(7)).toEqual(first);
  expect(await run(8)).not.toEqual(first);
});

it('continues from a checkpoint in a new client, on a new server, with the identical losses', async () => {
  const storage = memoryStorage();
  const before = offline({ emulator: { storage } });
  const { training, losses } = await trainer(before);
  await losses(5);
  const { path } = await before.clock.drive(training.saveState('five'));
  const uninterrupted = await losses(5);
  await before.service.close();

  const after = offline({ emulator: { storage } });
  const resumed = await trainer(after, 99);
  await after.clock.drive(resumed.training.loadState(path, { optimizer: true }));
  // The batches of steps 0 to 4 again: the same data as after the save.
  expect(await resumed.losses(5)).toEqual(uninterrupted);

  await after.clock.drive(resumed.training.loadState(path));
  const withoutOptimizer = await resumed.losses(5);
  expect(withoutOptimizer[0]).toBe(uninterrupted[0]);
  expect(withoutOptimizer[4]).not.toBe(uninterrupted[4]);
  await after.service.close();
  expect(after.clock.pending).toBe(0);
});

it('accumulates gradients until the optimizer steps, and forward leaves them alone', async () => {
  const setup = offline();
  const { clock, service } = setup;
  const { training } = await trainer(setup);
  const [one, two] = [batch(1, 12, 0), batch(1, 12, 3)];
  const norm = async (run: (client: TrainingClient) => void): Promise<number> => {
    run(training);
    const { metrics } = await clock.drive(training.optimStep({ learningRate: 0 }));
    return metrics['grad_norm:mean'] ?? Number.NaN;
  };
  const together = await norm(
    (client) => void client.forwardBackward([...one, ...two], 'cross_entropy').status,
  );
  const apart = await norm((client) => {
    void client.forwardBackward(one, 'cross_entropy').status;
    void client.forward(two, 'cross_entropy').status;
    void client.forwardBackward(two, 'cross_entropy').status;
  });
  expect(apart).toBeCloseTo(together, 4);
  expect(await norm(() => {})).toBe(0);
  await service.close();
});

it('samples what it learnt, from the weights as they were at the call', async () => {
  const setup = offline();
  const { clock, service } = setup;
  const { training, losses } = await trainer(setup);
  const untrained = await clock.drive(training.saveWeightsAndGetSamplingClient());
  await losses(150, 8, 24);
  const trained = await clock.drive(training.saveWeightsAndGetSamplingClient());
  const prompt = byteTokenizer.encode('the quick bro');
  const request = { prompt, maxTokens: 8, temperature: 0 };
  const [before, after] = await clock.drive(
    Promise.all([untrained.sample(request), trained.sample(request)]),
  );
  expect(byteTokenizer.decode(after.sequences[0]?.tokens ?? [])).toBe('wn fox j');
  expect(byteTokenizer.decode(before.sequences[0]?.tokens ?? [])).not.toBe('wn fox j');
  await service.close();
  expect(clock.pending).toBe(0);
});

it('reports the same log-probabilities when sampling, scoring and training', async () => {
  const setup = offline();
  const { clock, service } = setup;
  const { training, losses } = await trainer(setup);
  await losses(10);
  const sampler = await clock.drive(training.saveWeightsAndGetSamplingClient());
  const prompt = byteTokenizer.encode('the ');
  const { sequences } = await clock.drive(sampler.sample({ prompt, maxTokens: 12, numSamples: 3, seed: 5 }));
  expect(new Set(sequences.map(({ tokens }) => tokens.join())).size).toBeGreaterThan(1);
  for (const { tokens, logprobs, stopReason } of sequences) {
    expect(stopReason).toBe('length');
    expect(tokens).toHaveLength(12);
    const text = Int32Array.of(...prompt, ...tokens);
    const scored = await clock.drive(sampler.computeLogprobs(text));
    expect(scored).toHaveLength(text.length);
    expect(scored[0]).toBeNaN();
    expect(scored.slice(prompt.length)).toEqual(logprobs);
    const datum = { modelInput: text.subarray(0, -1), lossFnInputs: { target_tokens: text.subarray(1) } };
    const { lossFnOutputs } = await clock.drive(training.forward([datum], 'cross_entropy'));
    expect(lossFnOutputs[0]?.['logprobs']?.data.subarray(prompt.length - 1)).toEqual(logprobs);
  }
  await service.close();
});

it('stops at strings and tokens, which are not part of the result', async () => {
  const setup = offline();
  const { clock, service } = setup;
  const { training, losses } = await trainer(setup);
  await losses(150, 8, 24);
  const sampler = await clock.drive(training.saveWeightsAndGetSamplingClient());
  const prompt = byteTokenizer.encode('the quick bro');
  const stopped = async (stop: string | string[] | number[]) => {
    const { sequences } = await clock.drive(sampler.sample({ prompt, maxTokens: 20, temperature: 0, stop }));
    const [sequence] = sequences;
    expect(sequence?.logprobs).toHaveLength(sequence?.tokens.length ?? -1);
    return [sequence?.stopReason, byteTokenizer.decode(sequence?.tokens ?? [])];
  };
  expect(await stopped(' fox')).toEqual(['stop', 'wn']);
  expect(await stopped(['zebra', 'x'])).toEqual(['stop', 'wn fo']);
  expect(await stopped([0x66])).toEqual(['stop', 'wn ']);
  await service.close();
});

it('samples repeatably with a seed, and from named weights and the base model too', async () => {
  const setup = offline();
  const { clock, service, emulator } = setup;
  const { training, losses } = await trainer(setup);
  await losses(5);
  const { path } = await clock.drive(training.saveWeightsForSampler('named'));
  expect(path).toBe(`tinker://${training.modelId}/sampler_weights/named`);
  const live = await clock.drive(training.saveWeightsAndGetSamplingClient());
  const named = await clock.drive(service.createSamplingClient({ modelPath: path }));
  const base = await clock.drive(service.createSamplingClient({ baseModel: emulator.modelName }));
  const request = { prompt: [10, 20], maxTokens: 20, seed: 3 };
  const [a, b, c, d] = await clock.drive(
    Promise.all([live.sample(request), live.sample(request), named.sample(request), base.sample(request)]),
  );
  expect(b).toEqual(a);
  expect(c).toEqual(a);
  expect(d).not.toEqual(a);
  await service.close();
});

it("tells what it knows, and refuses what it cannot do with the server's own words", async () => {
  const setup = offline();
  const { clock, service, emulator } = setup;
  expect(await clock.drive(service.getServerCapabilities())).toEqual({
    supportedModels: [{ modelName: 'emulator/tiny', maxContextLength: 64 }],
  });
  const { training } = await trainer(setup);
  expect(await clock.drive(training.getInfo())).toEqual({
    modelId: training.modelId,
    modelName: emulator.modelName,
    arch: 'isotinker-tiny',
    tokenizerId: 'bytes',
    isLora: true,
    loraRank: 8,
  });
  const failure = async (work: PromiseLike<unknown>): Promise<unknown> =>
    clock.drive(
      work.then(
        () => 'succeeded',
        (error: unknown) => (isTinkerError(error) ? [error.code, error.category, error.message] : error),
      ),
    );
  const strange = [{ modelInput: [1, 256], lossFnInputs: { target_tokens: [1, 2] } }];
  expect(await failure(training.forward(strange, 'cross_entropy'))).toEqual([
    'operation_failed',
    'user',
    expect.stringMatching(/^Forward failed on the server: .*256/),
  ]);
  // It told how long its context is.
  expect(() => training.forward(batch(1, 65), 'cross_entropy')).toThrow(/"data\[0\]\.modelInput" .*64.*65/);
  expect(await failure(training.loadState('tinker://nobody/weights/none'))).toEqual([
    'operation_failed',
    'user',
    expect.stringContaining('There is no checkpoint at "tinker://nobody/weights/none"'),
  ]);
  const { path } = await clock.drive(training.saveState('twice'));
  expect(await failure(training.saveState('twice'))).toEqual([
    'operation_failed',
    'user',
    expect.stringContaining('save with overwrite, or under another name'),
  ]);
  expect(await failure(training.saveState('twice', { overwrite: true }))).toBe('succeeded');
  expect(await failure(service.createSamplingClient({ modelPath: path }))).toEqual([
    'input_invalid',
    'user',
    expect.stringContaining('"modelPath" must be a path of sampler_weights'),
  ]);
  expect(await failure(service.createLoraTrainingClient({ baseModel: 'no/such' }))).toEqual([
    'http_status',
    'user',
    expect.stringContaining('"emulator/tiny" is'),
  ]);
  // None of these took a number that would leave the next request waiting.
  expect(await failure(training.optimStep())).toBe('succeeded');
  await service.close();
  expect(clock.pending).toBe(0);
});
