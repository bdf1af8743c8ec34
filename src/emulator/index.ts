export { byteTokenizer } from './byte-tokens.ts';
export { createEmulator, type Emulator } from './emulator.ts';
export type { ModelConfig } from './model/config.ts';
export type { PauseKind } from './operation-gate.ts';
export type { EmulatorLimits, EmulatorOptions } from './options.ts';
export type { Decompress } from './request-body.ts';
export type { TelemetryEvent } from './telemetry-routes.ts';
