/**
 * The Tinker API in process, with a model that learns.
 *
 * @module isotinker/emulator
 */

export { byteTokenizer } from '../tokenizer/byte-tokenizer.ts';
export type { DialectName, EmulatorDialect, MissingFuture } from './dialects/dialect.ts';
export { dialectNames, dialectOf } from './dialects/dialect-of.ts';
export { createEmulator, type Emulator } from './emulator.ts';
export type { EmulatorFault, FaultAnswer, FaultCall, FaultPlan } from './faults/fault.ts';
export {
  type FaultKind,
  type FaultRates,
  type FaultScheduleOptions,
  faultSchedule,
} from './faults/fault-schedule.ts';
export type { PauseKind } from './futures/operation-gate.ts';
export type { Decompress } from './http/request-body.ts';
export type { ModelConfig } from './model/config.ts';
export type { KernelBackend } from './model/create-kernels.ts';
export type { EmulatorLimits, EmulatorOptions } from './options.ts';
export type { TelemetryEvent } from './sessions/telemetry-routes.ts';
