import { init, numpy as np, valueAndGrad } from '@jax-js/jax';
import { expect, it } from 'vitest';
import { byteTokenizer, createEmulator } from '../../src/emulator/index.ts';
import { type CustomLoss, checkGradients, createServiceClient, type Datum } from '../../src/index.ts';
import { createVirtualClock } from '../../src/testing/virtual-clock.ts';

/** Draws log-probabilities towards -1, each on its own: the gradient comes from the library. */
const towardsMinusOne: CustomLoss = async (_, logprobs) => {
  const loss = valueAndGrad((x: np.Array) => {
    const distance = x.add(1);
    return np.sum(distance.ref.mul(distance));
  });
  const parts = await Promise.all(
    logprobs.map(async (row) => {
      const [value, gradient] = loss(np.array(row));
      return { value: Number(await value.jsAsync()), gradient: (await gradient.data()) as Float32Array };
    }),
  );
  return {
    loss: parts.reduce((sum, { value }) => sum + value, 0),
    gradients: parts.map(({ gradient }) => gradient),
  };
};

it('takes a loss of an autodiff library', async () => {
  await init('wasm');
  const clock = createVirtualClock();
  const service = createServiceClient({
    apiKey: 'tml-offline',
    fetch: createEmulator({ clock }).fetch,
    clock,
  });
  const training = await clock.drive(
    service.createLoraTrainingClient({ baseModel: 'emulator/tiny', rank: 4, seed: 1 }),
  );
  const text = byteTokenizer.encode('a loss of your own');
  const data: Datum<'cross_entropy'>[] = [
    { modelInput: text.subarray(0, -1), lossFnInputs: { target_tokens: text.subarray(1) } },
  ];
  const losses: number[] = [];
  for (let step = 0; step < 10; step++) {
    const { metrics } = await clock.drive(training.forwardBackwardCustom(data, towardsMinusOne).result());
    losses.push(metrics['custom_loss'] ?? Number.NaN);
    await clock.drive(training.optimStep({ learningRate: 0.02 }).result());
  }
  expect(losses.at(-1)).toBeLessThan(0.7 * (losses[0] ?? 0));
  const logprobs = Float32Array.from({ length: text.length - 1 }, (_, i) => -0.25 * (i + 1));
  expect(await checkGradients(towardsMinusOne, data, [logprobs])).toMatchObject({ isRight: true });
  await service.close();
});
