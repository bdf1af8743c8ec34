import { linkAbort, sleep } from '../kernel/abort.ts';
import { bareMessage } from '../kernel/bare-message.ts';
import { isTinkerError } from '../kernel/errors.ts';
import { answerKind, STATUS_RULES } from '../policy/status-rules.ts';
import { isRouteMissing } from '../transport/classify.ts';
import { createSessionBody, readSession } from '../wire/json/sessions.ts';
import { type Runtime, sendResilient } from './runtime.ts';

/** Pause between two heartbeats, and the limit of one (protocol 5.1). */
const HEARTBEAT_INTERVAL_MS = 10_000;
const HEARTBEAT_TIMEOUT_MS = 10_000;
/** Silence that is worth a warning (protocol 5.1). */
const SILENCE_MS = 120_000;
/** Waking twice within this time is one waking. */
const WAKE_INTERVAL_MS = 1_000;

/** What a session is opened with. */
export interface SessionOptions {
  readonly tags: readonly string[];
  readonly userMetadata: Readonly<Record<string, string>>;
  readonly projectId: string | undefined;
  readonly sdkVersion: string;
}

/** Open a session and keep it alive until the service is closed. @returns its id. */
export async function openSession(
  runtime: Runtime,
  options: SessionOptions,
  signal: AbortSignal,
): Promise<string> {
  const body = createSessionBody(options.tags, options.userMetadata, options.projectId, options.sdkVersion);
  const answer = await sendResilient(runtime, {
    method: 'POST',
    path: '/api/v1/create_session',
    lane: 'session',
    body,
    scope: { signal, deadlineAt: Number.POSITIVE_INFINITY, onLimit: undefined },
  });
  const { sessionId, messages } = readSession(answer);
  for (const message of messages) runtime.emit({ type: 'session_message', ...message });
  // Owned by the service's scopes: close() aborts it and waits for it. Its end has nothing to tell anyone.
  runtime.scopes.run({}, (scope) => keepAlive(runtime, sessionId, scope.signal)).catch(() => {});
  return sessionId;
}

/**
 * Send a heartbeat every ten seconds, and at once when the platform wakes. A failure is reported and survived; the
 * server's word that the session is gone (404, 410), or that it has no heartbeats, ends it. The timer never keeps a
 * finished program alive.
 */
async function keepAlive(runtime: Runtime, sessionId: string, signal: AbortSignal): Promise<void> {
  const { clock, emit } = runtime;
  let heardAt = clock.monotonic();
  let wasHeard = false;
  const alarm = createAlarm(runtime);
  try {
    for (;;) {
      await alarm.wait(signal);
      try {
        await beat(runtime, sessionId, signal);
        heardAt = clock.monotonic();
        wasHeard = true;
        alarm.calm();
      } catch (error) {
        if (signal.aborted) return;
        if (ends(error, { sessionId, wasHeard }, emit)) return;
        const silentMs = clock.monotonic() - heardAt;
        const message = bareMessage(error);
        emit({ type: 'heartbeat_failed', sessionId, silentMs, message });
        if (silentMs > SILENCE_MS) emit({ type: 'session_silent', sessionId, silentMs });
      }
    }
  } finally {
    alarm.dispose();
  }
}

async function beat({ pipeline }: Runtime, sessionId: string, signal: AbortSignal): Promise<void> {
  await pipeline.send({
    method: 'POST',
    path: '/api/v1/session_heartbeat',
    lane: 'session',
    body: { session_id: sessionId, type: 'session_heartbeat' },
    signal,
    timeoutMs: HEARTBEAT_TIMEOUT_MS,
    onLimit: 'wait',
  });
}

/** Whether a heartbeat's answer is the end of heartbeats. */
function ends(
  error: unknown,
  { sessionId, wasHeard }: { readonly sessionId: string; readonly wasHeard: boolean },
  emit: Runtime['emit'],
): boolean {
  if (!isTinkerError(error, 'http_status')) return false;
  // A route that has answered before is not missing.
  if (!wasHeard && isRouteMissing(error)) {
    emit({ type: 'heartbeat_unsupported', sessionId });
    return true;
  }
  const { status } = error;
  const isLost = STATUS_RULES.heartbeat[answerKind(status, false)] === 'session_lost';
  if (isLost) emit({ type: 'session_lost', sessionId, status });
  return isLost;
}

/**
 * Waits for the next heartbeat: the interval, or less where the platform tells of a waking. In a background tab, or
 * after the lid was shut, timers come late or all at once; one heartbeat makes up for all that were missed.
 */
function createAlarm({ clock, wake }: Runtime) {
  let rangAt = clock.monotonic();
  let ring: (() => void) | undefined;
  let isMissed = false;
  const dispose = wake(() => {
    if (clock.monotonic() - rangAt < WAKE_INTERVAL_MS) return;
    // A heartbeat under way may be one that fell asleep: if it fails, the next follows at once.
    if (ring === undefined) isMissed = true;
    else ring();
  });
  return {
    dispose,
    /** The heartbeat that was under way arrived: nothing was missed. */
    calm(): void {
      isMissed = false;
    },
    async wait(signal: AbortSignal): Promise<void> {
      const early = linkAbort(signal);
      ring = () => early.abort('rung');
      if (isMissed) ring();
      isMissed = false;
      await sleep(clock, HEARTBEAT_INTERVAL_MS, early.signal, { background: true }).catch(() => {});
      ring = undefined;
      early.dispose();
      signal.throwIfAborted();
      rangAt = clock.monotonic();
    },
  };
}
