import type { EmulatorOptions } from '../../../src/emulator/index.ts';
import type { Datum, LossFn } from '../../../src/index.ts';
import { batch } from '../../support/offline.ts';
import { assertEqual, assertTrue, bitsOf, rejectionOf, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { offlineClient, trainAndSample } from '../offline-client.ts';

/** Training of the emulator: the same bits everywhere, for every loss. */
export function trainingCases(): readonly ConformanceCase[] {
  return [...backendCases(), ...lossCases(), ...ruleCases()];
}

async function trained(emulator: EmulatorOptions): Promise<string> {
  const setup = offlineClient({ emulator });
  const text = await trainAndSample(setup, 4);
  await setup.finish();
  return text;
}

function backendCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'emulator: whatever computes it, training and sampling are the same bits',
      async run() {
        const plain = await trained({ kernels: 'javascript' });
        assertEqual('the best backend', await trained({ kernels: 'auto' }), plain);
        return plain;
      },
    },
    {
      name: 'emulator: another shape of the model is computed alike everywhere, and is another model',
      async run() {
        const shapes = [
          { width: 24, layers: 2, heads: 2, hiddenWidth: 20, contextLength: 33 },
          { width: 12, layers: 1, heads: 3, hiddenWidth: 7, contextLength: 20, seed: 5 },
        ];
        const texts: string[] = [];
        for (const model of shapes) texts.push(await trained({ model }));
        assertTrue('they differ', texts[0] !== texts[1]);
        return texts.join('\n');
      },
    },
  ];
}

/** Data for a loss, with log-probabilities near those of an untrained model, so that ratios are near 1. */
function dataOf(lossFn: LossFn): readonly Datum[] {
  return batch(2, 9).map(({ modelInput, lossFnInputs }, index) => {
    const { target_tokens: targets } = lossFnInputs;
    const tokens = targets as readonly number[];
    if (lossFn === 'cross_entropy')
      return {
        modelInput,
        lossFnInputs: { target_tokens: tokens, weights: tokens.map((_, i) => (i % 3) / 2) },
      };
    return {
      modelInput,
      lossFnInputs: {
        target_tokens: tokens,
        logprobs: tokens.map((_, i) => -5.5 + ((i + index) % 4) / 5),
        advantages: tokens.map((_, i) => (i % 3) - 1),
      },
    };
  });
}

function lossCases(): readonly ConformanceCase[] {
  const losses: readonly LossFn[] = ['cross_entropy', 'importance_sampling', 'ppo', 'cispo', 'dro'];
  return losses.map((lossFn) => ({
    name: `emulator: the loss ${lossFn}, its gradient and what it reports are the same bits everywhere`,
    async run() {
      const setup = offlineClient();
      const training = await setup.train(5);
      const seen: unknown[] = [];
      for (let step = 0; step < 3; step++) {
        const taken = training.trainStep(dataOf(lossFn), lossFn, { learningRate: 0.05, weightDecay: 0.01 });
        const { forwardBackward, optimStep } = await setup.clock.drive(taken);
        const rows = forwardBackward.lossFnOutputs.map((output) => output['logprobs']?.data as Float32Array);
        seen.push(forwardBackward.metrics, optimStep.metrics, bitsOf(...rows));
      }
      await setup.finish();
      assertTrue('there is a gradient', textOf(seen[1]) !== textOf({ 'grad_norm:mean': 0 }));
      return textOf(seen);
    },
  }));
}

function ruleCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'emulator: gradients add up until the optimizer steps, and a forward pass leaves them alone',
      async run() {
        const norms: (number | undefined)[] = [];
        for (const parts of [[batch(2, 8)], [batch(1, 8), batch(2, 8).slice(1)]]) {
          const setup = offlineClient();
          const training = await setup.train();
          const passes = parts.map((part) => training.forwardBackward(part, 'cross_entropy'));
          const forward = training.forward(batch(3, 8), 'cross_entropy');
          const update = training.optimStep({ learningRate: 0.01 });
          await setup.clock.drive(Promise.all([...passes, forward]));
          norms.push((await setup.clock.drive(update)).metrics['grad_norm:mean']);
          await setup.finish();
        }
        assertTrue('there is one', (norms[0] ?? 0) > 0);
        assertTrue('in one pass as in two', Math.abs((norms[0] ?? 0) - (norms[1] ?? 1)) < 1e-3);
        return textOf(norms);
      },
    },
    {
      name: 'emulator: a target whose ratio was clipped has no gradient in PPO, and has one in CISPO',
      async run() {
        const norms: (number | undefined)[] = [];
        for (const lossFn of ['ppo', 'cispo'] as const) {
          const setup = offlineClient();
          const training = await setup.train();
          const tokens = [5, 6, 7];
          const lossFnInputs = { target_tokens: tokens, logprobs: [-9, -9, -9], advantages: [1, 2, 3] };
          const pass = training.forwardBackward([{ modelInput: [4, 5, 6], lossFnInputs }], lossFn);
          const step = training.optimStep();
          const { metrics } = await setup.clock.drive(pass);
          assertEqual('tokens', metrics['tokens:sum'], 3);
          norms.push((await setup.clock.drive(step)).metrics['grad_norm:mean']);
          await setup.finish();
        }
        assertEqual('in PPO', norms[0], 0);
        assertTrue('in CISPO', (norms[1] ?? 0) > 1);
        return textOf(norms);
      },
    },
    {
      name: 'emulator: rows of targets with weights of their own are trained on alike everywhere',
      async run() {
        const setup = offlineClient();
        const training = await setup.train();
        const rows = Array.from({ length: 6 }, (_, i) => [i + 60, i + 70, i + 80]);
        const weights = rows.map((_, i) => [0.5, 0.3, (i % 2) / 5]);
        const datum = { modelInput: [1, 2, 3, 4, 5, 6], lossFnInputs: { target_tokens: rows, weights } };
        const { metrics, lossFnOutputs } = await setup.clock.drive(
          training.forwardBackward([datum], 'cross_entropy'),
        );
        const { metrics: step } = await setup.clock.drive(training.optimStep());
        await setup.finish();
        const logprobs = lossFnOutputs[0]?.['logprobs'];
        assertEqual('shape', textOf(logprobs?.shape), '[6,3]');
        return textOf([metrics, step, bitsOf(logprobs?.data as Float32Array)]);
      },
    },
    {
      name: 'emulator: more tokens than the context holds are refused with their number',
      async run() {
        const setup = offlineClient();
        const training = await setup.train();
        const error = await rejectionOf('the pass', () =>
          setup.clock.drive(training.forward(batch(1, 65), 'cross_entropy')),
        );
        const { message } = error as Error;
        assertTrue(message, message.includes('65') && message.includes('64'));
        await setup.finish();
      },
    },
  ];
}
