import { show } from '../../kernel/checks.ts';
import { dateAt } from '../../kernel/clock.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import { parseDay, parseIso } from '../../kernel/timestamp.ts';

const HOUR_MS = 3_600_000;
/** Longest span of time the server sums up at once (protocol 2.9). */
const LONGEST_DAYS = 14;

/** Which span of time to sum up. Both bounds are full hours in UTC, at most 14 days apart. */
export interface UsageWindow {
  /** Begin, itself included: a `Date`, or RFC 3339 text with a zone. Not in the future. */
  readonly startingOn: Date | string;
  /** End, itself not included: a `Date`, or RFC 3339 text with a zone. */
  readonly endingBefore: Date | string;
}

/** The bounds as they are sent. @throws TinkerInputError - naming the bound. */
export function checkedUsageWindow(window: UsageWindow): {
  readonly starting_on: string;
  readonly ending_before: string;
} {
  const start = checkedHour('startingOn', window.startingOn);
  const end = checkedHour('endingBefore', window.endingBefore);
  if (end <= start) {
    throw new TinkerInputError('endingBefore', `must be after "startingOn", ${utc(start)}, got ${utc(end)}`);
  }
  if (end - start > LONGEST_DAYS * 24 * HOUR_MS) {
    const days = Math.ceil((end - start) / HOUR_MS / 24);
    throw new TinkerInputError(
      'endingBefore',
      `must be at most ${LONGEST_DAYS} days after "startingOn", got ${days}`,
    );
  }
  return { starting_on: utc(start), ending_before: utc(end) };
}

/** A day as it is sent; `undefined` for today, which is the server's to know. @throws TinkerInputError */
export function checkedDay(day: Date | string | undefined): string | undefined {
  if (day === undefined) return undefined;
  if (isDate(day)) return utc(day.getTime()).slice(0, 10);
  if (typeof day === 'string' && parseDay(day) !== undefined) return day;
  throw new TinkerInputError('day', `must be a Date, or a day as "YYYY-MM-DD", got ${show(day)}`);
}

function checkedHour(field: string, value: unknown): number {
  const ms = isDate(value) ? value.getTime() : parseZoned(value);
  if (ms === undefined) {
    const example = '"2026-07-13T00:00:00Z"';
    throw new TinkerInputError(
      field,
      `must be a Date, or RFC 3339 text with a zone like ${example}, got ${show(value)}`,
    );
  }
  if (ms % HOUR_MS !== 0) throw new TinkerInputError(field, `must be a full hour in UTC, got ${utc(ms)}`);
  return ms;
}

/** Without a zone it could be meant as anything: nobody's bill should depend on a guess. */
function parseZoned(value: unknown): number | undefined {
  const parsed = typeof value === 'string' ? parseIso(value) : undefined;
  return parsed?.hasZone === true ? parsed.ms : undefined;
}

function isDate(value: unknown): value is Date {
  return value instanceof Date && !Number.isNaN(value.getTime());
}

/** As the official client writes it: no decimals where there are none. */
function utc(ms: number): string {
  return dateAt(ms).toISOString().replace('.000Z', 'Z');
}
