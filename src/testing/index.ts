/**
 * What this library is tested with: time, servers and stores under a test's control.
 *
 * @module isotinker/testing
 */

export { countListeners, type ListenerCount } from './abort-listeners.ts';
export { createGates, type GateOptions, type Gates, type Pass } from './gates.ts';
export {
  type ExploreOptions,
  exploreInterleavings,
  type RandomOptions,
  randomInterleavings,
} from './interleavings.ts';
export { InterleavingError, type Operations, type Scenario, type ScheduleOptions } from './schedule-run.ts';
export {
  type Answer,
  type FetchLike,
  type ScriptedAnswer,
  type ScriptedFetch,
  type ScriptOptions,
  type SeenRequest,
  scriptedFetch,
} from './scripted-fetch.ts';
export {
  STORAGE_CONTRACT,
  type StorageAbilities,
  type StorageCase,
  type StorageTime,
  storageCases,
} from './storage-contract.ts';
export {
  createSharedStore,
  type SharedStore,
  type SharedStoreOptions,
  type SharedTransaction,
  type StorageCall,
  type StorageFault,
} from './two-contexts.ts';
export { createVirtualClock, type VirtualClock, type VirtualClockOptions } from './virtual-clock.ts';
