import { adamWStep, createAdamWState } from '../../../../src/emulator/model/adamw.ts';
import { createAdapter } from '../../../../src/emulator/model/adapter.ts';
import { createBaseModel } from '../../../../src/emulator/model/base-model.ts';
import { resolveModelConfig } from '../../../../src/emulator/model/config.ts';
import type { Kernels } from '../../../../src/emulator/model/kernels.ts';
import { accumulateGradient } from '../../../../src/emulator/model/training.ts';
import { seededRandom } from '../../../../src/kernel/random.ts';

const config = resolveModelConfig({
  vocabularySize: 64,
  width: 24,
  layers: 2,
  heads: 2,
  hiddenWidth: 40,
  contextLength: 48,
  seed: 77,
});

/** Train 12 steps on fixed data, then hash all adapter parameters. Runs in any engine: no test framework. */
export function goldenTraining(kernels: Kernels): number {
  const base = createBaseModel(config, kernels);
  const spec = { rank: 8, seed: 78, trainAttn: true, trainMlp: true, trainUnembed: true };
  const adapter = createAdapter(config, spec, kernels);
  const state = createAdamWState(adapter);
  const random = seededRandom(79);
  const ids = (length: number) => Int32Array.from({ length }, () => Math.floor(random() * 64));
  const sequences = [48, 5, 31, 48, 17].map((n) => ({ tokens: ids(n), targets: ids(n) }));
  const options = {
    learningRate: 5e-3,
    beta1: 0.9,
    beta2: 0.95,
    epsilon: 1e-12,
    weightDecay: 0.01,
    gradientClipNorm: 1,
  };
  for (let step = 0; step < 12; step++) {
    // The gradient depends on the log-probs, so their last bits count too.
    accumulateGradient(base, adapter, sequences, (logprobs) => logprobs.map((x) => x / 149), kernels);
    adamWStep(adapter, state, options);
  }
  return fnv1a(adapter.parameters.map(({ values }) => values));
}

/** FNV-1a, 32 bits, over the bytes of the arrays. */
function fnv1a(arrays: readonly Float32Array[]): number {
  let hash = 0x811c9dc5;
  for (const { buffer, byteOffset, byteLength } of arrays) {
    for (const byte of new Uint8Array(buffer, byteOffset, byteLength)) {
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
  }
  return hash >>> 0;
}
