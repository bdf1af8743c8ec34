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
  // A date has letters in it; anything else that Date.parse would guess at is no hint.
  const date = value !== null && /[a-z]/i.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** A hint as it is obeyed: within [0, {@link MAX_HINT_MS}]. */
export function clampHint(hintMs: number): number {
  return Math.min(Math.max(hintMs, 0), MAX_HINT_MS);
}

function readNumber(text: string | null): number | undefined {
  if (text === null || !/^\s*\d+(\.\d+)?\s*$/.test(text)) return undefined;
  return Number(text);
}
