import { checkInteger } from '../../kernel/checks.ts';
import type { Scope } from '../../operations/scope.ts';
import { findArchive } from '../archive/checkpoint-archive.ts';
import { type DownloadParts, startDownload } from '../archive/checkpoint-download.ts';
import { deleteCheckpoint, deleteCheckpoints, setPublished, setTtl } from './checkpoint-changes.ts';
import { placeOf, placesOf, placeToRead } from './checkpoint-ref.ts';
import type { RestClient } from './rest-client.ts';

/** Calls about single checkpoints. */
export type CheckpointCalls = Pick<
  RestClient,
  | 'getCheckpointArchiveUrl'
  | 'downloadCheckpoint'
  | 'deleteCheckpoint'
  | 'deleteCheckpoints'
  | 'publishCheckpoint'
  | 'unpublishCheckpoint'
  | 'setCheckpointTtl'
>;

/** The {@link CheckpointCalls} of a client. */
export function checkpointCalls(parts: DownloadParts): CheckpointCalls {
  const { runtime } = parts;
  const { scopes } = runtime;
  return {
    async getCheckpointArchiveUrl(checkpoint, options = {}) {
      const place = placeToRead(checkpoint);
      return scopes.run(options, (scope) => findArchive(parts, scope, place));
    },
    downloadCheckpoint: async (checkpoint, options = {}) =>
      startDownload(parts, placeToRead(checkpoint), options),
    async deleteCheckpoint(checkpoint, options = {}) {
      const place = placeOf(checkpoint);
      return scopes.run(options, (scope) => deleteCheckpoint(runtime, scope, place));
    },
    async deleteCheckpoints(checkpoints, options = {}) {
      const places = placesOf(checkpoints);
      return scopes.run(options, (scope) => deleteCheckpoints(runtime, scope, places));
    },
    async publishCheckpoint(checkpoint, options = {}) {
      const place = placeOf(checkpoint);
      return scopes.run(options, (scope) => setPublished(runtime, scope, place, true));
    },
    async unpublishCheckpoint(checkpoint, options = {}) {
      const place = placeOf(checkpoint);
      return scopes.run(options, (scope) => setPublished(runtime, scope, place, false));
    },
    async setCheckpointTtl(checkpoint, seconds, options = {}) {
      const place = placeOf(checkpoint);
      const ttl = seconds === null ? null : checkInteger('seconds', seconds, { min: 1 });
      return scopes.run(options, (scope: Scope) => setTtl(runtime, scope, place, ttl));
    },
  };
}
