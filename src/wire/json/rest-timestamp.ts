import { show } from '../../kernel/checks.ts';
import { dateAt } from '../../kernel/clock.ts';
import { TinkerResponseError } from '../../kernel/errors.ts';
import { parseIso } from '../../kernel/timestamp.ts';

/** Furthest moment a `Date` can be from the epoch, in milliseconds. */
const MOST_MS = 8.64e15;

/**
 * A moment of a server's answer: ISO 8601, in UTC where it names no zone (servers.md 2.1 item 22), or Unix seconds.
 * Absent is `undefined`. What is there but cannot be read is an error: a checkpoint whose expiry is not understood
 * must not look like one that is kept for ever.
 *
 * @param field - Its path in the answer, for the error.
 * @throws TinkerResponseError
 */
export function readTimestamp(field: string, value: string | number | null | undefined): Date | undefined {
  if (value === undefined || value === null) return undefined;
  const ms = typeof value === 'number' ? value * 1_000 : parseIso(value)?.ms;
  if (ms !== undefined && Math.abs(ms) <= MOST_MS) return dateAt(ms);
  throw new TinkerResponseError(`"${field}" should be a time, and is ${show(value)}`);
}
