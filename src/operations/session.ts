import { sleep } from '../kernel/abort.ts';
import { isTinkerError } from '../kernel/errors.ts';
import { createSessionBody, readSession } from '../wire/json/sessions.ts';
import { type Runtime, sendResilient } from './runtime.ts';

/** Pause between two heartbeats, and the limit of one (protocol 5.1). */
const HEARTBEAT_INTERVAL_MS = 10_000;
const HEARTBEAT_TIMEOUT_MS = 10_000;

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
    body,
    signal,
  });
  const { sessionId, messages } = readSession(answer);
  for (const message of messages) runtime.emit({ type: 'session_message', ...message });
  keepAlive(runtime, sessionId);
  return sessionId;
}

/**
 * Send a heartbeat every ten seconds. A failure is reported and survived; the server's word that the session is gone
 * (404, 410) ends it. The timer never keeps a finished program alive.
 */
function keepAlive(runtime: Runtime, sessionId: string): void {
  const { clock, scopes, emit } = runtime;
  let heardAt = clock.monotonic();

  const beat = async (signal: AbortSignal): Promise<void> => {
    const body = { session_id: sessionId, type: 'session_heartbeat' };
    const path = '/api/v1/session_heartbeat';
    await runtime.transport.send({ method: 'POST', path, body, signal, timeoutMs: HEARTBEAT_TIMEOUT_MS });
  };

  const keepBeating = async (signal: AbortSignal): Promise<void> => {
    for (;;) {
      await sleep(clock, HEARTBEAT_INTERVAL_MS, signal, { background: true });
      try {
        await beat(signal);
        heardAt = clock.monotonic();
      } catch (error) {
        if (signal.aborted) return;
        const status = isTinkerError(error, 'http_status') ? error.status : undefined;
        if (status === 404 || status === 410) return emit({ type: 'session_lost', sessionId, status });
        const message = error instanceof Error ? error.message : String(error);
        emit({ type: 'heartbeat_failed', sessionId, silentMs: clock.monotonic() - heardAt, message });
      }
    }
  };

  // Owned by the service's scopes: close() aborts it and waits for it. Its end has nothing to tell anyone.
  scopes.run({}, ({ signal }) => keepBeating(signal)).catch(() => {});
}
