import { show } from '../kernel/checks.ts';
import type { EventSink } from '../kernel/diagnostics.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import type { ApiKey } from '../transport/credential.ts';
import { type Account, type AccountOptions, createAccount } from './account.ts';

const lease = /* @__PURE__ */ Symbol('lease');

/**
 * Limits for several service clients of one process: those with the same address and key then share permits, pauses,
 * circuits and connections. Give it to each as `limits`; the first one's options (`connections`,
 * `circuitBreaker`, `storage`, …) hold for all of an address and key. Without it each has limits of its own.
 */
export interface SharedLimits {
  /** Accounts in use: one for each address and key of the open service clients. */
  readonly size: number;
  /** @internal */
  [lease](options: AccountOptions): AccountLease;
}

interface Entry {
  readonly account: Account;
  readonly sinks: Set<EventSink>;
}

/** A client's hold on its account. */
export interface AccountLease {
  readonly account: Account;
  /** Let go; the last one to do so takes the account away. Calling it again is harmless. */
  release(): void;
}

/** Make {@link SharedLimits}. It holds nothing that outlives the clients that use it. */
export function createSharedLimits(): SharedLimits {
  // In here, not on the object, so that a look at it shows no key.
  const byAddress = new Map<string, Map<ApiKey, Entry>>();

  return {
    get size() {
      return [...byAddress.values()].reduce((sum, byKey) => sum + byKey.size, 0);
    },
    [lease](options) {
      const { baseUrl, apiKey, emit } = options;
      const byKey = byAddress.get(baseUrl) ?? new Map<ApiKey, Entry>();
      byAddress.set(baseUrl, byKey);
      const entry = byKey.get(apiKey) ?? createEntry(options);
      byKey.set(apiKey, entry);
      // Wrapped, so that one sink given to two clients counts twice.
      const sink: EventSink = (event) => emit(event);
      entry.sinks.add(sink);
      return {
        account: entry.account,
        release() {
          if (!entry.sinks.delete(sink) || entry.sinks.size > 0) return;
          byKey.delete(apiKey);
          if (byKey.size === 0) byAddress.delete(baseUrl);
        },
      };
    },
  };
}

/** What {@link createSharedLimits} made, or nothing. @throws TinkerInputError */
export function checkSharedLimits(field: string, value: SharedLimits | undefined): SharedLimits | undefined {
  if (value === undefined || (typeof value === 'object' && value !== null && lease in value)) return value;
  throw new TinkerInputError(field, `must be what createSharedLimits() makes, got ${show(value)}`);
}

/** Get hold of the account of an address and key. The first client's options make it; each hears its events. */
export function leaseAccount(limits: SharedLimits, options: AccountOptions): AccountLease {
  return limits[lease](options);
}

function createEntry(options: AccountOptions): Entry {
  const sinks = new Set<EventSink>();
  const emit: EventSink = (event) => {
    for (const sink of [...sinks]) sink(event);
  };
  return { account: createAccount({ ...options, emit }), sinks };
}
