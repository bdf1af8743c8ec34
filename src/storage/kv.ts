/**
 * Stores of Cloudflare Workers and of Deno.
 *
 * @module isotinker/storage/kv
 */

export { type KeyValueNamespace, type KvStorageOptions, kvStorage } from './cloudflare-kv.ts';
export type {
  DenoAtomicOperation,
  DenoCheck,
  DenoCommit,
  DenoKey,
  DenoKeyValue,
  DenoKeyValueEntry,
} from './deno-key-value.ts';
export { type DenoKvStorageOptions, denoKvStorage } from './deno-kv.ts';
