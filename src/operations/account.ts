import type { Clock } from '../kernel/clock.ts';
import type { EventSink } from '../kernel/diagnostics.ts';
import { sha256Hex } from '../kernel/digest.ts';
import type { Lane } from '../kernel/lane.ts';
import { createId, type RandomSource } from '../kernel/random.ts';
import { type BillingPause, createBillingPause } from '../policy/billing-pause.ts';
import type { BreakerConfig } from '../policy/breaker.ts';
import { type ByteBudget, createByteBudget } from '../policy/byte-budget.ts';
import { type Circuit, createCircuit } from '../policy/circuit.ts';
import { createLimiter, type Limiter } from '../policy/limiter.ts';
import { createProgressWatch, type ProgressWatch } from '../policy/progress-watch.ts';
import { createRateWindow, type RateWindow } from '../policy/rate-window.ts';
import { type GuardedStorage, guarded, isOfThisVersion } from '../storage/guarded.ts';
import { scoped } from '../storage/scoped.ts';
import type { Storage } from '../storage/storage.ts';
import type { ConnectionBudget } from '../transport/connection-budget.ts';
import type { ApiKey } from '../transport/credential.ts';
import { createLanes, type Lanes } from '../transport/lanes.ts';
import { type ClientConfig, defaultClientConfig } from '../wire/json/client-config.ts';

/** Lanes that a server can pause and a circuit can close. Heartbeats are few, and keep what is trained alive. */
const PACED_LANES = ['train', 'sample', 'poll', 'rest'] as const satisfies readonly Lane[];
type PacedLane = (typeof PACED_LANES)[number];

/** Submissions of samples at once, in all and while the server is under pressure (protocol 5.7). */
const SUBMISSIONS = 400;
const THROTTLED_SUBMISSIONS = 10;

/** Limits of sampling that all clients of one account share (protocol 5.7, 5.8). */
export interface SamplingLimits {
  /** Held to the result. */
  readonly samples: Limiter;
  /** Held until the submission is accepted. */
  readonly submissions: Limiter;
  /** Held as well while the server is, or was lately, under pressure. */
  readonly throttled: Limiter;
  readonly bytes: ByteBudget;
  readonly progress: ProgressWatch;
}

/** What all clients of one address and key have in common. */
export interface Account {
  readonly emit: EventSink;
  readonly lanes: Lanes;
  readonly windows: Readonly<Record<PacedLane, RateWindow>>;
  readonly circuits: Readonly<Partial<Record<PacedLane, Circuit>>>;
  readonly billing: BillingPause;
  readonly sampling: SamplingLimits;
  /** Estimated bytes of submissions of passes at once (protocol 5.4). */
  readonly passBytes: ByteBudget;
  /** Bytes of large results that are fetched at once (protocol 3.4). */
  readonly responseBytes: ByteBudget;
  /** `undefined` where nothing is kept outside of memory. */
  readonly storage: GuardedStorage | undefined;
  /** Take over what the server sets. What the user set stays. */
  apply(config: ClientConfig): void;
}

/** What an account is made of. */
export interface AccountOptions {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly emit: EventSink;
  readonly baseUrl: string;
  readonly apiKey: ApiKey;
  readonly storage: Storage | undefined;
  readonly connections: ConnectionBudget;
  /** `undefined`: no circuit breaker. */
  readonly breaker: BreakerConfig | undefined;
  /** `undefined`: as the server sets it. */
  readonly billingPauseMs: number | undefined;
  readonly progressTimeoutMs: number;
}

/** The limits of one account, idle. Makes no timer and no request. */
export function createAccount(options: AccountOptions): Account {
  const { clock, emit, breaker } = options;
  const storage = options.storage && guarded(options.storage, { clock, emit, isReadable: isOfThisVersion });
  const initial = defaultClientConfig();
  const billing = createBillingPause({
    clock,
    emit,
    maxPauseMs: options.billingPauseMs ?? initial.billingPauseMs,
  });
  const passBytes = createByteBudget(initial.passDispatchBytes);
  const responseBytes = createByteBudget(initial.responseBytes);
  const sampling: SamplingLimits = {
    samples: createLimiter(initial.maxConcurrentSamples),
    submissions: createLimiter(SUBMISSIONS),
    throttled: createLimiter(THROTTLED_SUBMISSIONS),
    bytes: createByteBudget(initial.sampleDispatchBytes),
    progress: createProgressWatch({ clock, limitMs: options.progressTimeoutMs }),
  };
  return {
    emit,
    storage,
    lanes: createLanes(options.connections),
    windows: createWindows(options, storage),
    circuits: breaker === undefined ? {} : createCircuits(options, breaker, storage),
    billing,
    passBytes,
    responseBytes,
    apply(config) {
      billing.limitTo(options.billingPauseMs ?? config.billingPauseMs);
      sampling.samples.resize(config.maxConcurrentSamples);
      sampling.bytes.resize(config.sampleDispatchBytes);
      passBytes.resize(config.passDispatchBytes);
      responseBytes.resize(config.responseBytes);
    },
    sampling,
  };
}
/** Pauses belong to the account: kept under a digest of address and key, so that no key is ever stored. */
function createWindows(
  { clock, random, baseUrl, apiKey }: AccountOptions,
  storage: Storage | undefined,
): Account['windows'] {
  // A key that changes cannot name an account; those who ask one server through a provider share a pause.
  const identity = `${baseUrl}\n${typeof apiKey === 'string' ? apiKey : ''}`;
  let digest: Promise<string | undefined> | undefined;
  const scope = async (): Promise<string | undefined> => {
    digest ??= sha256Hex(identity);
    const hash = await digest;
    return hash && `isotinker:v1:window:${hash}`;
  };
  const shared = storage && scoped(storage, scope);
  const window = (lane: PacedLane): RateWindow =>
    createRateWindow({ clock, random, ...(shared && { storage: shared, storageKey: lane }) });
  return { train: window('train'), sample: window('sample'), poll: window('poll'), rest: window('rest') };
}

/** Circuits belong to the address: whoever asks it, it is up or down. */
function createCircuits(
  { clock, emit, baseUrl }: AccountOptions,
  config: BreakerConfig,
  storage: Storage | undefined,
): Account['circuits'] {
  const circuit = (lane: PacedLane): Circuit =>
    createCircuit({
      name: `${baseUrl} (${lane})`,
      storageKey: `isotinker:v1:breaker:${lane}:${baseUrl.slice(0, 400)}`,
      clock,
      config,
      emit,
      ignoresTimeouts: lane === 'poll',
      createId,
      ...(storage && { storage }),
    });
  return { train: circuit('train'), sample: circuit('sample'), poll: circuit('poll'), rest: circuit('rest') };
}
