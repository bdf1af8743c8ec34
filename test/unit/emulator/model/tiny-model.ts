import type { Adapter, LoraSpec } from '../../../../src/emulator/model/adapter.ts';
import { createAdapter } from '../../../../src/emulator/model/adapter.ts';
import { type BaseModel, createBaseModel } from '../../../../src/emulator/model/base-model.ts';
import { type ModelConfig, resolveModelConfig } from '../../../../src/emulator/model/config.ts';
import { createJavascriptKernels } from '../../../../src/emulator/model/javascript-kernels.ts';
import type { Kernels } from '../../../../src/emulator/model/kernels.ts';
import type { Sequence } from '../../../../src/emulator/model/sequence-batch.ts';
import { type RandomSource, seededRandom } from '../../../../src/kernel/random.ts';

/** Small enough for finite differences, odd enough to reach the edges of every tile. */
export const tinyConfig = resolveModelConfig({
  vocabularySize: 11,
  width: 12,
  layers: 2,
  heads: 2,
  hiddenWidth: 10,
  contextLength: 40,
  seed: 5,
});

export const everything: LoraSpec = {
  rank: 16,
  seed: 9,
  trainAttn: true,
  trainMlp: true,
  trainUnembed: true,
};

export interface TinyModel {
  readonly kernels: Kernels;
  readonly base: BaseModel;
  readonly adapter: Adapter;
}

/** A model whose adapter has moved away from its start, so that no factor is zero. */
export function tinyModel(spec: LoraSpec = everything, config: ModelConfig = tinyConfig): TinyModel {
  const kernels = createJavascriptKernels();
  const base = createBaseModel(config, kernels);
  const adapter = createAdapter(config, spec, kernels);
  const random = seededRandom(21);
  for (const { values } of adapter.parameters) {
    for (let i = 0; i < values.length; i++) values[i] = values[i]! + (random() - 0.5) * 0.1;
  }
  return { kernels, base, adapter };
}

/** Random sequences of the given lengths. */
export function randomSequences(
  lengths: readonly number[],
  vocabularySize: number = tinyConfig.vocabularySize,
  random: RandomSource = seededRandom(4),
): Sequence[] {
  const ids = (length: number) => Int32Array.from({ length }, () => Math.floor(random() * vocabularySize));
  return lengths.map((length) => ({ tokens: ids(length), targets: ids(length) }));
}
