import { type BaseModel, createBaseModel } from './model/base-model.ts';
import { type ModelConfig, resolveModelConfig } from './model/config.ts';
import { createJavascriptKernels } from './model/javascript-kernels.ts';
import type { Kernels } from './model/kernels.ts';

/** The one base model of an emulator, and what computes it. */
export interface TinyModel {
  readonly name: string;
  readonly config: ModelConfig;
  readonly kernels: Kernels;
  /** The frozen weights, drawn on first use. */
  base(): BaseModel;
}

/** @throws RangeError - for a shape that cannot be. */
export function createTinyModel(name: string, shape: Partial<ModelConfig>): TinyModel {
  const config = resolveModelConfig(shape);
  const kernels = createJavascriptKernels();
  let drawn: BaseModel | undefined;
  return {
    name,
    config,
    kernels,
    base() {
      drawn ??= createBaseModel(config, kernels);
      return drawn;
    },
  };
}
