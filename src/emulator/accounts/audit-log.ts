import type { Clock } from '../../kernel/clock.ts';
import { isoDay } from '../calendar.ts';

/** What is noted of an account's doings. */
export type AuditEvent =
  | 'create_model'
  | 'save_checkpoint'
  | 'load_checkpoint'
  | 'delete_checkpoint'
  | 'publish_checkpoint'
  | 'unpublish_checkpoint'
  | 'set_checkpoint_ttl'
  | 'download_checkpoint';

/** One line of the log (protocol 2.9). */
export interface AuditEntry {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly event: AuditEvent;
  readonly modelId: string | undefined;
  readonly path: string | undefined;
  /** What a checkpoint was loaded for. */
  readonly purpose: 'training' | 'sampling' | undefined;
}

/** Who did what with models and checkpoints. */
export interface AuditLog {
  record(owner: string, event: AuditEvent, details: Partial<Omit<AuditEntry, 'at' | 'event'>>): void;
  /** An account's entries of a day in UTC, `YYYY-MM-DD`, in the order of time. */
  of(owner: string, day: string): readonly AuditEntry[];
}

/** Entries kept; the oldest go first. */
const KEPT_ENTRIES = 10_000;

/** An empty log. */
export function createAuditLog(clock: Clock): AuditLog {
  const entries: { readonly owner: string; readonly entry: AuditEntry }[] = [];
  return {
    record(owner, event, { modelId, path, purpose }) {
      entries.push({ owner, entry: { at: clock.now(), event, modelId, path, purpose } });
      if (entries.length > KEPT_ENTRIES) entries.shift();
    },
    of: (owner, day) =>
      entries
        .filter(({ owner: whose, entry }) => whose === owner && isoDay(entry.at) === day)
        .map(({ entry }) => entry)
        .sort((one, other) => one.at - other.at),
  };
}
