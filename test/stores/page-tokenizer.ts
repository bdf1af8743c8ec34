import { indexedDbStorage } from 'isotinker/storage/indexeddb';
import { loadTokenizer } from 'isotinker/tokenizer';

// Runs in a page or a worker.

/** Which tokenizer, and where its files are kept. */
export interface TokenizerOptions {
  readonly id: string;
  readonly revision: string;
  readonly database: string;
}

/** Load a tokenizer from this page's own server, together with another context: neither begins before the other is there. */
export async function loadTogether({ id, revision, database }: TokenizerOptions) {
  // Not with GET: a browser's cache lets the second of two equal ones wait for the first, for 20 seconds.
  await fetch(`/barrier?${encodeURIComponent(database)}`, { method: 'POST' });
  const tokenizer = await loadTokenizer(id, {
    revision,
    storage: indexedDbStorage({ name: database }),
    hubUrl: location.origin,
  });
  return {
    fingerprint: tokenizer.fingerprint,
    ids: [...tokenizer.encode('hi')],
    hasLocks: 'locks' in navigator,
  };
}
