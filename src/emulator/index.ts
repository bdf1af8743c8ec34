export { byteTokenizer } from './byte-tokens.ts';
export { createEmulator, type Emulator } from './emulator.ts';
export type { ModelConfig } from './model/config.ts';
export type { EmulatorOptions } from './options.ts';
export type { TelemetryEvent } from './telemetry-routes.ts';
