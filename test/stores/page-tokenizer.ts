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
  await fetch(`/barrier?${encodeURIComponent(database)}`);
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
