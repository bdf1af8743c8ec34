import { describe, expect, it } from 'vitest';
import { type AdamWOptions, adamWStep, createAdamWState } from '../../../../src/emulator/model/adamw.ts';
import { createAdapter } from '../../../../src/emulator/model/adapter.ts';
import { createBaseModel } from '../../../../src/emulator/model/base-model.ts';
import { resolveModelConfig } from '../../../../src/emulator/model/config.ts';
import { createDecoder } from '../../../../src/emulator/model/decoder.ts';
import { effectiveWeights } from '../../../../src/emulator/model/effective-weights.ts';
import { createJavascriptKernels } from '../../../../src/emulator/model/javascript-kernels.ts';
import { sampleToken } from '../../../../src/emulator/model/token-sampling.ts';
import { accumulateGradient } from '../../../../src/emulator/model/training.ts';
import { seededRandom } from '../../../../src/kernel/random.ts';

const options: AdamWOptions = {
  learningRate: 3e-3,
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-12,
  weightDecay: 0,
  gradientClipNorm: 0,
};

const config = resolveModelConfig({ width: 16, hiddenWidth: 24, contextLength: 64 });
const bytes = new TextEncoder().encode('a small model learns to say this. '.repeat(6));

/** A window of the text, which repeats, as a training sequence. */
function windowAt(start: number, length: number) {
  return {
    tokens: Int32Array.from(bytes.subarray(start, start + length)),
    targets: Int32Array.from(bytes.subarray(start + 1, start + length + 1)),
  };
}

function train(steps: number, rank: number) {
  const kernels = createJavascriptKernels();
  const base = createBaseModel(config, kernels);
  const spec = { rank, seed: 3, trainAttn: true, trainMlp: true, trainUnembed: true };
  const adapter = createAdapter(config, spec, kernels);
  const state = createAdamWState(adapter);
  const random = seededRandom(12);
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const sequences = Array.from({ length: 4 }, () => windowAt(Math.floor(random() * 34), 32));
    const logprobs = accumulateGradient(base, adapter, sequences, (row) => row.map(() => -1 / 128), kernels);
    adamWStep(adapter, state, options);
    losses.push(-logprobs.reduce((sum, row) => sum + row.reduce((a, b) => a + b, 0), 0) / 128);
  }
  return { losses, base, adapter, kernels };
}

describe('the model learns', () => {
  it('a repeated sentence, from the uniform distribution to near certainty, and then says it', () => {
    const { losses, base, adapter, kernels } = train(150, 8);
    expect(losses[0]).toBeCloseTo(Math.log(256), 1);
    expect(losses[149]).toBeLessThan(0.25);
    const decoder = createDecoder(effectiveWeights(base, adapter, kernels), kernels);
    let logits = decoder.prefill(Int32Array.from(bytes.subarray(0, 12)));
    const said: number[] = [];
    while (said.length < 30) {
      const { token } = sampleToken(logits, { temperature: 0, topK: -1, topP: 1 }, () => 0);
      said.push(token);
      logits = decoder.append(token);
    }
    expect(new TextDecoder().decode(Uint8Array.from(said))).toBe('l learns to say this. a small ');
  });

  it('reproducibly: the same seeds give the same losses', () => {
    expect(train(3, 4).losses).toEqual(train(3, 4).losses);
  });
});
