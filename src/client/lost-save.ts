import { type Runtime, sendResilient } from '../operations/runtime.ts';
import type { Scope } from '../operations/scope.ts';
import { readCheckpoints } from '../wire/json/checkpoints.ts';
import type { SettledSubmission } from '../wire/json/futures.ts';

/** Clocks of client and server may differ this much. */
const CLOCK_TOLERANCE_MS = 60_000;

/**
 * Whether a save that was lost on its way was made nevertheless (servers.md 2.1 item 34): asked where a repetition was
 * refused because such a checkpoint exists. Only one that was made since the first attempt is the lost one's; an older
 * one of the same name, or one of unknown age, is somebody else's.
 *
 * @param kind - Middle part of the checkpoint's path.
 * @param since - Wall time of the first attempt.
 */
export async function findLostSave(
  runtime: Runtime,
  modelId: string,
  saved: { readonly kind: 'weights' | 'sampler_weights'; readonly name: string },
  scope: Scope,
  since: number,
): Promise<SettledSubmission | undefined> {
  const path = `/api/v1/training_runs/${encodeURIComponent(modelId)}/checkpoints`;
  const answer = await sendResilient(runtime, { method: 'GET', path, lane: 'rest', scope });
  const found = readCheckpoints(answer).find(
    ({ checkpointId, tinkerPath, savedAt }) =>
      (checkpointId === `${saved.kind}/${saved.name}` ||
        tinkerPath === `tinker://${modelId}/${saved.kind}/${saved.name}`) &&
      savedAt >= since - CLOCK_TOLERANCE_MS,
  );
  return found && { settled: { path: found.tinkerPath } };
}
