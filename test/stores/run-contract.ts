import { memoryStorage } from 'isotinker';
import { indexedDbStorage } from 'isotinker/storage/indexeddb';
import { createVirtualClock, storageCases } from 'isotinker/testing';
import type { CaseResult } from '../runtimes/case-result.ts';

// Runs in a page or a worker.

/** How one case of the contract went. */
export type ContractResult = Omit<CaseResult, 'runtime'>;

/** Stores a browser has. */
export type BrowserStore = 'memory' | 'IndexedDB';

/** Run the whole contract, each case on a fresh store and on a clock of its own. */
export async function runContract(store: BrowserStore): Promise<readonly ContractResult[]> {
  const results: ContractResult[] = [];
  for (const one of storageCases()) {
    const clock = createVirtualClock();
    const name = `contract ${crypto.randomUUID()}`;
    const storage = store === 'memory' ? memoryStorage(clock) : indexedDbStorage({ name, clock });
    const error = await one.run(storage, clock).then(
      () => undefined,
      (reason: unknown) => String(reason),
    );
    results.push(error === undefined ? { name: one.name } : { name: one.name, error });
    if (store === 'IndexedDB') indexedDB.deleteDatabase(name);
  }
  return results;
}
