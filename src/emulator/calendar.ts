import { isoTime } from '../kernel/clock.ts';

/** Length of an hour, in milliseconds. */
export const HOUR_MS = 3_600_000;
/** Length of a day, in milliseconds. */
export const DAY_MS = 24 * HOUR_MS;

/** ISO 8601 as requests bring it: a date, perhaps a time, perhaps a zone. */
const ISO_TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?$/;

/** The day of a moment in UTC, `YYYY-MM-DD`. @param ms - Since the Unix epoch. */
export function isoDay(ms: number): string {
  return isoTime(ms).slice(0, 10);
}

/** Whether text is a day that exists, `YYYY-MM-DD`. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const ms = Date.parse(text);
  // Engines differ in whether February 30 is refused or is March 2.
  return !Number.isNaN(ms) && isoDay(ms) === text;
}

/** The moment that ISO 8601 text means, UTC where it names no zone; `undefined` where it is none. */
export function parseIsoTime(text: string): number | undefined {
  if (!ISO_TIME.test(text) || !isDay(text.slice(0, 10))) return undefined;
  const isLocal = text.includes('T') && !/(Z|[+-]\d\d:\d\d)$/.test(text);
  const ms = Date.parse(isLocal ? `${text}Z` : text);
  return Number.isNaN(ms) ? undefined : ms;
}
