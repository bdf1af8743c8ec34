import type { Clock } from '../../kernel/clock.ts';
import { HOUR_MS } from '../calendar.ts';
import type { Session } from '../sessions/sessions.ts';

/** What is counted (protocol 2.9): tokens, and checkpoints saved. */
export type UsageKind =
  | 'training'
  | 'sampling_prefill'
  | 'sampling_prefill_cached'
  | 'sampling_sample'
  | 'checkpoint';

/** What one session used of one kind in one hour. Storage is in gigabyte-hours. */
export interface UsageEntry {
  /** Start of the hour, in milliseconds since the Unix epoch. */
  readonly hour: number;
  readonly session: Session;
  /** Where the session counted at that time. */
  readonly projectId: string | undefined;
  readonly kind: UsageKind | 'storage';
  amount: number;
}

/** What was really trained, sampled and kept, for the bill. */
export interface Usage {
  /** Count something as used now. */
  count(session: Session, kind: UsageKind, amount: number): void;
  /** A checkpoint of so many bytes is kept from now on, in place of any other at its path. */
  store(session: Session, path: string, bytes: number): void;
  /** A checkpoint is kept no longer than until then, in milliseconds since the Unix epoch; `undefined`: for good. */
  keepUntil(path: string, expiresAt: number | undefined): void;
  /** Everything used from `from` to `to`, both full hours, in milliseconds since the Unix epoch. */
  between(from: number, to: number): readonly UsageEntry[];
}

/** A checkpoint's time in the store. */
interface Stay {
  readonly session: Session;
  readonly projectId: string | undefined;
  readonly path: string;
  readonly bytes: number;
  readonly from: number;
  until: number;
}

/** Nothing used yet. */
export function createUsage(clock: Clock): Usage {
  const entries = new Map<string, UsageEntry>();
  const stays: Stay[] = [];

  function add(into: Map<string, UsageEntry>, entry: UsageEntry): void {
    const { hour, session, projectId, kind } = entry;
    const key = JSON.stringify([hour, session.id, projectId, kind]);
    const known = into.get(key);
    if (known === undefined) into.set(key, entry);
    else known.amount += entry.amount;
  }

  function keepUntil(path: string, end: number): void {
    for (const stay of stays) {
      // What has ended stays so.
      if (stay.path === path && stay.until > clock.now()) stay.until = end;
    }
  }

  return {
    count(session, kind, amount) {
      if (amount === 0) return;
      const hour = Math.floor(clock.now() / HOUR_MS) * HOUR_MS;
      add(entries, { hour, session, projectId: session.projectId, kind, amount });
    },
    store(session, path, bytes) {
      const from = clock.now();
      keepUntil(path, from);
      const { projectId } = session;
      stays.push({ session, projectId, path, bytes, from, until: Number.POSITIVE_INFINITY });
    },
    keepUntil: (path, expiresAt) => keepUntil(path, expiresAt ?? Number.POSITIVE_INFINITY),
    between(from, to) {
      const storage = new Map<string, UsageEntry>();
      for (const { session, projectId, bytes, from: since, until } of stays) {
        for (let hour = from; hour < to; hour += HOUR_MS) {
          const end = Math.min(until, hour + HOUR_MS, clock.now());
          const hours = (end - Math.max(since, hour)) / HOUR_MS;
          if (hours > 0)
            add(storage, { hour, session, projectId, kind: 'storage', amount: (hours * bytes) / 1e9 });
        }
      }
      const counted = [...entries.values()].filter(({ hour }) => hour >= from && hour < to);
      return [...counted, ...storage.values()];
    },
  };
}
