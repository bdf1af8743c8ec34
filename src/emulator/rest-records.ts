import { isoTime } from '../kernel/clock.ts';
import type { CheckpointRecord } from './checkpoints/checkpoint-index.ts';
import type { TrainingRun } from './training/training-runs.ts';

/** A checkpoint as protocol 2.9 words it. */
export function checkpointBody(record: CheckpointRecord): object {
  return {
    checkpoint_id: `${record.kind}/${record.name}`,
    checkpoint_type: record.kind === 'weights' ? 'training' : 'sampler',
    time: isoTime(record.savedAt),
    tinker_path: record.path,
    size_bytes: record.sizeBytes,
    public: record.isPublic,
    expires_at: record.expiresAt === undefined ? undefined : isoTime(record.expiresAt),
  };
}

/** A training run as protocol 2.9 words it. @param checkpoints - Those of the run that the caller may see, the latest first. */
export function trainingRunBody(
  run: TrainingRun,
  baseModel: string,
  checkpoints: readonly CheckpointRecord[],
): object {
  const last = (kind: CheckpointRecord['kind']): object | undefined => {
    const record = checkpoints.find((candidate) => candidate.kind === kind);
    return record && checkpointBody(record);
  };
  return {
    training_run_id: run.id,
    base_model: baseModel,
    model_owner: run.session.owner,
    is_lora: true,
    corrupted: false,
    lora_rank: run.adapter.spec.rank,
    last_request_time: isoTime(run.lastRequestAt),
    last_checkpoint: last('weights'),
    last_sampler_checkpoint: last('sampler_weights'),
    user_metadata: run.userMetadata,
  };
}
