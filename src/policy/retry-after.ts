/** The longest wait a server can ask for: beyond it a hint is a mistake, or hostile. */
export const MAX_HINT_MS = 60_000;

/**
 * A server's wait hint in milliseconds: `retry-after-ms` (a float), else `retry-after` in seconds (a float) or as an
 * HTTP date. `undefined` where there is none, or none that can be understood.
 *
 * @param now - Wall time in epoch milliseconds, for dates.
 */
export function readRetryAfter(headers: Headers, now: number): number | undefined {
  const milliseconds = readNumber(headers.get('retry-after-ms'));
  if (milliseconds !== undefined) return milliseconds;
  const value = headers.get('retry-after');
  const seconds = readNumber(value);
  if (seconds !== undefined) return seconds * 1000;
  // Date.parse guesses, differently in each engine, at what is no HTTP date ("try 5"): that is no hint.
  const isDate = value !== null && /^\s*[a-z]{3}.*\d\d:\d\d:\d\d/i.test(value);
  const date = isDate ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/**
 * A hint as it is obeyed: at most {@link MAX_HINT_MS}. No time at all is no hint, or a date that has passed on our
 * clock would make a loop spin.
 */
export function usableHint(hintMs: number | undefined): number | undefined {
  return hintMs !== undefined && hintMs > 0 ? Math.min(hintMs, MAX_HINT_MS) : undefined;
}

function readNumber(text: string | null): number | undefined {
  if (text === null || !/^\s*\d+(\.\d+)?\s*$/.test(text)) return undefined;
  return Number(text);
}
