import { describe, expect, it } from 'vitest';
import { adamWStep, createAdamWState } from '../../../../src/emulator/model/adamw.ts';
import { createAdapter, type LoraSpec } from '../../../../src/emulator/model/adapter.ts';
import { createBaseModel } from '../../../../src/emulator/model/base-model.ts';
import { resolveModelConfig } from '../../../../src/emulator/model/config.ts';
import { createKernels } from '../../../../src/emulator/model/create-kernels.ts';
import { createDecoder } from '../../../../src/emulator/model/decoder.ts';
import { effectiveWeights } from '../../../../src/emulator/model/effective-weights.ts';
import type { Kernels } from '../../../../src/emulator/model/kernels.ts';
import type { Sequence } from '../../../../src/emulator/model/sequence-batch.ts';
import { accumulateGradient } from '../../../../src/emulator/model/training.ts';
import { seededRandom } from '../../../../src/kernel/random.ts';
import { goldenTraining } from './golden-training.ts';

const STEPS = 12;

const spec: LoraSpec = { rank: 5, seed: 2, trainAttn: true, trainMlp: true, trainUnembed: true };

/** Everything that must not depend on the backend. */
interface Trace {
  readonly logprobs: readonly string[];
  readonly adapter: string;
  readonly decoded: readonly string[];
}

/** FNV-1a over the bits. */
function hashOf(arrays: readonly Float32Array[]): string {
  let hash = 0x811c9dc5;
  for (const array of arrays) {
    for (const byte of new Uint8Array(array.buffer, array.byteOffset, array.byteLength)) {
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
  }
  return (hash >>> 0).toString(16);
}

/** Sequences of uneven lengths, over several batches. */
function sequences(seed: number): Sequence[] {
  const random = seededRandom(seed);
  return [100, 1, 37, 256, 128, 3].map((length) => {
    const text = Int32Array.from({ length: length + 1 }, (_, i) => Math.floor(random() * 32) + (i % 8) * 32);
    return { tokens: text.slice(0, length), targets: text.slice(1) };
  });
}

function trainAndDecode(kernels: Kernels): Trace {
  const base = createBaseModel(resolveModelConfig(), kernels);
  const adapter = createAdapter(base.config, spec, kernels);
  const state = createAdamWState(adapter);
  const logprobs = Array.from({ length: STEPS }, (_, step) => {
    const gradient = (logprobs: Float32Array) => logprobs.map(() => -1 / 64);
    const found = accumulateGradient(base, adapter, sequences(step), gradient, kernels);
    adamWStep(adapter, state, {
      learningRate: 3e-3,
      beta1: 0.9,
      beta2: 0.95,
      epsilon: 1e-8,
      weightDecay: 0.01,
      gradientClipNorm: 0,
    });
    return hashOf(found);
  });
  const decoder = createDecoder(effectiveWeights(base, adapter, kernels), kernels);
  const decoded = [hashOf([decoder.prefill(Int32Array.from({ length: 21 }, (_, i) => i))])];
  for (let token = 0; token < 20; token++) decoded.push(hashOf([decoder.append(token)]));
  return { logprobs, adapter: hashOf(adapter.parameters.map(({ values }) => values)), decoded };
}

describe('the kernels in WebAssembly', () => {
  it('train and decode like those in JavaScript, to the bit', () => {
    const simd = trainAndDecode(createKernels('simd'));
    expect(simd).toEqual(trainAndDecode(createKernels('javascript')));
    expect(new Set(simd.logprobs).size).toBe(STEPS);
  });

  it('give the same adapter after the training whose result is known', () => {
    expect(goldenTraining(createKernels('simd'))).toBe(goldenTraining(createKernels('javascript')));
  });
});
