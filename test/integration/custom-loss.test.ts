import { expect, it } from 'vitest';
import type { CustomLoss } from '../../src/index.ts';
import { batch, offline } from '../support/offline.ts';

/** Cross-entropy with all weights 1, as a loss of one's own. */
const crossEntropy: CustomLoss = (_, logprobs) => ({
  loss: -logprobs.reduce((sum, row) => sum + row.reduce((part, logprob) => part + logprob, 0), 0),
  gradients: logprobs.map((row) => row.map(() => -1)),
});

it('trains like the built-in loss when it is the same loss', async () => {
  const run = async (isCustom: boolean): Promise<readonly number[]> => {
    const { clock, service, emulator } = offline();
    const training = await clock.drive(
      service.createLoraTrainingClient({ baseModel: emulator.modelName, rank: 4, seed: 3 }),
    );
    const losses: number[] = [];
    for (let step = 0; step < 10; step++) {
      const data = batch(2, 12, step);
      const pass = isCustom
        ? training.forwardBackwardCustom(data, crossEntropy)
        : training.forwardBackward(data, 'cross_entropy');
      const update = training.optimStep({ learningRate: 0.02 });
      const [{ metrics }] = await clock.drive(Promise.all([pass, update]));
      losses.push((isCustom ? metrics['custom_loss'] : metrics['loss:sum']) ?? Number.NaN);
    }
    await service.close();
    expect(clock.pending).toBe(0);
    return losses;
  };
  const [builtIn, custom] = [await run(false), await run(true)];
  expect(custom[0]).toBeCloseTo(builtIn[0]!, 3);
  expect(builtIn.at(-1)).toBeLessThan(builtIn[0]! * 0.9);
  for (const [step, loss] of builtIn.entries()) expect(custom[step]).toBeCloseTo(loss, 3);
});
