import { checkFinite, checkInteger, checkText, show } from '../kernel/checks.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import { type RandomSource, systemRandom } from '../kernel/random.ts';
import { memoryStorage } from '../storage/memory.ts';
import type { Storage } from '../storage/storage.ts';
import type { DialectName, EmulatorDialect } from './dialects/dialect.ts';
import { resolveDialect } from './dialects/dialect-of.ts';
import type { FaultPlan } from './faults/fault.ts';
import type { Decompress } from './http/request-body.ts';
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
  /**
   * Refuse every other key with a 401. Without it any key will do, and each is an account of its own, which sees what
   * it made and what others have published; requests without a key are one account, too. @default any key will do
   */
  readonly apiKey?: string | undefined;
  /**
   * Give short-lived tokens for keys, and let nothing but them open the API (protocol 1.4). @default false
   */
  readonly jwt?:
    | boolean
    | {
        /** How long they live, in milliseconds, at least 1000. @default an hour */
        readonly lifetimeMs?: number | undefined;
      }
    | undefined;
  /** What `client/config` answers, by the names of protocol 5.2. @default the dialect's: {} */
  readonly clientConfig?: Readonly<Record<string, unknown>> | undefined;
  /**
   * Let pages of other origins call: true for all of them, or the one origin. Servers of this protocol do not, which
   * is the default. @default false
   */
  readonly cors?: boolean | string | undefined;
  /** Time each operation takes, in milliseconds, beside what it takes to compute. @default 0 */
  readonly latencyMs?: number | undefined;
  /** How long a poll is held before it is told to try again, in milliseconds. @default the dialect's: 20_000 */
  readonly holdMs?: number | undefined;
  /** Silence after which a session is gone, in milliseconds. @default the dialect's: 300_000 */
  readonly sessionTimeoutMs?: number | undefined;
  /**
   * Undoes a `Content-Encoding`, such as `zstd` (`zstdDecompressSync` of `node:zlib`); may throw for bytes that are not
   * so encoded. @default none: compressed bodies are answered by 415
   */
  readonly decompress?: Decompress | undefined;
  /** Results larger than this are announced by their size first, to clients that allow it (protocol 3.4). @default 1 MiB */
  readonly metadataFirstBytes?: number | undefined;
  /** What the server can take. @default no limits */
  readonly limits?: EmulatorLimits | undefined;
  /**
   * Whose manners it has: those of a server by its name, or of switches, e.g. `{ ...dialectOf('skyrl'), holdMs: 5 }`.
   * Options that are given here win over them. What is computed is the same in all. @default 'hosted'
   */
  readonly dialect?: DialectName | Partial<EmulatorDialect> | undefined;
  /** Asked about each request: what is to go wrong with it. @default nothing */
  readonly faults?: FaultPlan | undefined;
  /**
   * How far the server's clock is ahead of yours, in milliseconds; below 0, behind. Given at all, answers say the
   * server's time in `Date`, and a `Retry-After` is a date of it. @default none is said, and the clocks agree
   */
  readonly clockSkewMs?: number | undefined;
}

/** What an emulator can take before it pushes back. */
export interface EmulatorLimits {
  /**
   * Sample requests under way from which on another is refused with a 429, if its sender asks to be told; other
   * senders wait (protocol 2.6). At least 1. @default no limit
   */
  readonly concurrentSamples?: number | undefined;
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
  /** How long tokens live; `undefined` where there are none. */
  readonly tokenLifetimeMs: number | undefined;
  readonly clientConfig: Readonly<Record<string, unknown>>;
  /** The origin whose pages may call, or `*`; `undefined` for none. */
  readonly corsOrigin: string | undefined;
  readonly latencyMs: number;
  readonly holdMs: number;
  readonly sessionTimeoutMs: number;
  readonly decompress: Decompress | undefined;
  readonly metadataFirstBytes: number;
  /** Infinity for no limit. */
  readonly concurrentSamples: number;
  readonly dialect: EmulatorDialect;
  /** The emulator's own option says what `client/config` answers. */
  readonly hasOwnConfig: boolean;
  readonly faults: FaultPlan | undefined;
  readonly clockSkewMs: number | undefined;
}

/** Check and complete options. @throws TinkerInputError */
export function resolveEmulatorOptions(options: EmulatorOptions): ResolvedEmulatorOptions {
  const clock = options.clock ?? systemClock;
  const dialect = readDialect(options);
  const { holdMs, sessionTimeoutMs } = dialect;
  return {
    model: options.model ?? {},
    kernels: checkBackend(options.kernels ?? 'auto'),
    modelName: checkText('modelName', options.modelName ?? 'emulator/tiny'),
    clock,
    storage: options.storage ?? memoryStorage(clock),
    random: options.random ?? systemRandom,
    apiKey: options.apiKey === undefined ? undefined : checkText('apiKey', options.apiKey),
    tokenLifetimeMs: readTokenLifetime(options.jwt ?? false),
    clientConfig: readClientConfig(options, dialect),
    corsOrigin: readOrigin(options.cors ?? false),
    latencyMs: checkFinite('latencyMs', options.latencyMs ?? 0, { min: 0 }),
    holdMs: checkFinite('holdMs', options.holdMs ?? holdMs, { min: 0 }),
    sessionTimeoutMs: checkFinite('sessionTimeoutMs', options.sessionTimeoutMs ?? sessionTimeoutMs, {
      min: 0,
    }),
    decompress: options.decompress,
    metadataFirstBytes: checkFinite('metadataFirstBytes', options.metadataFirstBytes ?? 2 ** 20, { min: 0 }),
    concurrentSamples: readConcurrentSamples(options.limits ?? {}),
    dialect,
    hasOwnConfig: options.clientConfig !== undefined || (options.jwt ?? false) !== false,
    faults: readFaults(options.faults),
    clockSkewMs:
      options.clockSkewMs === undefined ? undefined : checkFinite('clockSkewMs', options.clockSkewMs),
  };
}

/** A server that is given a key looks at it. */
function readDialect({ dialect: given = 'hosted', apiKey, jwt = false }: EmulatorOptions): EmulatorDialect {
  const dialect = resolveDialect(given);
  const isKeyed = apiKey !== undefined || jwt !== false;
  return dialect.auth === 'none' && isKeyed ? { ...dialect, auth: 'any' } : dialect;
}

function readFaults(faults: FaultPlan | undefined): FaultPlan | undefined {
  if (faults === undefined || typeof faults === 'function') return faults;
  throw new TinkerInputError('faults', `must be a function, got ${show(faults)}`);
}

function checkBackend(value: KernelBackend): KernelBackend {
  if (KERNEL_BACKENDS.includes(value)) return value;
  const known = KERNEL_BACKENDS.map((backend) => `"${backend}"`).join(', ');
  throw new TinkerInputError('kernels', `must be one of ${known}, got ${show(value)}`);
}

function readConcurrentSamples({ concurrentSamples }: EmulatorLimits): number {
  if (concurrentSamples === undefined) return Number.POSITIVE_INFINITY;
  return checkInteger('limits.concurrentSamples', concurrentSamples, { min: 1 });
}

const TOKEN_LIFETIME_MS = 3_600_000;

function readTokenLifetime(jwt: NonNullable<EmulatorOptions['jwt']>): number | undefined {
  if (jwt === false) return undefined;
  const lifetimeMs = jwt === true ? TOKEN_LIFETIME_MS : (jwt.lifetimeMs ?? TOKEN_LIFETIME_MS);
  return checkFinite('jwt.lifetimeMs', lifetimeMs, { min: 1000 });
}

function readClientConfig(
  { clientConfig: own, jwt = false }: EmulatorOptions,
  dialect: EmulatorDialect,
): Record<string, unknown> {
  const clientConfig = own ?? (dialect.clientConfig === 404 ? {} : dialect.clientConfig);
  if (typeof clientConfig !== 'object' || clientConfig === null || Array.isArray(clientConfig))
    throw new TinkerInputError('clientConfig', `must be an object, got ${show(clientConfig)}`);
  return { ...clientConfig, ...(jwt === false ? {} : { pjwt_auth_enabled: true }) };
}

function readOrigin(cors: boolean | string): string | undefined {
  if (cors === false) return undefined;
  return cors === true ? '*' : checkText('cors', cors);
}
