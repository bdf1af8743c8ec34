import { decodeUtf8, encodeUtf8 } from '../../kernel/bytes.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Storage } from '../../storage/storage.ts';
import type { LoraSpec } from '../model/adapter.ts';
import type { CheckpointName } from './checkpoint-path.ts';

/** What is known of a checkpoint beside its weights. Plain JSON: it goes through storage. */
export interface CheckpointRecord extends CheckpointName {
  readonly path: string;
  /** Id of the account whose it is. */
  readonly owner: string;
  readonly baseModel: string;
  readonly lora: LoraSpec;
  /** Milliseconds since the Unix epoch. */
  readonly savedAt: number;
  readonly sizeBytes: number;
  /** Whether everybody may read it. */
  readonly isPublic: boolean;
  /** From then on it is gone, in milliseconds since the Unix epoch. */
  readonly expiresAt?: number | undefined;
}

/** The list of a store's checkpoints, which the store itself cannot give. */
export interface CheckpointIndex {
  /** Those that have not expired, in the order of their saving. */
  list(): Promise<readonly CheckpointRecord[]>;
  /**
   * Change the list; one change at a time.
   *
   * @returns the paths that are listed no more, be it by this change or because they have expired.
   */
  update(
    change: (records: readonly CheckpointRecord[]) => readonly CheckpointRecord[],
  ): Promise<readonly string[]>;
}

const KEY = 'isotinker:v1:emulator:checkpoints';

/** A list under one key of the store, which several emulators may share where it has an atomic `update`. */
export function createCheckpointIndex(storage: Storage, clock: Clock): CheckpointIndex {
  let lastUpdate: Promise<unknown> = Promise.resolve();
  const isAlive = ({ expiresAt }: CheckpointRecord): boolean =>
    expiresAt === undefined || clock.now() < expiresAt;

  async function write(step: (stored: Uint8Array | undefined) => Uint8Array): Promise<void> {
    if (storage.update === undefined) await storage.set(KEY, step(await storage.get(KEY)));
    else await storage.update(KEY, step);
  }

  return {
    list: async () => decode(await storage.get(KEY)).filter(isAlive),
    update(change) {
      const done = lastUpdate.then(async () => {
        let gone: string[] = [];
        await write((stored) => {
          const before = decode(stored);
          const after = change(before.filter(isAlive));
          const kept = new Set(after.map(({ path }) => path));
          gone = before.map(({ path }) => path).filter((path) => !kept.has(path));
          return encodeUtf8(JSON.stringify(after));
        });
        return gone;
      });
      // The next change follows whatever became of this one; its failure is its caller's to tell.
      lastUpdate = done.catch(() => {});
      return done;
    },
  };
}

function decode(stored: Uint8Array | undefined): readonly CheckpointRecord[] {
  return stored === undefined ? [] : (JSON.parse(decodeUtf8(stored)) as CheckpointRecord[]);
}
