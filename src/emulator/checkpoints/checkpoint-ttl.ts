import { problem } from '../http/http.ts';

/** The longest a checkpoint may be kept for, in seconds: 68 years. */
const MAX_TTL_SECONDS = 2 ** 31 - 1;

/** A lifetime in milliseconds. @throws HttpProblem of this status - for one that cannot be. */
export function ttlMsOf(seconds: number, status: 400 | 422): number {
  if (seconds >= 1 && seconds <= MAX_TTL_SECONDS) return seconds * 1000;
  throw problem(status, `body.ttl_seconds must be from 1 to ${MAX_TTL_SECONDS}, got ${seconds}`);
}
