import { type Clock, plainClock } from '../kernel/clock.ts';
import { type RandomSource, systemRandom } from '../kernel/random.ts';
import { checkKey, checkValue } from './checked-size.ts';
import type { Storage } from './storage.ts';
import { createWriteBehind } from './write-behind.ts';

/** The part of a Cloudflare KV namespace that {@link kvStorage} calls: a Worker's binding is one. */
export interface KeyValueNamespace {
  /** The value, and what was put beside it; `null` for none. */
  getWithMetadata(
    key: string,
    type: 'arrayBuffer',
  ): Promise<{
    /** The value; `null` for none. */
    readonly value: ArrayBuffer | null;
    /** What was put beside it. */
    readonly metadata: unknown;
  }>;
  /** Keep a value, at the end of `expirationTtl` seconds no longer. */
  put(
    key: string,
    value: Uint8Array<ArrayBuffer>,
    options?: { expirationTtl?: number; metadata?: Readonly<Record<string, unknown>> },
  ): Promise<void>;
  /** Forget a key. */
  delete(key: string): Promise<void>;
}

/** Settings of {@link kvStorage}. */
export interface KvStorageOptions {
  /** Ends lifetimes, and keeps writes a second apart. @default the system clock */
  readonly clock?: Clock | undefined;
  /**
   * Keeps the Worker alive until what it wrote is in the store: `(promise) => ctx.waitUntil(promise)`. Without it, what
   * still waits for its second when a request ends goes out in the next request that calls the store. @default none
   */
  readonly waitUntil?: ((outstanding: Promise<void>) => void) | undefined;
  /** Spreads the writes of isolates that were refused together. @default the platform's */
  readonly random?: RandomSource | undefined;
}

interface Entry {
  /** `undefined`: to be deleted. */
  readonly value: Uint8Array<ArrayBuffer> | undefined;
  /** Wall time; `Infinity` without a lifetime. */
  readonly expiresAt: number;
}

/** KV's bound of a value: 25 MiB. (A product would stay in bundles that do without it.) */
const MAX_VALUE_BYTES = 26_214_400;

/** KV refuses shorter lifetimes. */
const MIN_TTL_SECONDS = 60;

/** More do not fit its integer. */
const MAX_TTL_SECONDS = 0x7fff_ffff;

/**
 * A {@link Storage} in a Cloudflare KV namespace, for the isolates of a Worker everywhere. What one writes, others see
 * within a minute or so: good for caches and hints, and without `update`. This isolate sees its own writes at once.
 *
 * KV takes one write a second and key. The first goes out at once; of those that follow within the second the last
 * goes out when it is over, in the background. If that fails, the next call of the store rejects with it, whatever it is
 * about, and so does the promise given to `waitUntil`. A write refused because another isolate has just written the
 * key (429) is tried again in the background, four times within half a minute.
 *
 * Make one per isolate: two do not know of each other's writes.
 *
 * The exact end of a lifetime is kept in the metadata, not in the value: it comes with it in one read, the value needs
 * no second copy on either way, and stays what it is for other tools. A value without it has no end.
 */
export function kvStorage(namespace: KeyValueNamespace, options: KvStorageOptions = {}): Storage {
  const { clock = plainClock, random = systemRandom, waitUntil } = options;

  async function send(key: string, { value, expiresAt }: Entry): Promise<void> {
    if (value === undefined) return namespace.delete(key);
    const seconds = Math.ceil((expiresAt - clock.now()) / 1_000);
    const expirationTtl = Math.min(Math.max(seconds, MIN_TTL_SECONDS), MAX_TTL_SECONDS);
    await namespace.put(
      key,
      value,
      expiresAt < Number.POSITIVE_INFINITY ? { expirationTtl, metadata: { expiresAt } } : {},
    );
  }

  const writes = createWriteBehind<Entry>({
    clock,
    random,
    send,
    // "KV PUT failed: 429 Too Many Requests"
    isTooSoon: (error) => /\b429\b/.test(String(error)),
    waitUntil,
  });

  async function read(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const own = writes.unwritten(key);
    if (own !== undefined) return clock.now() < own.expiresAt ? own.value?.slice() : undefined;
    const { value, metadata } = await namespace.getWithMetadata(key, 'arrayBuffer');
    return value === null || clock.now() >= endOf(metadata) ? undefined : new Uint8Array(value);
  }

  async function write(key: string, entry: Entry): Promise<void> {
    const overdue = writes.tend(key);
    await writes.write(key, entry);
    await overdue;
  }

  return {
    async get(key) {
      checkKey(key);
      const overdue = writes.tend();
      const value = await read(key);
      await overdue;
      return value;
    },
    async set(key, value, setOptions) {
      checkKey(key);
      checkValue(value, MAX_VALUE_BYTES);
      const expiresAt = clock.now() + (setOptions?.ttlMs ?? Number.POSITIVE_INFINITY);
      await write(key, { value: new Uint8Array(value), expiresAt });
    },
    async delete(key) {
      checkKey(key);
      await write(key, { value: undefined, expiresAt: Number.POSITIVE_INFINITY });
    },
  };
}

function endOf(metadata: unknown): number {
  const end = (metadata as { readonly expiresAt?: unknown } | null)?.expiresAt;
  return typeof end === 'number' ? end : Number.POSITIVE_INFINITY;
}
