import { createAbortGroup } from '../../kernel/abort-group.ts';
import { decodeUtf8, encodeUtf8 } from '../../kernel/bytes.ts';
import { sha256OfBytes } from '../../kernel/digest.ts';
import { isTinkerError, TinkerInputError, TinkerResponseError } from '../../kernel/errors.ts';
import type { TiktokenFiles } from '../backend.ts';
import { byteTokenizer } from '../byte-tokenizer.ts';
import { ABSENT, type KeptFile } from '../cache/cache-entry.ts';
import { createFileCache, type KeptFiles } from '../cache/file-cache.ts';
import { digestedTokenizer } from '../hugging-face/hugging-face.ts';
import { BYTES, resolveTokenizer } from '../resolve-tokenizer.ts';
import type { Tokenizer, TokenizerLoader } from '../tokenizer.ts';
import { isHubDown } from './hub-errors.ts';
import { fetchHubFile } from './hub-files.ts';
import {
  checkRevision,
  type LoadTokenizerOptions,
  type ResolvedLoadOptions,
  resolveLoadOptions,
  type TokenizerLoaderOptions,
} from './load-options.ts';
import { sharedLoads } from './shared-loads.ts';
import { withLock } from './web-locks.ts';

interface Repository {
  readonly id: string;
  readonly revision: string;
}

const TOKENIZER = 'tokenizer.json';
const CONFIG = 'tokenizer_config.json';
const TEMPLATE = 'chat_template.jinja';
const TIKTOKEN = 'tiktoken.model';

/** How often a file is asked for, and one that is kept: without the hub that one does. */
const ATTEMPTS = 3;
const ATTEMPTS_IF_KEPT = 1;

/** Longest wait for another tab that loads the same, in milliseconds. */
const LOCK_LIMIT_MS = 30_000;

/**
 * Get a tokenizer from a hub, or from the storage, where its files are kept. Calls for the same one at the same time
 * load it once; as long as you hold it, later calls give the same object. Files of a branch are asked for again with each
 * load, and come only if they have changed; those kept are used where the hub cannot be reached.
 *
 * @param id - Repository, e.g. `Qwen/Qwen3-8B`; or `bytes`, the emulator's tokenizer, which needs no files.
 * @throws TinkerInputError - for an id or an option that cannot be right, or a repository without a tokenizer;
 *   TinkerApiError, TinkerConnectionError, TinkerTimeoutError, TinkerResponseError - where the hub is the trouble. On
 *   abort the signal's reason.
 */
export async function loadTokenizer(id: string, options: LoadTokenizerOptions = {}): Promise<Tokenizer> {
  const resolved = resolveLoadOptions(options);
  const location = resolveTokenizer({ modelName: id, tokenizerId: id });
  if (location.id === BYTES) return byteTokenizer;
  const repository =
    options.revision === undefined
      ? { id: location.id, revision: location.revision ?? 'main' }
      : { id, revision: checkRevision(options.revision) };
  return sharedLoads(resolved).load(keyOf(resolved, repository), options.signal, (signal) =>
    load(resolved, repository, signal),
  );
}

/** A loader to create a service client with, so that `getTokenizer()` works: `loadTokenizer` with these options. */
export function createTokenizerLoader(options: TokenizerLoaderOptions = {}): TokenizerLoader {
  resolveLoadOptions(options);
  return async (reference, { signal } = {}) => {
    const { id, revision } = resolveTokenizer(reference);
    return loadTokenizer(id, { ...options, revision, signal });
  };
}

/** What tells loads apart. The token is never written anywhere. */
function keyOf({ hubUrl, hubToken }: ResolvedLoadOptions, { id, revision }: Repository): string {
  return [hubUrl, id, revision, hubToken ?? ''].join('\n');
}

async function load(
  options: ResolvedLoadOptions,
  repository: Repository,
  signal: AbortSignal,
): Promise<Tokenizer> {
  const { storage, hubUrl, locks, clock } = options;
  const { id, revision } = repository;
  const cache = createFileCache(options, repository);
  const isFixed = /^[0-9a-f]{40}$/.test(revision);
  const names =
    options.tiktoken === undefined ? [TOKENIZER, CONFIG, TEMPLATE] : [TOKENIZER, CONFIG, TEMPLATE, TIKTOKEN];

  /** Whether what is kept may be used unasked, and is all there is. */
  const isEnough = (kept: KeptFiles): boolean => {
    const main = kept.get(TOKENIZER)?.bytes === undefined ? TIKTOKEN : TOKENIZER;
    return isFixed && [TOKENIZER, CONFIG, TEMPLATE, main].every((name) => kept.has(name));
  };
  const obtain = async (kept: KeptFiles): Promise<Tokenizer> => {
    signal.throwIfAborted();
    if (isEnough(kept)) return build(options, repository, kept);
    const files = await fetchFiles(options, repository, isFixed, kept, signal);
    const tokenizer = await build(options, repository, files);
    // Only what has proved good.
    await cache.write(new Map([...files].filter(([name, file]) => kept.get(name) !== file)));
    return tokenizer;
  };

  // What is kept of a branch is never enough.
  const kept: KeptFiles = isFixed ? await cache.read(names) : new Map();
  if (storage === undefined || isEnough(kept)) return obtain(kept);
  const wait = { locks, clock, signal, limitMs: LOCK_LIMIT_MS };
  // Another tab may have been faster.
  return withLock(`isotinker:tokenizer:${hubUrl}/${id}@${revision}`, wait, async () =>
    obtain(await cache.read(names)),
  );
}

/** The files that make a tokenizer: those that are kept, where they still are what the hub has. */
async function fetchFiles(
  options: ResolvedLoadOptions,
  repository: Repository,
  isFixed: boolean,
  kept: KeptFiles,
  signal: AbortSignal,
): Promise<KeptFiles> {
  const group = createAbortGroup(signal);
  const get = async (file: string): Promise<readonly [string, KeptFile]> => {
    const known = kept.get(file);
    if (isFixed && known !== undefined) return [file, known];
    const member = group.join();
    try {
      return [file, await fetchFile(options, { ...repository, file }, known, member)];
    } catch (error) {
      // The first failure is the one that is told.
      group.abort(member.aborted ? member.reason : error);
      throw member.reason;
    }
  };
  try {
    const files = new Map(await allOf([TOKENIZER, CONFIG, TEMPLATE].map(get)));
    if (files.get(TOKENIZER)?.bytes === undefined && options.tiktoken !== undefined) {
      files.set(...(await get(TIKTOKEN)));
    }
    return files;
  } finally {
    group.dispose();
  }
}

/** Like `Promise.all`, but nothing runs on when it fails. */
async function allOf<T>(work: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

async function fetchFile(
  options: ResolvedLoadOptions,
  name: Repository & { readonly file: string },
  known: KeptFile | undefined,
  signal: AbortSignal,
): Promise<KeptFile> {
  const attempts = known === undefined ? ATTEMPTS : ATTEMPTS_IF_KEPT;
  try {
    const found = await fetchHubFile(options, { name, knownEtag: known?.etag, attempts, signal });
    if (found.kind === 'known' && known !== undefined) return known;
    return found.kind === 'content' ? found : ABSENT;
  } catch (error) {
    if (known !== undefined && isHubDown(error)) return known;
    throw error;
  }
}

async function build(
  { tiktoken }: ResolvedLoadOptions,
  { id, revision }: Repository,
  files: KeptFiles,
): Promise<Tokenizer> {
  const bytesOf = (name: string): Uint8Array<ArrayBuffer> | undefined => files.get(name)?.bytes;
  const config = bytesOf(CONFIG) ?? encodeUtf8('{}');
  const template = bytesOf(TEMPLATE);
  const main = bytesOf(TOKENIZER);
  if (main !== undefined) {
    const digestOf = async (name: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
      files.get(name)?.sha256 || sha256OfBytes(bytes);
    const digests = [await digestOf(TOKENIZER, main), await digestOf(CONFIG, config)];
    try {
      const chatTemplate = template === undefined ? undefined : decodeUtf8(template);
      return digestedTokenizer(main, config, { chatTemplate, digests });
    } catch (cause) {
      if (!isTinkerError(cause, 'input_invalid')) throw cause;
      throw new TinkerResponseError(
        `The tokenizer of ${id} at ${revision} cannot be used: ${cause.message}`,
        {
          cause,
        },
      );
    }
  }
  const model = bytesOf(TIKTOKEN);
  if (tiktoken === undefined || model === undefined) throw noTokenizer(id, tiktoken === undefined);
  const more: Record<string, Uint8Array> = template === undefined ? {} : { [TEMPLATE]: template };
  const parts: TiktokenFiles = { ...more, [TIKTOKEN]: model, [CONFIG]: config };
  return tiktoken.load(parts, id);
}

function noTokenizer(id: string, mayHaveTiktoken: boolean): TinkerInputError {
  if (!mayHaveTiktoken) {
    return new TinkerInputError('tokenizer', `is of ${id}, which has neither ${TOKENIZER} nor ${TIKTOKEN}`);
  }
  return new TinkerInputError('tokenizer', `is of ${id}, which has no ${TOKENIZER}`, {
    hint: `If it has a ${TIKTOKEN}: import { tiktoken } from 'isotinker/tokenizer/tiktoken', and give { tiktoken }`,
  });
}
