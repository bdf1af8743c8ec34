import { decodeUtf8, encodeUtf8 } from '../kernel/bytes.ts';
import { checkFinite, checkInteger, show } from '../kernel/checks.ts';
import type { CircuitKind } from '../kernel/diagnostics.ts';
import { TinkerInputError } from '../kernel/errors.ts';

/** Numbers of a circuit breaker. */
export interface CircuitBreakerOptions {
  /** Failures in a row that open it, an integer from 1 on. @default 5 */
  readonly failureThreshold?: number | undefined;
  /** How long it stays open before it lets a probe through, in milliseconds. @default 30_000 */
  readonly resetMs?: number | undefined;
  /** Probes under way at once while it is half open, an integer from 1 on. @default 1 */
  readonly halfOpenCalls?: number | undefined;
  /**
   * After so many milliseconds a probe counts as lost, and another takes its place. Longer than the longest request,
   * or there are more probes under way than `halfOpenCalls`. @default 120_000, or twice `attemptTimeoutMs`
   */
  readonly leaseMs?: number | undefined;
}

/** {@link CircuitBreakerOptions}, checked and complete. */
export interface BreakerConfig {
  readonly failureThreshold: number;
  readonly resetMs: number;
  readonly halfOpenCalls: number;
  readonly leaseMs: number;
}

/** Check and complete a breaker's numbers. @throws TinkerInputError - naming the field, the value and the bound. */
export function resolveBreakerConfig(field: string, options: true | CircuitBreakerOptions): BreakerConfig {
  if (options !== true && (typeof options !== 'object' || options === null || Array.isArray(options))) {
    throw new TinkerInputError(field, `must be true, false or an object of numbers, got ${show(options)}`);
  }
  const {
    failureThreshold = 5,
    resetMs = 30_000,
    halfOpenCalls = 1,
    leaseMs = 120_000,
  } = options === true ? {} : options;
  return {
    failureThreshold: checkInteger(`${field}.failureThreshold`, failureThreshold, { min: 1 }),
    resetMs: checkFinite(`${field}.resetMs`, resetMs, { min: 0, aboveMin: true }),
    halfOpenCalls: checkInteger(`${field}.halfOpenCalls`, halfOpenCalls, { min: 1 }),
    leaseMs: checkFinite(`${field}.leaseMs`, leaseMs, { min: 0, aboveMin: true }),
  };
}

/** What is remembered about one upstream. Plain JSON: it goes through storage. */
export interface BreakerState {
  readonly version: 1;
  /** Counts the changes of `kind`: what was let in under an earlier one says nothing about this one. */
  readonly epoch: number;
  readonly kind: CircuitKind;
  /** Failures in a row, at most the threshold. */
  readonly failures: number;
  /** Wall time from which an open breaker lets a probe through; 0 in every other. */
  readonly openUntil: number;
  /** Probes under way, and the wall time at which each counts as lost; none unless half open. */
  readonly probes: readonly { readonly id: string; readonly leaseUntil: number }[];
}

/** A call that was let in, to be settled once. */
export interface Permit {
  /** `probe`: it holds one of the places of a half-open breaker. */
  readonly kind: 'call' | 'probe';
  readonly id: string;
  readonly epoch: number;
}

/** What became of a call; `cancel` says nothing about the upstream. */
export type BreakerOutcome = 'success' | 'failure' | 'cancel';

/** The next state, and the permit, or the wall time at which it is worth asking again. */
export type Admission =
  | { readonly state: BreakerState; readonly permit: Permit }
  | { readonly state: BreakerState; readonly retryAtMs: number };

/** Before the first call. */
export const freshBreaker: BreakerState = {
  version: 1,
  epoch: 0,
  kind: 'closed',
  failures: 0,
  openUntil: 0,
  probes: [],
};

/** A probe mostly ends long before its lease; who found all of them taken asks again after so many milliseconds. */
const PROBE_PATIENCE_MS = 1_000;

/** Beyond it an epoch could run out of integers; none gets there by counting. */
const MAX_EPOCH = 0x10_0000_0000_0000;

/**
 * Ask to be let in. A probe's place is taken here, before the call, so that no two callers find the same one free.
 *
 * @param ask - `id` must be the caller's own; `now` is wall time.
 */
export function acquire(
  state: BreakerState,
  { id, now }: { readonly id: string; readonly now: number },
  config: BreakerConfig,
): Admission {
  const current = dropLost(bounded(state, now, config), now);
  const { kind } = current;
  if (kind === 'closed') return { state: current, permit: { kind: 'call', id, epoch: current.epoch } };
  const retryAtMs = admitsAt(current, now, config);
  if (retryAtMs > now) return { state: current, retryAtMs };
  const halfOpen = kind === 'half_open' ? current : enter(current, { kind: 'half_open' });
  return {
    state: { ...halfOpen, probes: [...halfOpen.probes, { id, leaseUntil: now + config.leaseMs }] },
    permit: { kind: 'probe', id, epoch: halfOpen.epoch },
  };
}

/**
 * Say what became of a call. Nothing moves where the state has changed its kind since it was let in, or a probe's place
 * went to another: the state itself comes back then, not a copy.
 */
export function settle(
  state: BreakerState,
  permit: Permit,
  { outcome, now }: { readonly outcome: BreakerOutcome; readonly now: number },
  config: BreakerConfig,
): BreakerState {
  if (permit.epoch !== state.epoch) return state;
  const failures = Math.min(state.failures + 1, config.failureThreshold);
  const opened = (): BreakerState =>
    enter(state, { kind: 'open', failures, openUntil: now + config.resetMs });
  if (state.kind === 'closed') {
    if (outcome === 'failure') return failures < config.failureThreshold ? { ...state, failures } : opened();
    return outcome === 'cancel' || state.failures === 0 ? state : { ...state, failures: 0 };
  }
  if (!state.probes.some(({ id }) => id === permit.id)) return state;
  if (outcome === 'failure') return opened();
  if (outcome === 'success') return enter(state, { kind: 'closed', failures: 0 });
  return { ...state, probes: state.probes.filter(({ id }) => id !== permit.id) };
}

/** Open on another's word, until a wall time no later than this breaker's own reset. */
export function holdOpen(
  state: BreakerState,
  until: number,
  now: number,
  config: BreakerConfig,
): BreakerState {
  return enter(state, { kind: 'open', openUntil: Math.min(until, now + config.resetMs) });
}

/** Wall time at which it is worth asking to be let in; not after `now` where nothing is held back. */
export function admitsAt(state: BreakerState, now: number, config: BreakerConfig): number {
  const { kind, openUntil, probes } = dropLost(bounded(state, now, config), now);
  if (kind === 'open') return openUntil;
  if (kind === 'closed' || probes.length < config.halfOpenCalls) return now;
  return Math.min(now + PROBE_PATIENCE_MS, ...probes.map(({ leaseUntil }) => leaseUntil));
}

/** The fields of a stored row; `undefined` for none, another version, and garbage. */
export function readRow(bytes: Uint8Array | undefined): Readonly<Record<string, unknown>> | undefined {
  if (bytes === undefined) return undefined;
  try {
    const row: unknown = JSON.parse(decodeUtf8(bytes));
    return isRecord(row) && row['version'] === 1 ? row : undefined;
  } catch {
    return undefined;
  }
}

/** A state as bytes. */
export function saveBreaker(state: BreakerState): Uint8Array<ArrayBuffer> {
  return encodeUtf8(JSON.stringify(state));
}

/**
 * A stored state, no further in the future than this breaker's own times. `undefined` for none, and for anything that
 * is not one: another version, garbage, numbers that cannot be.
 */
export function loadBreaker(
  bytes: Uint8Array | undefined,
  now: number,
  config: BreakerConfig,
): BreakerState | undefined {
  const row = readRow(bytes);
  if (row === undefined) return undefined;
  const { epoch, kind, failures, openUntil, probes } = row;
  if (kind !== 'closed' && kind !== 'open' && kind !== 'half_open') return undefined;
  if (!isCount(epoch) || epoch > MAX_EPOCH || !isCount(failures)) return undefined;
  if (!isTime(openUntil) || !Array.isArray(probes) || !probes.every(isProbe)) return undefined;
  const state: BreakerState = {
    version: 1,
    epoch,
    kind,
    failures: Math.min(failures, config.failureThreshold),
    openUntil: kind === 'open' ? openUntil : 0,
    probes: kind === 'half_open' ? probes.map(({ id, leaseUntil }) => ({ id, leaseUntil })) : [],
  };
  return bounded(state, now, config);
}

function enter(
  { epoch, failures }: BreakerState,
  next: Partial<BreakerState> & Pick<BreakerState, 'kind'>,
): BreakerState {
  return { version: 1, failures, openUntil: 0, probes: [], ...next, epoch: epoch + 1 };
}

/**
 * Wall time may have stepped, here or where the state was stored: no time in it is further away than it was when it
 * was set. Callers keep the result, or the bound would move on with the clock.
 */
function bounded(state: BreakerState, now: number, config: BreakerConfig): BreakerState {
  const openUntil = Math.min(state.openUntil, now + config.resetMs);
  const latest = now + config.leaseMs;
  const probes = state.probes.map(({ id, leaseUntil }) => ({ id, leaseUntil: Math.min(leaseUntil, latest) }));
  return { ...state, openUntil, probes };
}

/** Only who asks for a place takes it from a lost probe: until then a late one is still heard. */
function dropLost(state: BreakerState, now: number): BreakerState {
  return { ...state, probes: state.probes.filter(({ leaseUntil }) => leaseUntil > now) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isProbe(value: unknown): value is BreakerState['probes'][number] {
  return isRecord(value) && typeof value['id'] === 'string' && isTime(value['leaseUntil']);
}
