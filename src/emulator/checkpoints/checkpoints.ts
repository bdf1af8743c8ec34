import type { Clock } from '../../kernel/clock.ts';
import type { Storage } from '../../storage/storage.ts';
import { userFailure } from '../futures/operation-failure.ts';
import { type AdamWState, createAdamWState } from '../model/adamw.ts';
import { type Adapter, createAdapter } from '../model/adapter.ts';
import type { TinyModel } from '../tiny-model.ts';
import { type CheckpointIndex, type CheckpointRecord, createCheckpointIndex } from './checkpoint-index.ts';
import { type CheckpointName, checkpointPath } from './checkpoint-path.ts';
import { decodeSafetensors, encodeSafetensors, type NamedTensor, type TensorFile } from './safetensors.ts';

/** Saving and loading of adapters. */
export interface Checkpoints {
  /**
   * Save an adapter; with its optimizer if it is to be trained further. One that is overwritten is public no more.
   *
   * @throws OperationFailure - for a name that cannot be one, or that is taken and not to be overwritten. It fails the
   * operation's future, and is no 409 of the request, which clients would repeat for minutes (protocol 5.12).
   */
  save(target: SaveTarget, adapter: Adapter, optimizer: AdamWState | undefined): Promise<CheckpointRecord>;
  find(path: string): Promise<CheckpointRecord | undefined>;
  /** All of them, the latest first. */
  list(): Promise<readonly CheckpointRecord[]>;
  /** The weights as they were saved; `undefined` where they are gone. */
  read(record: CheckpointRecord): Promise<TensorFile | undefined>;
  /**
   * A new adapter with the saved weights, and the optimizer's state, as saved or clear.
   *
   * @throws OperationFailure - for a checkpoint of a model of another shape.
   */
  load(
    record: CheckpointRecord,
    withOptimizer: boolean,
  ): Promise<{ readonly adapter: Adapter; readonly optimizer: AdamWState }>;
  /** Overwrite an adapter; and the optimizer's state, or clear it. @throws OperationFailure - for one of another shape. */
  restore(
    record: CheckpointRecord,
    adapter: Adapter,
    optimizer: AdamWState,
    withOptimizer: boolean,
  ): Promise<void>;
  /** Change who may read it, or until when it is kept. */
  change(
    record: CheckpointRecord,
    to: Partial<Pick<CheckpointRecord, 'isPublic' | 'expiresAt'>>,
  ): Promise<void>;
  delete(record: CheckpointRecord): Promise<void>;
}

/** What is saved where, and how it is kept. */
export interface SaveTarget extends CheckpointName {
  readonly owner: string;
  readonly overwrite: boolean;
  readonly ttlMs: number | undefined;
}

/** Checkpoints as safetensors files in a store. */
export function createCheckpoints(storage: Storage, model: TinyModel, clock: Clock): Checkpoints {
  const index: CheckpointIndex = createCheckpointIndex(storage, clock);
  const keyOf = (path: string): string => `isotinker:v1:emulator:${path}`;
  const shape = JSON.stringify(model.config);

  async function read({ path }: CheckpointRecord): Promise<TensorFile | undefined> {
    const bytes = await storage.get(keyOf(path));
    return bytes && decodeSafetensors(bytes);
  }

  async function readFitting(record: CheckpointRecord): Promise<TensorFile> {
    const file = await read(record);
    if (file === undefined) throw userFailure(`There is no checkpoint at "${record.path}"`);
    if (file.metadata['config'] !== shape)
      throw userFailure(`"${record.path}" belongs to a model of another shape`);
    return file;
  }

  /** Change the list, then forget the files of what has left it. */
  async function update(change: Parameters<CheckpointIndex['update']>[0]): Promise<void> {
    for (const path of await index.update(change)) await storage.delete(keyOf(path));
  }

  const checkpoints: Checkpoints = {
    async save({ runId, kind, name, owner, overwrite, ttlMs }, adapter, optimizer) {
      const path = checkpointPath({ runId, kind, name });
      if (!overwrite && (await checkpoints.find(path)) !== undefined) {
        throw userFailure(
          `There already is a checkpoint at "${path}"; save with overwrite, or under another name`,
        );
      }
      const savedAt = clock.now();
      const file = encodeSafetensors(fileOf(adapter, optimizer, shape));
      const record: CheckpointRecord = {
        path,
        runId,
        kind,
        name,
        owner,
        baseModel: model.name,
        lora: adapter.spec,
        savedAt,
        sizeBytes: file.length,
        isPublic: false,
        expiresAt: ttlMs === undefined ? undefined : savedAt + ttlMs,
      };
      await storage.set(keyOf(path), file);
      await update((records) => [...records.filter((other) => other.path !== path), record]);
      return record;
    },
    find: async (path) => (await index.list()).find((record) => record.path === path),
    list: async () => [...(await index.list())].reverse(),
    read,
    async load(record, withOptimizer) {
      const file = await readFitting(record);
      const adapter = createAdapter(model.config, record.lora, model.kernels);
      const optimizer = createAdamWState(adapter);
      copyInto(adapter, optimizer, file, withOptimizer);
      return { adapter, optimizer };
    },
    async restore(record, adapter, optimizer, withOptimizer) {
      const file = await readFitting(record);
      requireSameSpec(record, adapter);
      copyInto(adapter, optimizer, file, withOptimizer);
    },
    change: ({ path }, to) =>
      update((records) => records.map((record) => (record.path === path ? { ...record, ...to } : record))),
    delete: ({ path }) => update((records) => records.filter((record) => record.path !== path)),
  };
  return checkpoints;
}

function fileOf(adapter: Adapter, optimizer: AdamWState | undefined, shape: string): TensorFile {
  const metadata = {
    config: shape,
    lora: JSON.stringify(adapter.spec),
    step: String(optimizer?.step ?? 0),
  };
  return {
    metadata,
    tensors: [...weightTensors(adapter), ...(optimizer ? momentTensors(adapter, optimizer) : [])],
  };
}

function copyInto(
  adapter: Adapter,
  optimizer: AdamWState,
  { tensors, metadata }: TensorFile,
  withOptimizer: boolean,
): void {
  const moments = momentTensors(adapter, optimizer);
  fill([...weightTensors(adapter), ...(withOptimizer ? moments : [])], tensors);
  if (!withOptimizer) for (const { values } of moments) values.fill(0);
  optimizer.step = withOptimizer ? Number(metadata['step']) : 0;
  for (const { gradient } of adapter.parameters) gradient.fill(0);
}

function requireSameSpec({ path, lora }: CheckpointRecord, { spec }: Adapter): void {
  const differing = (['rank', 'trainAttn', 'trainMlp', 'trainUnembed'] as const).find(
    (field) => lora[field] !== spec[field],
  );
  if (differing === undefined) return;
  throw userFailure(`"${path}" has ${differing} ${lora[differing]}, this model has ${spec[differing]}`);
}

/** Name of the tensors that only training needs. */
const OPTIMIZER_PREFIX = 'optimizer.';

/** The adapter's own tensors of a checkpoint file, named `{module}.lora_A.weight` or `…lora_B.weight`. */
export function adapterTensors({ tensors }: TensorFile): readonly NamedTensor[] {
  return tensors.filter(({ name }) => !name.startsWith(OPTIMIZER_PREFIX));
}

function weightTensors(adapter: Adapter): NamedTensor[] {
  return adapter.parameters.map(({ name, shape, values }) => ({ name: `${name}.weight`, shape, values }));
}

function momentTensors(adapter: Adapter, { first, second }: AdamWState): NamedTensor[] {
  return adapter.parameters.flatMap(({ name, shape }, index) => [
    { name: `${OPTIMIZER_PREFIX}first.${name}`, shape, values: first[index] ?? new Float32Array() },
    { name: `${OPTIMIZER_PREFIX}second.${name}`, shape, values: second[index] ?? new Float32Array() },
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
