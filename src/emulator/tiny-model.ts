import { type BaseModel, createBaseModel } from './model/base-model.ts';
import { type ModelConfig, resolveModelConfig } from './model/config.ts';
import { createKernels, type KernelBackend } from './model/create-kernels.ts';
import type { Kernels } from './model/kernels.ts';

/** The one base model of an emulator, and what computes it. */
export interface TinyModel {
  readonly name: string;
  readonly config: ModelConfig;
  readonly kernels: Kernels;
  /** The frozen weights, drawn on first use. */
  base(): BaseModel;
}

/** @throws RangeError - for a shape that cannot be; TinkerInputError for kernels that this platform has not. */
export function createTinyModel(
  name: string,
  shape: Partial<ModelConfig>,
  backend: KernelBackend,
): TinyModel {
  const config = resolveModelConfig(shape);
  const kernels = createKernels(backend);
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
