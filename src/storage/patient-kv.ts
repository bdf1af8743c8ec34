import type {
  DenoAtomicOperation,
  DenoCommit,
  DenoKey,
  DenoKeyValue,
  DenoKeyValueEntry,
} from './deno-key-value.ts';
import type { Persist } from './persist.ts';

/** Deno KV, waited for while another process has its file. */
export interface PatientKv {
  get(key: DenoKey): Promise<DenoKeyValueEntry>;
  atomic(): DenoAtomicOperation;
  /** Carry an operation out. */
  commit(operation: DenoAtomicOperation): Promise<DenoCommit>;
}

/** A file is locked while a process writes; Deno does not wait for it, and carries nothing out. */
export function createPatientKv(kv: DenoKeyValue, persist: Persist): PatientKv {
  const whenFree = <T>(work: () => Promise<T>): Promise<T> =>
    persist('the database', async () => {
      try {
        return { result: await work() };
      } catch (error) {
        if (/database is locked/.test(String(error))) return undefined;
        throw error;
      }
    });
  return {
    get: (key) => whenFree(() => kv.get(key)),
    atomic: () => kv.atomic(),
    commit: (operation) => whenFree(() => operation.commit()),
  };
}
