import { systemClock } from '../../src/kernel/clock.ts';
import type { KeyValueNamespace } from '../../src/storage/kv.ts';
import { createCloudflareKv } from '../support/cloudflare-kv.ts';

// Stands in for the module `cloudflare:workers`, which only a Worker has.

/** What a Worker is bound to. */
export const env: { readonly TINKER_KV: KeyValueNamespace } = {
  TINKER_KV: createCloudflareKv({ clock: systemClock }).open(),
};

/** Keeps a Worker alive until then; a process of Node waits by itself. */
export function waitUntil(promise: Promise<unknown>): void {
  void promise;
}
