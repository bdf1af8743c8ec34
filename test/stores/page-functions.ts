import { deleteDatabase, upgradeDatabase } from './disturb-database.ts';
import { createClientFunctions } from './page-clients.ts';
import { loadTogether } from './page-tokenizer.ts';
import { deleteValue, getValue, setValue } from './page-values.ts';
import { runContract } from './run-contract.ts';
import { readBreaker, settleOutcomes } from './settle-outcomes.ts';

/** What can be called in a page and in a worker. */
export function createContextFunctions() {
  return {
    runContract,
    getValue,
    setValue,
    deleteValue,
    settleOutcomes,
    readBreaker,
    deleteDatabase,
    upgradeDatabase,
    loadTogether,
    ...createClientFunctions(),
  };
}

/** Their names and types. */
export type ContextFunctions = ReturnType<typeof createContextFunctions>;
