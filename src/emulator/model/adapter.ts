import { type RandomSource, seededRandom } from '../../kernel/random.ts';
import { fillUniform } from './base-model.ts';
import type { ModelConfig } from './config.ts';
import type { Kernels } from './kernels.ts';
import { type Matrix, matrixOver } from './matrix.ts';
import { type Projection, projectionsOf } from './projections.ts';

/** What to train. At least one group should be on; with none the adapter has no parameters. */
export interface LoraSpec {
  /** Inner size of every pair of factors, a positive integer. It may exceed the matrices' own sizes. */
  readonly rank: number;
  /** Selects the random A factors. */
  readonly seed: number;
  /** Query, key, value and output projections of attention. */
  readonly trainAttn: boolean;
  /** Gate, up and down projections of the MLP. */
  readonly trainMlp: boolean;
  /** The unembedding. */
  readonly trainUnembed: boolean;
}

/** One trained matrix. */
export interface AdapterParameter {
  /** As PEFT names it, without prefix and `.weight`: `layers.0.self_attn.q_proj.lora_A`. */
  readonly name: string;
  /** rank x inputs for lora_A, outputs x rank for lora_B. */
  readonly shape: readonly [number, number];
  /** Row-major. A restored checkpoint is written into this array. */
  readonly values: Float32Array;
  /** Same layout; passes add to it, the optimizer step clears it. */
  readonly gradient: Float32Array;
}

/** The two factors of one module: its weight becomes W + scale · B · A. */
export interface LoraFactors {
  readonly a: AdapterParameter;
  readonly b: AdapterParameter;
}

/** A LoRA adapter (Hu et al. 2021) and the gradient collected for it. */
export interface Adapter {
  readonly spec: LoraSpec;
  /** A before B, module by module, in the order of the model. */
  readonly parameters: readonly AdapterParameter[];
  /** In the order of {@link projectionsOf}: one pair per module; none where the group is off. */
  readonly factors: readonly (readonly LoraFactors[])[];
  /** {@link LORA_ALPHA} / rank. */
  readonly scale: number;
}

/** LoRA's alpha: products of factors count alpha / rank times. */
export const LORA_ALPHA = 32;

/**
 * A fresh adapter: A random with the variance that keeps a module's scale, B zero, so that it changes nothing yet.
 *
 * @throws RangeError if the rank is not a positive integer.
 */
export function createAdapter(config: ModelConfig, spec: LoraSpec, kernels: Kernels): Adapter {
  if (!Number.isInteger(spec.rank) || spec.rank < 1) {
    throw new RangeError(`rank is ${spec.rank}; it must be an integer of at least 1`);
  }
  const random = seededRandom(spec.seed);
  const factors = projectionsOf(config).map((projection) => {
    if (!isAdapted(projection, spec)) return [];
    return projection.modules.map((module) => createFactors(module, projection, spec.rank, random, kernels));
  });
  const parameters = factors.flat().flatMap(({ a, b }) => [a, b]);
  return { spec, parameters, factors, scale: LORA_ALPHA / spec.rank };
}

/** The values of a parameter as a matrix of its shape. */
export function valueMatrix({ values, shape }: AdapterParameter): Matrix {
  return matrixOver(values, shape[0], shape[1]);
}

/** The gradient of a parameter as a matrix of its shape. */
export function gradientMatrix({ gradient, shape }: AdapterParameter): Matrix {
  return matrixOver(gradient, shape[0], shape[1]);
}

function isAdapted({ group }: Projection, spec: LoraSpec): boolean {
  if (group === 'attention') return spec.trainAttn;
  return group === 'mlp' ? spec.trainMlp : spec.trainUnembed;
}

function createFactors(
  module: string,
  { inputs, moduleOutputs }: Projection,
  rank: number,
  random: RandomSource,
  kernels: Kernels,
): LoraFactors {
  const a = createParameter(`${module}.lora_A`, [rank, inputs], kernels);
  fillUniform(a.values, 1 / Math.sqrt(inputs), random);
  return { a, b: createParameter(`${module}.lora_B`, [moduleOutputs, rank], kernels) };
}

function createParameter(name: string, shape: readonly [number, number], kernels: Kernels): AdapterParameter {
  const length = shape[0] * shape[1];
  return { name, shape, values: kernels.allocate(length), gradient: kernels.allocate(length) };
}
