import { TinkerClosedError } from '../kernel/errors.ts';
import type { Runtime } from '../operations/runtime.ts';
import { leaseAccount } from '../operations/shared-limits.ts';
import type { Telemetry, TelemetryParts } from '../operations/telemetry/telemetry.ts';
import { readCapabilities } from '../wire/json/sessions.ts';
import { createRuntime } from './create-runtime.ts';
import { type ResolvedServiceOptions, resolveServiceOptions, type ServiceClientOptions } from './options.ts';
import { askRest } from './rest/rest-request.ts';
import type { SamplingService } from './sampling-service.ts';
import { createSamplingSessions, type SamplingSessions } from './sampling-sessions.ts';
import { type OpenSession, sharedSession } from './session-opening.ts';
import { takeSnapshot } from './snapshot.ts';

/** What every kind of service is made of. */
export interface ServiceBase {
  readonly resolved: ResolvedServiceOptions;
  readonly runtime: Runtime;
  readonly session: OpenSession;
  readonly sampling: SamplingSessions;
  /** The methods that every service has. */
  readonly methods: Omit<SamplingService, 'resume'>;
}

/**
 * Does no I/O.
 *
 * @throws TinkerInputError - for an option that cannot be right.
 */
export function createServiceBase(
  options: ServiceClientOptions,
  telemetryOf: (parts: TelemetryParts, resolved: ResolvedServiceOptions) => Telemetry,
): ServiceBase {
  const resolved = resolveServiceOptions(options);
  const lease = leaseAccount(resolved.limits, resolved);
  const runtime = createRuntime(resolved, lease.account, (parts) => telemetryOf(parts, resolved));
  const { scopes, contextLengths } = runtime;
  const session = sharedSession(runtime, resolved);
  const sampling = createSamplingSessions(runtime, session);

  const close = async (): Promise<void> => {
    // Side by side: what runs ends at once, however long the last telemetry takes.
    await Promise.all([scopes.close(new TinkerClosedError()), runtime.telemetry.close()]);
    lease.release();
  };

  return {
    resolved,
    runtime,
    session,
    sampling,
    methods: {
      async getServerCapabilities(call) {
        const request = { method: 'GET', path: '/api/v1/get_server_capabilities' } as const;
        const capabilities = await askRest(runtime, request, readCapabilities, call);
        for (const { modelName, maxContextLength } of capabilities.supportedModels) {
          // A context of nothing is a server's slip, and would refuse every input.
          if (modelName !== undefined && maxContextLength !== undefined && maxContextLength >= 1)
            contextLengths.set(modelName, maxContextLength);
        }
        return capabilities;
      },
      createSamplingClient: sampling.create,
      usage: () => runtime.meter.snapshot(),
      snapshot: () => takeSnapshot(runtime),
      close,
      [Symbol.asyncDispose]: close,
    },
  };
}
