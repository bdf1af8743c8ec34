import { type Clock, httpDate } from '../../kernel/clock.ts';

type Handle = (request: Request) => Promise<Response>;

/** A clock whose wall time is so far ahead; durations are the same. */
export function skewedClock(clock: Clock, skewMs: number): Clock {
  if (skewMs === 0) return clock;
  return {
    now: () => clock.now() + skewMs,
    monotonic: () => clock.monotonic(),
    schedule: (callback, ms, options) => clock.schedule(callback, ms, options),
  };
}

/** Answers that say the server's time, and dates where they would say how long to wait. */
export function withServerDates(handle: Handle, clock: Clock): Handle {
  return async (request) => {
    const { status, body, headers: given } = await handle(request);
    const headers = new Headers(given);
    headers.set('date', httpDate(clock.now()));
    const seconds = Number(headers.get('retry-after') ?? Number.NaN);
    if (Number.isFinite(seconds)) headers.set('retry-after', httpDate(clock.now() + seconds * 1000));
    return new Response(body, { status, headers });
  };
}
