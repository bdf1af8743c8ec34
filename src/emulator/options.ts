import { checkFinite, checkText, show } from '../kernel/checks.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import { type RandomSource, systemRandom } from '../kernel/random.ts';
import { memoryStorage } from '../storage/memory.ts';
import type { Storage } from '../storage/storage.ts';
import type { ModelConfig } from './model/config.ts';
import { KERNEL_BACKENDS, type KernelBackend } from './model/create-kernels.ts';

/** Configuration of an emulator; all of it optional. */
export interface EmulatorOptions {
  /** Shape of the base model, and the seed of its frozen weights. @default two layers, bytes as tokens */
  readonly model?: Partial<ModelConfig> | undefined;
  /**
   * What computes the model: WebAssembly with 128-bit registers ('simd'), plain 'javascript', or the better of those
   * that the platform allows ('auto'). They differ in speed only, not in a single bit. @default 'auto'
   */
  readonly kernels?: KernelBackend | undefined;
  /** The name it is asked for by. @default 'emulator/tiny' */
  readonly modelName?: string | undefined;
  /** Source of time. @default the system's */
  readonly clock?: Clock | undefined;
  /** Where checkpoints are kept: give two emulators one store and the second loads what the first saved. @default memory */
  readonly storage?: Storage | undefined;
  /** Seeds the samples that bring no seed, and the adapters that bring none; uniform in [0, 1). @default `Math.random` */
  readonly random?: RandomSource | undefined;
  /** Refuse every other key with a 401. @default any key will do */
  readonly apiKey?: string | undefined;
  /** Time each operation takes, in milliseconds, beside what it takes to compute. @default 0 */
  readonly latencyMs?: number | undefined;
  /** How long a poll is held before it is told to try again, in milliseconds. @default 20_000 */
  readonly holdMs?: number | undefined;
  /** Silence after which a session is gone, in milliseconds. @default 300_000 */
  readonly sessionTimeoutMs?: number | undefined;
}

/** The same with every default filled in. */
export interface ResolvedEmulatorOptions {
  readonly model: Partial<ModelConfig>;
  readonly kernels: KernelBackend;
  readonly modelName: string;
  readonly clock: Clock;
  readonly storage: Storage;
  readonly random: RandomSource;
  readonly apiKey: string | undefined;
  readonly latencyMs: number;
  readonly holdMs: number;
  readonly sessionTimeoutMs: number;
}

/** Check and complete options. @throws TinkerInputError */
export function resolveEmulatorOptions(options: EmulatorOptions): ResolvedEmulatorOptions {
  const clock = options.clock ?? systemClock;
  return {
    model: options.model ?? {},
    kernels: checkBackend(options.kernels ?? 'auto'),
    modelName: checkText('modelName', options.modelName ?? 'emulator/tiny'),
    clock,
    storage: options.storage ?? memoryStorage(clock),
    random: options.random ?? systemRandom,
    apiKey: options.apiKey === undefined ? undefined : checkText('apiKey', options.apiKey),
    latencyMs: checkFinite('latencyMs', options.latencyMs ?? 0, { min: 0 }),
    holdMs: checkFinite('holdMs', options.holdMs ?? 20_000, { min: 0 }),
    sessionTimeoutMs: checkFinite('sessionTimeoutMs', options.sessionTimeoutMs ?? 300_000, { min: 0 }),
  };
}

function checkBackend(value: KernelBackend): KernelBackend {
  if (KERNEL_BACKENDS.includes(value)) return value;
  const known = KERNEL_BACKENDS.map((backend) => `"${backend}"`).join(', ');
  throw new TinkerInputError('kernels', `must be one of ${known}, got ${show(value)}`);
}
