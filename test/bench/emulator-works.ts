import { adamWStep, createAdamWState } from '../../src/emulator/model/adamw.ts';
import { createAdapter } from '../../src/emulator/model/adapter.ts';
import { createBaseModel } from '../../src/emulator/model/base-model.ts';
import { resolveModelConfig } from '../../src/emulator/model/config.ts';
import { createKernels } from '../../src/emulator/model/create-kernels.ts';
import { createDecoder } from '../../src/emulator/model/decoder.ts';
import { effectiveWeights } from '../../src/emulator/model/effective-weights.ts';
import type { Products } from '../../src/emulator/model/javascript-products.ts';
import type { Kernels } from '../../src/emulator/model/kernels.ts';
import { type Matrix, matrixOver } from '../../src/emulator/model/matrix.ts';
import { sampleToken } from '../../src/emulator/model/token-sampling.ts';
import { accumulateGradient } from '../../src/emulator/model/training.ts';
import { seededRandom } from '../../src/kernel/random.ts';
import { samplingFlops, trainingFlops } from './emulator-flops.ts';

// What the emulator computes with one backend, and the matrix products of it alone. Nothing but web standards.

/** Tokens of a step: what a batch of a demonstration has. */
export const SEQUENCES = 8;
export const LENGTH = 128;
/** Tokens that are sampled. */
export const SAMPLED = 200;

const RANK = 16;
const LARGE = { rows: 512, inner: 256, columns: 256 };
const ADAM = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-12,
  weightDecay: 0,
  gradientClipNorm: 0,
};

/** Something to time, and the floating-point operations of its matrix products. */
export interface Work {
  readonly flops: number;
  run(): void;
}

/** By the names that reports have. */
export type WorkName = 'step' | 'step products' | 'sample' | 'sample products' | 'large product';

type Call = (kernels: Kernels) => void;

/** All works of a backend. @throws TinkerInputError - where the runtime has not got it. */
export function emulatorWorks(backend: 'simd' | 'javascript'): Readonly<Record<WorkName, Work>> {
  const kernels = createKernels(backend);
  const config = resolveModelConfig();
  const lengths = new Array<number>(SEQUENCES).fill(LENGTH);
  const step = { flops: trainingFlops(config, RANK, lengths), run: createStep(kernels) };
  const sample = { flops: samplingFlops(config, SAMPLED), run: createSample(kernels) };
  return {
    step,
    'step products': productsOf(kernels, step.flops, createStep),
    sample,
    'sample products': productsOf(kernels, sample.flops, createSample),
    'large product': largeProduct(kernels),
  };
}

/** A training step, which goes on where the last one ended. */
function createStep(kernels: Kernels): () => void {
  const config = resolveModelConfig();
  const base = createBaseModel(config, kernels);
  const spec = { rank: RANK, seed: 1, trainAttn: true, trainMlp: true, trainUnembed: true };
  const adapter = createAdapter(config, spec, kernels);
  const state = createAdamWState(adapter);
  const random = seededRandom(2);
  const sequences = Array.from({ length: SEQUENCES }, () => {
    const tokens = Int32Array.from({ length: LENGTH }, () => Math.floor(random() * config.vocabularySize));
    return { tokens, targets: tokens.map((token) => (7 * token + 1) % config.vocabularySize) };
  });
  const gradient = new Float32Array(LENGTH).fill(-1 / (SEQUENCES * LENGTH));
  return () => {
    accumulateGradient(base, adapter, sequences, () => gradient, kernels);
    adamWStep(adapter, state, ADAM);
  };
}

/** Sampling one token after the other, with the keys and values kept. */
function createSample(kernels: Kernels): () => void {
  const weights = effectiveWeights(createBaseModel(resolveModelConfig(), kernels), undefined, kernels);
  return () => {
    const decoder = createDecoder(weights, kernels);
    const random = seededRandom(3);
    let token = 0;
    for (let i = 0; i < SAMPLED; i++) {
      const logits = decoder.append(token);
      ({ token } = sampleToken(logits, { temperature: 1, topK: -1, topP: 1 }, random));
    }
    decoder.release();
  };
}

/**
 * The products of a work and nothing else: the same shapes in the same places, in the same order.
 *
 * @throws Error - where they are not the operations that were counted.
 */
function productsOf(kernels: Kernels, flops: number, create: (kernels: Kernels) => () => void): Work {
  const calls: Call[] = [];
  let counted = 0;
  const recorded =
    (name: keyof Products): Products[typeof name] =>
    (a: Matrix, b: Matrix, into: Matrix, accumulate: boolean) => {
      counted += 2 * into.rows * into.columns * (name === 'multiplyTransposedLeft' ? a.rows : a.columns);
      calls.push((own) => own[name](a, b, into, accumulate));
      kernels[name](a, b, into, accumulate);
    };
  const run = create({
    ...kernels,
    multiply: recorded('multiply'),
    multiplyTransposedLeft: recorded('multiplyTransposedLeft'),
    multiplyTransposedRight: recorded('multiplyTransposedRight'),
  });
  run();
  if (counted !== flops) throw new Error(`The model makes ${counted} operations, not ${flops}`);
  return {
    flops,
    run() {
      for (const call of calls) call(kernels);
    },
  };
}

function largeProduct(kernels: Kernels): Work {
  const { rows, inner, columns } = LARGE;
  const random = seededRandom(4);
  const filled = (height: number, width: number): Matrix =>
    matrixOver(kernels.allocate(height * width).map(random), height, width);
  const [a, b, into] = [filled(rows, inner), filled(inner, columns), filled(rows, columns)];
  return { flops: 2 * rows * inner * columns, run: () => kernels.multiply(a, b, into, false) };
}
