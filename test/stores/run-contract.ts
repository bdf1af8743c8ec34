import { memoryStorage } from 'isotinker';
import { indexedDbStorage } from 'isotinker/storage/indexeddb';
import { createVirtualClock, storageCases } from 'isotinker/testing';

// Runs in a page or a worker.

/** Stores a browser has. */
export type BrowserStore = 'memory' | 'IndexedDB';

/** How one case of the contract went. */
export interface ContractOutcome {
  readonly name: string;
  /** What was wrong; left out where nothing was. */
  readonly trouble?: string;
}

/** Run the whole contract, each case on a fresh store and on a clock of its own. */
export async function runContract(store: BrowserStore): Promise<readonly ContractOutcome[]> {
  const outcomes: ContractOutcome[] = [];
  for (const one of storageCases()) {
    const clock = createVirtualClock();
    const name = `contract ${crypto.randomUUID()}`;
    const storage = store === 'memory' ? memoryStorage(clock) : indexedDbStorage({ name, clock });
    const trouble = await one.run(storage, clock).then(
      () => undefined,
      (error: unknown) => String(error),
    );
    outcomes.push(trouble === undefined ? { name: one.name } : { name: one.name, trouble });
    if (store === 'IndexedDB') indexedDB.deleteDatabase(name);
  }
  return outcomes;
}
