import { expect, it } from 'vitest';
import { type RlSegment, rlDatum } from '../../src/chat/rl/rl-datum.ts';
import { byteTokenizer } from '../../src/emulator/index.ts';
import type { LossFn } from '../../src/index.ts';
import { batch, type Offline, offline } from '../support/offline.ts';

/** A trained model, and a sampler of its weights as they are. */
async function trained({ clock, service, emulator }: Offline) {
  const training = await clock.drive(
    service.createLoraTrainingClient({ baseModel: emulator.modelName, rank: 8, seed: 7 }),
  );
  for (let i = 0; i < 5; i++)
    await clock.drive(training.trainStep(batch(4, 24, i), 'cross_entropy', { learningRate: 0.02 }));
  const sampler = await clock.drive(training.saveWeightsAndGetSamplingClient());
  return { training, sampler };
}

const LOSSES = ['importance_sampling', 'ppo', 'cispo'] as const satisfies readonly LossFn[];

it('meets the weights it was sampled from: every ratio is 1, and the log-probabilities are the same bits', async () => {
  const setup = offline();
  const { clock, service } = setup;
  const { training, sampler } = await trained(setup);
  const prompt = byteTokenizer.encode('the quick');
  const { sequences } = await clock.drive(sampler.sample({ prompt, maxTokens: 9, numSamples: 3, seed: 5 }));
  // Sums of these are exact: the loss must be the very number.
  const advantages = [1.5, -0.25, 0.5];
  const data = sequences.map((sequence, i) => rlDatum({ prompt, sequence, advantage: advantages[i] ?? 0 }));
  const output = await clock.drive(training.forward(data, 'importance_sampling'));
  const byHand = -sequences.reduce((sum, { tokens }, i) => sum + tokens.length * (advantages[i] ?? 0), 0);
  expect(byHand).toBe(-9 * 1.75);
  expect(output.metrics['loss:sum']).toBe(byHand);
  for (const [i, { logprobs }] of sequences.entries()) {
    const scored = output.lossFnOutputs[i]?.['logprobs']?.data as Float32Array;
    expect(scored.subarray(prompt.length - 1)).toEqual(logprobs);
    expect(logprobs?.every((value) => value < 0)).toBe(true);
  }
  await service.close();
  expect(clock.pending).toBe(0);
});

it('teaches one advantage a token, and nothing where the mask says so', async () => {
  const setup = offline();
  const { clock, service } = setup;
  const { training, sampler } = await trained(setup);
  const prompt = byteTokenizer.encode('lazy ');
  const { sequences } = await clock.drive(sampler.sample({ prompt, maxTokens: 4, seed: 6 }));
  const [sequence] = sequences;
  if (sequence === undefined) throw new Error('nothing was sampled');
  const datum = rlDatum({ prompt, sequence, advantage: [1, 2, 4, 8], mask: [1, 0, 1, 1] });
  for (const loss of LOSSES) {
    const { metrics } = await clock.drive(training.forward([datum], loss));
    if (loss !== 'cispo') expect(metrics['loss:sum'], loss).toBe(-13);
    expect(metrics['tokens:sum'], loss).toBe(3);
  }
  await service.close();
});

it('makes a conversation one datum, whose sampled pieces meet the log-probabilities they were sampled with', async () => {
  const setup = offline();
  const { clock, service } = setup;
  const { training, sampler } = await trained(setup);
  const segments: RlSegment[] = [{ tokens: byteTokenizer.encode('the ') }];
  const context = (): number[] => segments.flatMap(({ tokens }) => [...(tokens as Int32Array)]);
  for (const [turn, reply] of ['dog ', 'fox '].entries()) {
    const { sequences } = await clock.drive(sampler.sample({ prompt: context(), maxTokens: 5, seed: turn }));
    const [sequence] = sequences;
    if (sequence === undefined) throw new Error('nothing was sampled');
    segments.push({ ...sequence, advantage: turn + 0.5 }, { tokens: byteTokenizer.encode(reply) });
  }
  const datum = rlDatum({ segments });
  const { metrics, lossFnOutputs } = await clock.drive(training.forward([datum], 'importance_sampling'));
  expect(metrics['loss:sum']).toBe(-(5 * 0.5 + 5 * 1.5));
  const scored = lossFnOutputs[0]?.['logprobs']?.data as Float32Array;
  const { logprobs, advantages } = datum.lossFnInputs;
  expect(scored).toHaveLength(context().length - 1);
  expect(advantages.filter((value) => value !== 0)).toHaveLength(10);
  expect(scored.filter((_, i) => advantages[i] !== 0)).toEqual(
    logprobs.filter((_, i) => advantages[i] !== 0),
  );
  await service.close();
});

it('makes what did well likelier, and what did badly less likely', async () => {
  const setup = offline();
  const { clock, service } = setup;
  const { training, sampler } = await trained(setup);
  const prompt = byteTokenizer.encode('jumps');
  const { sequences } = await clock.drive(sampler.sample({ prompt, maxTokens: 6, numSamples: 2, seed: 9 }));
  const data = sequences.map((sequence, i) => rlDatum({ prompt, sequence, advantage: i === 0 ? 1 : -1 }));
  const before = sequences.map(({ logprobs = [] }) =>
    Array.from(logprobs).reduce((sum, value) => sum + value, 0),
  );
  for (let step = 0; step < 3; step++)
    await clock.drive(training.trainStep(data, 'importance_sampling', { learningRate: 0.01 }));
  const { lossFnOutputs } = await clock.drive(training.forward(data, 'importance_sampling'));
  const after = lossFnOutputs.map((output) =>
    Array.from(output['logprobs']?.data.subarray(prompt.length - 1) ?? [], Number).reduce(
      (sum, value) => sum + value,
      0,
    ),
  );
  expect(after[0]).toBeGreaterThan(before[0] ?? 0);
  expect(after[1]).toBeLessThan(before[1] ?? 0);
  await service.close();
});
