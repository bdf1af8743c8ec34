import { createId } from '../kernel/random.ts';
import { accountRoutes } from './accounts/account-routes.ts';
import { createAccounts } from './accounts/accounts.ts';
import { createAuditLog } from './accounts/audit-log.ts';
import { keyRoutes, serviceRoutes } from './accounts/config-routes.ts';
import { createUsage } from './accounts/usage.ts';
import { archiveRoutes, downloadRoutes } from './checkpoints/archive-routes.ts';
import { checkpointRoutes } from './checkpoints/checkpoint-routes.ts';
import { createCheckpoints } from './checkpoints/checkpoints.ts';
import { createSignedLinks } from './checkpoints/signed-links.ts';
import { weightsRoutes } from './checkpoints/weights-routes.ts';
import { createDevice } from './device.ts';
import { dialectIds } from './dialects/dialect-ids.ts';
import { futureForms } from './dialects/future-forms.ts';
import { speakDialect } from './dialects/speak-dialect.ts';
import { skewedClock, withServerDates } from './faults/clock-skew.ts';
import { withFaults } from './faults/with-faults.ts';
import { createFutures } from './futures/futures.ts';
import { createNumberedRequests, type NumberedRequests } from './futures/numbered-requests.ts';
import { createOperationGate, type PauseKind } from './futures/operation-gate.ts';
import { withContentLength } from './http/content-length.ts';
import { withCors } from './http/cors.ts';
import { type Area, createRouter } from './http/http.ts';
import { createBodyReader } from './http/request-body.ts';
import type { ModelConfig } from './model/config.ts';
import { type EmulatorOptions, type ResolvedEmulatorOptions, resolveEmulatorOptions } from './options.ts';
import { createSampleAdmission } from './sampling/sample-admission.ts';
import { createSamplerRecords } from './sampling/sampler-records.ts';
import { samplerRoutes } from './sampling/sampler-routes.ts';
import { createSamplers } from './sampling/samplers.ts';
import { samplingRoutes } from './sampling/sampling-routes.ts';
import { sessionListRoutes, traceRoutes } from './sessions/session-list-routes.ts';
import { sessionRoutes } from './sessions/session-routes.ts';
import { createSessions } from './sessions/sessions.ts';
import { createTelemetryLog, type TelemetryEvent, telemetryRoutes } from './sessions/telemetry-routes.ts';
import type { EmulatorState } from './state.ts';
import { createTinyModel } from './tiny-model.ts';
import { modelRoutes } from './training/model-routes.ts';
import { runRoutes } from './training/run-routes.ts';
import { trainingRoutes } from './training/training-routes.ts';
import { createTrainingRuns } from './training/training-runs.ts';

/** A server of the Tinker API in this process. */
export interface Emulator {
  /** Answer a request: a client's `fetch` option, or the handler of a real server. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** Name of its base model, for `createLoraTrainingClient({ baseModel })`. */
  readonly modelName: string;
  /** Shape of its base model. */
  readonly model: ModelConfig;
  /** The last thousand telemetry events that clients sent, the latest last: for tests of a client. */
  readonly telemetry: readonly TelemetryEvent[];
  /**
   * Stop starting operations, as a server does that is short of capacity or holds its caller to a limit; one that runs
   * goes on. Polls are told the kind, and the reason in words, until {@link Emulator.resume} (protocol 3.2).
   */
  pause(kind: PauseKind, reason?: string): void;
  /** Go on with what waits since {@link Emulator.pause}. */
  resume(): void;
}

/**
 * The Tinker API in process, with a byte-level transformer that really learns: no key, no network, no native code.
 * Everything is deterministic for given seeds, to the bit, on every runtime. It keeps no timer while nothing runs.
 *
 * @throws TinkerInputError - for an option that cannot be right; RangeError for a model shape that cannot.
 */
export function createEmulator(options: EmulatorOptions = {}): Emulator {
  const resolved = resolveEmulatorOptions(options);
  const state = createState(resolved);
  return {
    fetch: createHandler(resolved, state),
    modelName: state.model.name,
    model: state.model.config,
    get telemetry() {
      return state.telemetry.list();
    },
    pause: state.gate.pause,
    resume: state.gate.resume,
  };
}

/** The service, in the manners of another server, with its clock and its faults, and open to pages: one around the other. */
function createHandler(options: ResolvedEmulatorOptions, state: EmulatorState): Emulator['fetch'] {
  const { dialect, hasOwnConfig, faults, clock, clockSkewMs, corsOrigin } = options;
  let handle = createRouter(areasOf(state), createBodyReader(options.decompress));
  handle = speakDialect(dialect, { handle, state, hasOwnConfig });
  handle = withContentLength(handle);
  if (faults !== undefined) handle = withFaults(handle, faults, clock);
  if (clockSkewMs !== undefined) handle = withServerDates(handle, state.clock);
  return corsOrigin === undefined ? handle : withCors(handle, corsOrigin);
}

function createState(options: ResolvedEmulatorOptions): EmulatorState {
  const { storage, dialect, random, apiKey, tokenLifetimeMs, clientConfig } = options;
  const clock = skewedClock(options.clock, options.clockSkewMs ?? 0);
  const model = createTinyModel(options.modelName, options.model, options.kernels);
  const gate = createOperationGate();
  const device = createDevice(clock, options.latencyMs, gate);
  const modelRequests = new Map<string, NumberedRequests>();
  let drawn: string | undefined;
  // Drawn when it is needed: some platforms have no randomness while a module loads.
  const secret = (): string => {
    drawn ??= createId(32);
    return drawn;
  };
  return {
    clock,
    model,
    device,
    random,
    ids: dialectIds(dialect),
    clientConfig,
    accounts: createAccounts({ clock, apiKey, tokenLifetimeMs, secret }),
    gate,
    admission: createSampleAdmission(options.concurrentSamples),
    futures: createFutures({
      clock,
      holdMs: options.holdMs,
      metadataFirstBytes: options.metadataFirstBytes,
      gate,
      dialect: futureForms(dialect),
    }),
    sessions: createSessions(clock, options.sessionTimeoutMs),
    runs: createTrainingRuns(model, device, clock),
    samplers: createSamplers(model),
    samplerRecords: createSamplerRecords(),
    checkpoints: createCheckpoints(storage, model, clock),
    links: createSignedLinks(clock, secret),
    usage: createUsage(clock),
    audit: createAuditLog(clock),
    telemetry: createTelemetryLog(),
    modelRequests(sessionId) {
      const known = modelRequests.get(sessionId) ?? createNumberedRequests();
      modelRequests.set(sessionId, known);
      return known;
    },
  };
}

/** Who may call what: links open to everybody, a key for tokens, and a key or token for all the rest. */
function areasOf(state: EmulatorState): readonly Area[] {
  const { accounts } = state;
  return [
    { routes: { ...downloadRoutes(state), ...traceRoutes(state) }, authenticate: () => accounts.nobody },
    { routes: keyRoutes(state), authenticate: accounts.byKey },
    {
      routes: {
        ...serviceRoutes(state),
        ...sessionRoutes(state),
        ...modelRoutes(state),
        ...trainingRoutes(state),
        ...weightsRoutes(state),
        ...samplerRoutes(state),
        ...samplingRoutes(state),
        ...runRoutes(state),
        ...checkpointRoutes(state),
        ...archiveRoutes(state),
        ...sessionListRoutes(state),
        ...accountRoutes(state),
        ...telemetryRoutes(state),
      },
      authenticate: accounts.byToken,
    },
  ];
}
