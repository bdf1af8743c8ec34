import {
  type DenoAtomicOperation,
  type DenoKeyValue,
  denoKvStorage,
  type KeyValueNamespace,
  kvStorage,
} from '../../src/storage/kv.ts';

// Compiled, never run: bindings as the platforms type them fit, though they can do more.

/** Overloads and type parameters, as a Worker's binding has them. */
interface WorkerNamespace<Key extends string = string> {
  getWithMetadata<Metadata = unknown>(
    key: Key,
    options?: Partial<{ type: undefined; cacheTtl: number }>,
  ): Promise<{ value: string | null; metadata: Metadata | null; cacheStatus: string | null }>;
  getWithMetadata<Metadata = unknown>(
    key: Key,
    type: 'arrayBuffer',
  ): Promise<{ value: ArrayBuffer | null; metadata: Metadata | null; cacheStatus: string | null }>;
  getWithMetadata<Value = unknown, Metadata = unknown>(
    key: Key[],
    type: 'json',
  ): Promise<Map<string, { value: Value | null; metadata: Metadata | null }>>;
  put(
    key: Key,
    value: string | ArrayBuffer | ArrayBufferView | ReadableStream,
    options?: { expiration?: number; expirationTtl?: number; metadata?: unknown },
  ): Promise<void>;
  delete(key: Key): Promise<void>;
  list(options?: { prefix?: string | null }): Promise<{ keys: { name: Key }[] }>;
}

declare const binding: WorkerNamespace;
const namespace: KeyValueNamespace = binding;
declare const context: { waitUntil(work: Promise<unknown>): void };
const hints = kvStorage(namespace, { waitUntil: (work) => context.waitUntil(work) });
// @ts-expect-error -- it has no atomic update, so nobody may count on one
hints.update('key', () => undefined);
// @ts-expect-error -- what only gets and puts text is no namespace
kvStorage({ get: async () => null, put: async () => {}, delete: async () => {} });

type Part = Uint8Array | string | number | bigint | boolean;

/** As Deno has it: keys of more types, entries that name their key, chains that stay what they are. */
interface DenoDatabase {
  get<T = unknown>(
    key: readonly Part[],
    options?: { consistency?: 'strong' | 'eventual' },
  ): Promise<
    { key: Part[]; value: T; versionstamp: string } | { key: Part[]; value: null; versionstamp: null }
  >;
  atomic(): DenoChain;
  close(): void;
}

declare class DenoChain {
  check(...checks: { key: readonly Part[]; versionstamp: string | null }[]): this;
  set(key: readonly Part[], value: unknown, options?: { expireIn?: number }): this;
  delete(key: readonly Part[]): this;
  sum(key: readonly Part[], count: bigint): this;
  commit(): Promise<{ ok: true; versionstamp: string } | { ok: false }>;
}

declare const database: DenoDatabase;
const keyValue: DenoKeyValue = database;
const operation: DenoAtomicOperation = database.atomic();
void [keyValue, operation];
denoKvStorage(database)
  .update('key', (current) => current)
  .then(undefined, undefined);
