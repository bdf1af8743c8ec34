import type { Session } from '../sessions/sessions.ts';

/** What a sampling session samples from (protocol 2.6). */
export interface SamplerRecord {
  /** `{session}:sample:{n}` */
  readonly id: string;
  readonly session: Session;
  readonly baseModel: string;
  /** Of the checkpoint; `undefined` for the base model, and for weights that were saved without a name. */
  readonly modelPath: string | undefined;
}

/** The sampling sessions there were, also those whose weights are no longer held. */
export interface SamplerRecords {
  add(record: SamplerRecord): void;
  find(samplerId: string): SamplerRecord | undefined;
  /** Of one session, in the order of their opening. */
  of(sessionId: string): readonly SamplerRecord[];
}

/** Records kept; the oldest go first. */
const KEPT_RECORDS = 65_536;

/** None yet. */
export function createSamplerRecords(): SamplerRecords {
  const records = new Map<string, SamplerRecord>();
  return {
    add(record) {
      records.set(record.id, record);
      const [oldest = record.id] = records.keys();
      if (records.size > KEPT_RECORDS) records.delete(oldest);
    },
    find: (samplerId) => records.get(samplerId),
    of: (sessionId) => [...records.values()].filter(({ session }) => session.id === sessionId),
  };
}
