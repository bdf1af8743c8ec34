import { readSubmitted, type SubmittedFuture } from '../wire/json/futures.ts';
import type { SubmissionObserver } from './operation-view.ts';
import { takePermit } from './permit.ts';
import { type Runtime, sendResilient } from './runtime.ts';
import type { Scope } from './scope.ts';

/** While the server is, or was lately, under pressure, a sample weighs this much more (protocol 5.7). */
const PRESSURE_WEIGHT = 20;
/** Pause after a 429 that names no time: short for a small prompt (protocol 5.7). */
const SMALL_BYTES = 131_072;
const SMALL_PAUSE_MS = 1_000;
const LARGE_PAUSE_MS = 5_000;

/** A sample to hand in. */
export interface SampleSubmission {
  /** Body of the request; the same for all attempts. */
  readonly body: object;
  /** Estimated size of the prompt (protocol 5.7). */
  readonly bytes: number;
  /** The server accepted it before, and lost it: it waits for an open circuit. */
  readonly isResubmission: boolean;
}

/**
 * Hand in one sample under the limits of its account (protocol 5.7): permits for submissions, few of them after a 429,
 * and bytes; the server's pauses; retries. Everything is given back as soon as the server has accepted or refused:
 * the wait for the result holds no permit.
 */
export async function dispatchSample(
  runtime: Runtime,
  scope: Scope,
  { body, bytes, isResubmission }: SampleSubmission,
  observer: SubmissionObserver,
): Promise<SubmittedFuture> {
  const { submissions, throttled, bytes: budget } = runtime.account.sampling;
  const held: (() => void)[] = [];
  try {
    held.push(
      await takePermit(
        runtime,
        scope,
        submissions,
        { scope: 'requests', name: 'sample submissions' },
        submissions.acquire,
      ),
    );
    // Asked after the wait for the first permit: what was true before it may be long past.
    const isUnderPressure = runtime.account.windows.sample.isRecent;
    if (isUnderPressure) {
      const name = { scope: 'requests', name: 'sample submissions after a 429' } as const;
      held.push(await takePermit(runtime, scope, throttled, name, throttled.acquire));
    }
    const weight = isUnderPressure ? bytes * PRESSURE_WEIGHT : bytes;
    const name = { scope: 'bytes', name: 'bytes of sample submissions' } as const;
    held.push(await takePermit(runtime, scope, budget, name, (signal) => budget.acquire(signal, weight)));
    return readSubmitted(
      await sendResilient(runtime, {
        method: 'POST',
        path: '/api/v1/asample',
        lane: 'sample',
        body,
        headers: { 'x-tinker-sampling-backpressure': '1' },
        scope,
        pauseMs: bytes <= SMALL_BYTES ? SMALL_PAUSE_MS : LARGE_PAUSE_MS,
        isPatient: isResubmission,
        onSend: observer.onSend,
        onFailure: observer.onFailure,
      }),
    );
  } finally {
    for (const release of held.reverse()) release();
  }
}

/**
 * What surrounds a sample from its submission to its result: one of the permits for samples under way, and the watch
 * that ends all of them when none has ended for hours (protocol 5.8).
 */
export async function withinSamplingLimits<T>(
  runtime: Runtime,
  scope: Scope,
  work: (scope: Scope) => Promise<T>,
): Promise<T> {
  const { sampleNoRetries, stuckDetection } = runtime.settings.current;
  if (sampleNoRetries) return work(scope);
  const { samples, progress } = runtime.account.sampling;
  const name = { scope: 'requests', name: 'samples' } as const;
  const release = await takePermit(runtime, scope, samples, name, samples.acquire);
  try {
    if (!stuckDetection) return await work(scope);
    return await progress.run(scope.signal, (signal) => work({ ...scope, signal }));
  } finally {
    release();
  }
}
