import * as z from 'zod/mini';
import { jsonText } from '../../kernel/json-text.ts';
import type { Cursor } from '../types/rest.ts';
import type { Checkpoint, TrainingRun, WeightsInfo } from '../types/training-run.ts';
import { flag, number, record, text, time } from './field.ts';
import { lazy } from './lazy.ts';
import { parseWire } from './parse.ts';
import { readTimestamp } from './rest-timestamp.ts';

/** A page as a server sends it. */
export interface ReadPage<T> {
  readonly items: readonly T[];
  /** `undefined` where the server sends none. */
  readonly cursor: Cursor | undefined;
}

const timestampSchema = /* @__PURE__ */ lazy(() => z.nullish(time()));

const cursorSchema = /* @__PURE__ */ lazy(() =>
  z.nullish(
    z.looseObject({
      offset: z.nullish(number()),
      limit: z.nullish(number()),
      total_count: z.nullish(number()),
    }),
  ),
);

const checkpointSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({
    checkpoint_id: text(),
    checkpoint_type: z.nullish(text()),
    time: timestampSchema(),
    tinker_path: text(),
    size_bytes: z.nullish(number()),
    public: z.nullish(flag()),
    expires_at: timestampSchema(),
  }),
);

const runSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({
    training_run_id: text(),
    base_model: text(),
    model_owner: z.nullish(text()),
    is_lora: z.nullish(flag()),
    lora_rank: z.nullish(number()),
    corrupted: z.nullish(flag()),
    last_request_time: timestampSchema(),
    last_checkpoint: z.nullish(checkpointSchema()),
    last_sampler_checkpoint: z.nullish(checkpointSchema()),
    user_metadata: z.nullish(record()),
  }),
);

const runsSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({ training_runs: z.array(runSchema()), cursor: cursorSchema() }),
);

const checkpointListSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({ checkpoints: z.array(checkpointSchema()), cursor: cursorSchema() }),
);

const weightsInfoSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({
    base_model: text(),
    is_lora: z.nullish(flag()),
    lora_rank: z.nullish(number()),
    train_attn: z.nullish(flag()),
    train_mlp: z.nullish(flag()),
    train_unembed: z.nullish(flag()),
  }),
);

type WireCheckpoint = z.infer<ReturnType<typeof checkpointSchema>>;
type WireRun = z.infer<ReturnType<typeof runSchema>>;

/** Answer of `training_runs/{id}` (protocol 2.9). */
export function readTrainingRun(body: unknown): TrainingRun {
  return trainingRun('', parseWire(runSchema, body, 'training run'));
}

/** Answer of `training_runs`. */
export function readTrainingRuns(body: unknown): ReadPage<TrainingRun> {
  const { training_runs, cursor } = parseWire(runsSchema, body, 'list of training runs');
  return {
    items: training_runs.map((run, index) => trainingRun(`training_runs.${index}.`, run)),
    cursor: readCursor(cursor),
  };
}

/** Answer of `checkpoints`, and of `training_runs/{id}/checkpoints`. */
export function readCheckpointList(body: unknown): ReadPage<Checkpoint> {
  const { checkpoints, cursor } = parseWire(checkpointListSchema, body, 'list of checkpoints');
  return {
    items: checkpoints.map((one, index) => checkpoint(`checkpoints.${index}.`, one)),
    cursor: readCursor(cursor),
  };
}

/** Answer of `weights_info` (protocol 2.5). */
export function readWeightsInfo(body: unknown): WeightsInfo {
  const info = parseWire(weightsInfoSchema, body, 'weights_info answer');
  return {
    baseModel: info.base_model,
    isLora: info.is_lora ?? undefined,
    loraRank: info.lora_rank ?? undefined,
    trainAttn: info.train_attn ?? undefined,
    trainMlp: info.train_mlp ?? undefined,
    trainUnembed: info.train_unembed ?? undefined,
  };
}

/** Metadata as text, whatever a server keeps there; `undefined` for none. */
export function readMetadata(
  metadata: Readonly<Record<string, unknown>> | null | undefined,
): Readonly<Record<string, string>> | undefined {
  if (metadata === null || metadata === undefined) return undefined;
  const texts = Object.entries(metadata).map(([name, value]) => [
    name,
    // Nobody keeps what has no text; it should not take the others with it.
    typeof value === 'string' ? value : (jsonText(value) ?? ''),
  ]);
  return Object.fromEntries(texts) as Record<string, string>;
}

/** A cursor that does not say where it stands is as good as none. */
function readCursor(cursor: z.infer<ReturnType<typeof cursorSchema>>): Cursor | undefined {
  const { offset, limit, total_count: totalCount } = cursor ?? {};
  const isWhole = [offset, limit, totalCount].every((number) => typeof number === 'number');
  return isWhole ? ({ offset, limit, totalCount } as Cursor) : undefined;
}

function trainingRun(at: string, run: WireRun): TrainingRun {
  return {
    trainingRunId: run.training_run_id,
    baseModel: run.base_model,
    modelOwner: run.model_owner ?? undefined,
    isLora: run.is_lora ?? undefined,
    loraRank: run.lora_rank ?? undefined,
    isCorrupted: run.corrupted ?? false,
    lastRequestTime: readTimestamp(`${at}last_request_time`, run.last_request_time),
    lastCheckpoint: optionalCheckpoint(`${at}last_checkpoint.`, run.last_checkpoint),
    lastSamplerCheckpoint: optionalCheckpoint(`${at}last_sampler_checkpoint.`, run.last_sampler_checkpoint),
    userMetadata: readMetadata(run.user_metadata),
  };
}

function optionalCheckpoint(at: string, one: WireCheckpoint | null | undefined): Checkpoint | undefined {
  return one ? checkpoint(at, one) : undefined;
}

function checkpoint(at: string, one: WireCheckpoint): Checkpoint {
  return {
    checkpointId: one.checkpoint_id,
    checkpointType: one.checkpoint_type ?? undefined,
    time: readTimestamp(`${at}time`, one.time),
    tinkerPath: one.tinker_path,
    sizeBytes: one.size_bytes ?? undefined,
    isPublic: one.public ?? false,
    expiresAt: readTimestamp(`${at}expires_at`, one.expires_at),
  };
}
