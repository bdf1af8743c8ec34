import { createClientFunctions } from './page-clients.ts';
import { deleteDatabase, upgradeDatabase } from './disturb-database.ts';
import { runContract } from './run-contract.ts';
import { readBreaker, settleOutcomes } from './settle-outcomes.ts';

/** What can be called in a page and in a worker. */
export function createContextFunctions() {
  return { runContract, settleOutcomes, readBreaker, deleteDatabase, upgradeDatabase, ...createClientFunctions() };
}

/** Their names and types. */
export type ContextFunctions = ReturnType<typeof createContextFunctions>;
