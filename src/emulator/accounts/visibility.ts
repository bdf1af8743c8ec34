import type { CheckpointRecord } from '../checkpoints/checkpoint-index.ts';
import type { AccessScope } from '../http/page.ts';
import type { EmulatorState } from '../state.ts';
import type { TrainingRun } from '../training/training-runs.ts';
import type { Account } from './accounts.ts';

/** What of an emulator's runs and checkpoints a caller sees: their own, and what others have published. */
export interface Visibility {
  /** A run's checkpoints that the caller sees, the latest first. */
  checkpointsOf(runId: string): readonly CheckpointRecord[];
  /** Whether the caller sees a run: another's only in the wide scope, and only if a checkpoint of it is public. */
  sees(run: TrainingRun, scope: AccessScope): boolean;
}

/** As things are now. */
export async function visibilityFor(
  { checkpoints }: Pick<EmulatorState, 'checkpoints'>,
  account: Account,
): Promise<Visibility> {
  const all = await checkpoints.list();
  const readable = all.filter(({ owner, isPublic }) => isPublic || owner === account.id);
  const checkpointsOf = (id: string): readonly CheckpointRecord[] =>
    readable.filter(({ runId }) => runId === id);
  return {
    checkpointsOf,
    sees: (run, scope) =>
      run.session.owner === account.id || (scope === 'accessible' && checkpointsOf(run.id).length > 0),
  };
}
