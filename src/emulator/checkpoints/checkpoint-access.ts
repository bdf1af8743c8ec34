import { userFailure } from '../futures/operation-failure.ts';
import type { EmulatorState } from '../state.ts';
import type { CheckpointRecord } from './checkpoint-index.ts';
import { type CheckpointKind, requireKind } from './checkpoint-path.ts';

/** Who wants to read a checkpoint, and with whose credential if not with their own. */
export interface Reader {
  readonly accountId: string;
  /** `weights_access_token`: the key or the token of the checkpoint's owner (protocol 5.11). */
  readonly token: string | undefined;
}

type Access = Pick<EmulatorState, 'checkpoints' | 'accounts'>;

/** The checkpoint at a path; `undefined` where there is none, or none for this reader: which of the two is not told. */
export async function findReadable(
  { checkpoints, accounts }: Access,
  path: string,
  { accountId, token }: Reader,
): Promise<CheckpointRecord | undefined> {
  const record = await checkpoints.find(path);
  if (record === undefined || record.isPublic || record.owner === accountId) return record;
  const isLent = token !== undefined && accounts.ownerOf(token)?.id === record.owner;
  return isLent ? record : undefined;
}

/** The same of one kind. @throws OperationFailure - where there is none. */
export async function requireReadable(
  access: Access,
  path: string,
  kind: CheckpointKind,
  reader: Reader,
): Promise<CheckpointRecord> {
  requireKind(path, kind);
  const record = await findReadable(access, path, reader);
  if (record === undefined) throw userFailure(`There is no checkpoint at "${path}"`);
  return record;
}
