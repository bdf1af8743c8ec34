import { dateAt } from './clock.ts';

/** Date and time of ISO 8601, with `T` or a space, any number of decimals, and a zone or none. */
const ISO = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?$/i;
/** Date and time of RFC 5322, as headers have it; the day of the week and the seconds may be left out. */
const MAIL = /^(?:[a-z]{3},?\s+)?(\d{1,2})[\s-]([a-z]{3})[\s-](\d{4})\s+(\d\d):(\d\d)(?::(\d\d))?\s*(\S+)?$/i;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** What a text says of a moment. */
export interface ParsedMoment {
  /** Milliseconds since the Unix epoch. */
  readonly ms: number;
  /** Whether it names a zone; where it does not it is taken for UTC. */
  readonly hasZone: boolean;
}

/** Read ISO 8601; `undefined` for a text that is no moment. By hand, because engines differ in what they guess. */
export function parseIso(text: string): ParsedMoment | undefined {
  const match = ISO.exec(text.trim());
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second = '0', decimals = '0', zone] = match;
  const at = momentAt([year, month, day].map(Number), [hour, minute, second].map(Number), zone);
  return at === undefined
    ? undefined
    : { ms: at + Number(decimals.padEnd(3, '0').slice(0, 3)), hasZone: zone !== undefined };
}

/** Read a header's date (RFC 5322, without a zone UTC); `undefined` for a text that is none. */
export function parseMailDate(text: string): number | undefined {
  const match = MAIL.exec(text.trim());
  if (match === null) return undefined;
  const [, day, name = '', year, hour, minute, second = '0', zone] = match;
  const month = MONTHS.indexOf(name.toLowerCase()) + 1;
  return momentAt([Number(year), month, Number(day)], [hour, minute, second].map(Number), zone);
}

/** Midnight in UTC of a day as `YYYY-MM-DD`; `undefined` for a text that is none, or for a day that never comes. */
export function parseDay(text: string): number | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  return match === null ? undefined : momentAt(match.slice(1).map(Number), [0, 0, 0], undefined);
}

/** Epoch milliseconds; `undefined` where there is no such day, time or zone. */
function momentAt(
  [year = 0, month = 0, day = 0]: readonly number[],
  [hour = 0, minute = 0, second = 0]: readonly number[],
  zone: string | undefined,
): number | undefined {
  const date = dateAt(0);
  const midnight = date.setUTCFullYear(year, month - 1, day);
  // A day that does not come out as it went in was carried over: 30 February, month 0.
  const isDay = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  const offset = zoneOffset(zone ?? 'Z');
  // 60: a leap second.
  if (!isDay || hour > 23 || minute > 59 || second > 60 || offset === undefined) return undefined;
  return midnight + ((hour * 60 + minute) * 60 + second) * 1_000 - offset;
}

/** Milliseconds east of UTC, of a zone like `Z`, `GMT`, `+02`, `+0200` or `+02:00`. */
function zoneOffset(zone: string): number | undefined {
  if (/^(z|gmt|utc?)$/i.test(zone)) return 0;
  const [, sign, hours = '', minutes = '0'] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? [];
  if (sign === undefined || Number(hours) > 23 || Number(minutes) > 59) return undefined;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}
