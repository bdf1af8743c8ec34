/** How a timer is to be kept. */
export interface ScheduleOptions {
  /** Let the process end although this timer is still pending, where the runtime knows the notion. @default false */
  readonly background?: boolean | undefined;
}

/** All that the library ever asks of time. Give a client your own to run it on virtual time. */
export interface Clock {
  /** Milliseconds since the Unix epoch. Can be stored; may step backwards. */
  now(): number;
  /** Milliseconds from an arbitrary origin; never steps backwards. For durations and deadlines. */
  monotonic(): number;
  /** Run `callback` once, after `ms` milliseconds. Returns a function that cancels it. */
  schedule(callback: () => void, ms: number, options?: ScheduleOptions): () => void;
}

/** A moment as the platform's object, from milliseconds since the Unix epoch. Reads no time itself. */
export function dateAt(ms: number): Date {
  return new Date(ms);
}

/** Timers above this length fire at once in every runtime, so a longer wait is cut into legs of this one. */
export const MAX_TIMER_MS = 0x7fff_ffff;

/** The platform's time, looked up per call so that nothing is captured at import. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(callback, ms, options) {
    if (ms <= 0 && 'setImmediate' in globalThis) return immediately(callback);
    let cancelled = false;
    let timer: ReturnType<typeof setTimeout>;
    const arm = (left: number): void => {
      const leg = Math.min(left, MAX_TIMER_MS);
      timer = setTimeout(() => {
        if (cancelled) return;
        if (left > leg) arm(left - leg);
        else callback();
      }, leg);
      if (options?.background === true) detach(timer);
    };
    arm(Math.max(0, ms));
    return () => {
      cancelled = true;
      clearTimeout(timer);
    };
  },
};

/** The platform's wall time, for who never waits: a tenth of the size of {@link systemClock}. */
export const wallTime: Pick<Clock, 'now'> = { now: () => Date.now() };

/**
 * The platform's time for waits of seconds whose end the process must live to see: neither longer than
 * {@link MAX_TIMER_MS}, nor of no time in a loop, nor in the background. A third of the size of {@link systemClock}.
 */
export const plainClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(callback, ms) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/**
 * Node runs timers that are due one after the other before it looks at sockets and signals: a busy loop of zero
 * timers starves them. Where there are immediates, a zero wait is one; they take turns with everything else.
 */
function immediately(callback: () => void): () => void {
  let cancelled = false;
  const { setImmediate } = globalThis as unknown as { setImmediate(callback: () => void): void };
  setImmediate(() => {
    if (!cancelled) callback();
  });
  return () => {
    cancelled = true;
  };
}

/** Node and Bun hand out timer objects with `unref`, Deno numbers and a function; elsewhere nothing is held. */
function detach(timer: unknown): void {
  const { unref } = timer as { unref?: () => void };
  if (typeof unref === 'function') unref.call(timer);
  else (globalThis as { Deno?: { unrefTimer?: (id: unknown) => void } }).Deno?.unrefTimer?.(timer);
}

/** A moment as ISO 8601 in UTC, to the millisecond. @param ms - Since the Unix epoch. */
export function isoTime(ms: number): string {
  return dateAt(ms).toISOString();
}

/** A moment as an HTTP header words it, to the second. @param ms - Since the Unix epoch. */
export function httpDate(ms: number): string {
  return dateAt(ms).toUTCString();
}
