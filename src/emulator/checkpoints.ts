import type { Storage } from '../storage/storage.ts';
import type { AdamWState } from './model/adamw.ts';
import { type Adapter, createAdapter, type LoraSpec } from './model/adapter.ts';
import type { ModelConfig } from './model/config.ts';
import type { Kernels } from './model/kernels.ts';
import { userFailure } from './operation-failure.ts';
import { decodeSafetensors, encodeSafetensors, type NamedTensor, type TensorFile } from './safetensors.ts';

/** What a checkpoint is for: `weights` continues training, `sampler_weights` is sampled from. */
export type CheckpointKind = 'weights' | 'sampler_weights';

/** Saving and loading of adapters. Paths are `tinker://{run}/{kind}/{name}` (protocol 0.3). */
export interface Checkpoints {
  save(
    path: string,
    adapter: Adapter,
    optimizer: AdamWState | undefined,
    options: SaveOptions,
  ): Promise<void>;
  /** A new adapter with the saved weights. */
  loadAdapter(path: string): Promise<Adapter>;
  /** Overwrite an adapter of the same shape; and the optimizer's state, or clear it. */
  restore(path: string, adapter: Adapter, optimizer: AdamWState, withOptimizer: boolean): Promise<void>;
}

/** How a checkpoint is kept. */
export interface SaveOptions {
  readonly overwrite: boolean;
  readonly ttlMs: number | undefined;
}

/** Names that are safe in a path and a storage key. */
const NAME = /^[A-Za-z0-9_.-]{1,128}$/;

/** The path of a checkpoint. @throws OperationFailure - for a name that cannot be part of one. */
export function checkpointPath(runId: string, kind: CheckpointKind, name: string): string {
  if (!NAME.test(name)) throw userFailure(`Checkpoint name "${name}" must match ${NAME.source}`);
  return `tinker://${runId}/${kind}/${name}`;
}

/** What a path names. @throws OperationFailure - where it is none, or of the other kind. */
export function requireKind(path: string, kind: CheckpointKind): void {
  const [, found] = /^tinker:\/\/[^/]+\/(weights|sampler_weights)\/[^/]+$/.exec(path) ?? [];
  if (found === undefined) throw userFailure(`"${path}" is not a checkpoint path: tinker://RUN/${kind}/NAME`);
  if (found !== kind) throw userFailure(`"${path}" is of kind ${found}; this needs one of kind ${kind}`);
}

/** Checkpoints as safetensors files in a store. */
export function createCheckpoints(storage: Storage, config: ModelConfig, kernels: Kernels): Checkpoints {
  const keyOf = (path: string): string => `isotinker:v1:emulator:${path}`;
  const shape = JSON.stringify(config);

  async function read(path: string): Promise<TensorFile & { readonly spec: LoraSpec }> {
    const bytes = await storage.get(keyOf(path));
    if (bytes === undefined) throw userFailure(`There is no checkpoint at "${path}"`);
    const file = decodeSafetensors(bytes);
    if (file.metadata['config'] !== shape) throw userFailure(`"${path}" belongs to a model of another shape`);
    return { ...file, spec: JSON.parse(file.metadata['lora'] ?? '{}') as LoraSpec };
  }

  return {
    async save(path, adapter, optimizer, { overwrite, ttlMs }) {
      const key = keyOf(path);
      if (!overwrite && (await storage.get(key)) !== undefined) {
        throw userFailure(
          `There already is a checkpoint at "${path}"; save with overwrite, or under another name`,
        );
      }
      const metadata = {
        config: shape,
        lora: JSON.stringify(adapter.spec),
        step: String(optimizer?.step ?? 0),
      };
      const tensors = [...weightTensors(adapter), ...(optimizer ? momentTensors(adapter, optimizer) : [])];
      await storage.set(key, encodeSafetensors({ metadata, tensors }), { ttlMs });
    },
    async loadAdapter(path) {
      const { spec, tensors } = await read(path);
      const adapter = createAdapter(config, spec, kernels);
      fill(weightTensors(adapter), tensors);
      return adapter;
    },
    async restore(path, adapter, optimizer, withOptimizer) {
      const { spec, tensors, metadata } = await read(path);
      const differing = (['rank', 'trainAttn', 'trainMlp', 'trainUnembed'] as const).find(
        (field) => spec[field] !== adapter.spec[field],
      );
      if (differing !== undefined) {
        const [saved, own] = [spec[differing], adapter.spec[differing]];
        throw userFailure(`"${path}" has ${differing} ${saved}, this model has ${own}`);
      }
      const moments = momentTensors(adapter, optimizer);
      fill([...weightTensors(adapter), ...(withOptimizer ? moments : [])], tensors);
      if (!withOptimizer) for (const { values } of moments) values.fill(0);
      optimizer.step = withOptimizer ? Number(metadata['step']) : 0;
      for (const { gradient } of adapter.parameters) gradient.fill(0);
    },
  };
}

function weightTensors(adapter: Adapter): NamedTensor[] {
  return adapter.parameters.map(({ name, shape, values }) => ({ name: `${name}.weight`, shape, values }));
}

function momentTensors(adapter: Adapter, { first, second }: AdamWState): NamedTensor[] {
  return adapter.parameters.flatMap(({ name, shape }, index) => [
    { name: `optimizer.first.${name}`, shape, values: first[index] ?? new Float32Array() },
    { name: `optimizer.second.${name}`, shape, values: second[index] ?? new Float32Array() },
  ]);
}

/** Copy saved values into arrays of the same names: all of them, or none. */
function fill(into: readonly NamedTensor[], saved: readonly NamedTensor[]): void {
  const byName = new Map(saved.map((tensor) => [tensor.name, tensor.values]));
  const missing = into.find(({ name, values }) => byName.get(name)?.length !== values.length);
  if (missing !== undefined) {
    throw userFailure(`The checkpoint has no "${missing.name}" of ${missing.values.length} numbers`);
  }
  for (const { name, values } of into) values.set(byName.get(name) ?? []);
}
