import { raceAbort } from '../kernel/abort.ts';
import type { Runtime } from '../operations/runtime.ts';
import { openSession } from '../operations/session.ts';
import { keepDynamicConfig } from '../operations/settings.ts';
import type { ResolvedServiceOptions } from './options.ts';

/** Gives the session's id, once it is open. */
export type OpenSession = (signal: AbortSignal) => Promise<string>;

/**
 * The service's one session, opened on first use. It belongs to the service, not to the call that came first: that
 * call's abort leaves the opening to the others. A failure is not kept, so the next call tries afresh.
 */
export function sharedSession(runtime: Runtime, options: ResolvedServiceOptions): OpenSession {
  const { tags, userMetadata, projectId, sdkVersion } = options;
  let opening: Promise<string> | undefined;

  const open = async (): Promise<string> => {
    try {
      const sessionId = await runtime.scopes.run({}, ({ signal }) =>
        openSession(runtime, { tags, userMetadata, projectId, sdkVersion }, signal),
      );
      runtime.telemetry.started(sessionId);
      if (runtime.settings.isServed) {
        runtime.scopes
          .run({}, ({ signal }) => keepDynamicConfig(runtime, sdkVersion, signal))
          .catch(() => {});
      }
      return sessionId;
    } catch (error) {
      opening = undefined;
      throw error;
    }
  };
  return (signal) => {
    opening ??= open();
    return raceAbort(signal, opening);
  };
}
