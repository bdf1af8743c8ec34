import { linkAbort, raceAbort } from '../kernel/abort.ts';
import type { Clock } from '../kernel/clock.ts';
import { TinkerTimeoutError } from '../kernel/errors.ts';

/**
 * Run one attempt under a time limit. Whichever of the caller's signal and the limit comes first aborts the signal
 * handed to `work`; both are released on return, and `work` is not waited for after an abort.
 *
 * @param what - What was attempted, for the error.
 */
export async function withAttemptTimeout<T>(
  clock: Clock,
  limitMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
  what = '',
): Promise<T> {
  signal.throwIfAborted();
  const linked = linkAbort(signal);
  const cancel = clock.schedule(
    () => linked.abort(new TinkerTimeoutError('attempt', limitMs, what)),
    limitMs,
  );
  try {
    return await raceAbort(linked.signal, work(linked.signal));
  } finally {
    cancel();
    linked.dispose();
  }
}
