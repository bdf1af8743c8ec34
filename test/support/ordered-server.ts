import type { SeenSubmission } from './pass-server.ts';

/** A server that runs a model's requests by number, holds later ones for a missing one, and knows one again. */
export interface OrderedServer {
  /** Take one; the same a second time changes nothing. */
  accept(submission: Pick<SeenSubmission, 'sequenceId' | 'call'>): void;
  /** Whether it has taken this very one. */
  knows(submission: Pick<SeenSubmission, 'sequenceId' | 'call'>): boolean;
  /** The calls that ran, in order; 0 for a filler. */
  readonly ran: readonly number[];
  /** Numbers that wait for one that is missing. */
  readonly held: readonly number[];
  /** What a client must not do: two requests under one number. */
  readonly faults: readonly string[];
}

/** One that has heard nothing yet. */
export function orderedServer(): OrderedServer {
  const taken = new Map<number, number>();
  const ran: number[] = [];
  const faults: string[] = [];
  return {
    accept({ sequenceId, call }) {
      const known = taken.get(sequenceId);
      if (known !== undefined && known !== call) faults.push(`${sequenceId} is both ${known} and ${call}`);
      if (known === undefined) taken.set(sequenceId, call);
      for (let next = taken.get(ran.length + 1); next !== undefined; next = taken.get(ran.length + 1))
        ran.push(next);
    },
    knows: ({ sequenceId, call }) => taken.get(sequenceId) === call,
    ran,
    get held() {
      return [...taken.keys()].filter((sequenceId) => sequenceId > ran.length);
    },
    faults,
  };
}
