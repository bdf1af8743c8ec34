import { messageOf } from '../../kernel/bare-message.ts';
import { encodeUtf8, toHex } from '../../kernel/bytes.ts';
import { sha256 } from '../../kernel/sha256.ts';
import { MAX_KEY_BYTES } from '../../storage/checked-size.ts';
import { guarded } from '../../storage/guarded.ts';
import type { ResolvedLoadOptions } from '../hub/load-options.ts';
import { type KeptFile, packEntry, unpackEntry } from './cache-entry.ts';
import { noteUse } from './cache-index.ts';

/** Files of one revision of one repository, by name. */
export type KeptFiles = ReadonlyMap<string, KeptFile>;

/** Keeps files for the next time. It never fails. */
export interface FileCache {
  /** Those of the files that are kept, and whole. */
  read(files: readonly string[]): Promise<KeptFiles>;
  /** Keep files, in place of others unused for longest. Those that all together have too many bytes are not kept. */
  write(files: KeptFiles): Promise<void>;
}

/** Longest wait for one call of the store, in milliseconds: values have millions of bytes. */
const CALL_LIMIT_MS = 5_000;

/** The cache of one revision of a repository; one that keeps nothing where there is no storage. */
export function createFileCache(
  options: Pick<ResolvedLoadOptions, 'storage' | 'maxCacheBytes' | 'clock' | 'emit' | 'hubUrl'>,
  repository: { readonly id: string; readonly revision: string },
): FileCache {
  const { clock, emit, maxCacheBytes: maxBytes } = options;
  if (options.storage === undefined || maxBytes === 0) {
    return { read: async () => new Map(), write: async () => {} };
  }
  const storage = guarded(options.storage, { clock, emit, limitMs: CALL_LIMIT_MS });
  const told = new Set<string>();
  const keyOf = (file: string): string => cacheKey(options.hubUrl, repository, file);

  const note = async (sizes: ReadonlyMap<string, number>): Promise<void> => {
    if (sizes.size === 0) return;
    for (const key of await noteUse(storage, sizes, { now: clock.now(), maxBytes }))
      await storage.delete(key);
  };

  return {
    async read(files) {
      const kept = new Map<string, KeptFile>();
      const sizes = new Map<string, number>();
      for (const file of files) {
        const key = keyOf(file);
        const value = await storage.get(key);
        if (value === undefined) continue;
        try {
          kept.set(file, await unpackEntry(value));
          sizes.set(key, value.length);
        } catch (error) {
          if (told.has(key)) continue;
          told.add(key);
          const message = `it is damaged: ${messageOf(error)}`;
          emit({ type: 'storage_trouble', operation: 'parse', key, message });
        }
      }
      await note(sizes);
      return kept;
    },
    async write(files) {
      const values = new Map<string, Uint8Array>();
      for (const [file, kept] of files) values.set(keyOf(file), await packEntry(kept));
      const sizes = new Map([...values].map(([key, value]) => [key, value.length]));
      if ([...sizes.values()].reduce((sum, size) => sum + size, 0) > maxBytes) return;
      // The row first: a value that it does not know would never go.
      await note(sizes);
      for (const [key, value] of values) await storage.set(key, value);
    },
  };
}

/** Other hubs than the usual one may have other repositories of the same name. */
function cacheKey(
  hubUrl: string,
  { id, revision }: { readonly id: string; readonly revision: string },
  file: string,
): string {
  const hub = hubUrl === 'https://huggingface.co' ? '' : `${hubUrl.replace(/^https:\/\//, '')}:`;
  const key = `${hub}${id}:${revision}:${file}`;
  const isShort = encodeUtf8(key).length + PREFIX.length <= MAX_KEY_BYTES;
  return `${PREFIX}${isShort ? key : toHex(sha256(encodeUtf8(key)))}`;
}

const PREFIX = 'isotinker:v1:tokenizer:';
