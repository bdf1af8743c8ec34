import { createAbortFanout } from '../../src/kernel/abort.ts';
import type { TinkerEvent } from '../../src/kernel/diagnostics.ts';
import { type AccountOptions, createAccount } from '../../src/operations/account.ts';
import { createMeter } from '../../src/operations/metering.ts';
import { createOperations } from '../../src/operations/operations.ts';
import type { PassRuntime } from '../../src/operations/runtime.ts';
import { createScopes } from '../../src/operations/scope.ts';
import { noTelemetry } from '../../src/operations/telemetry/telemetry.ts';
import { createTokenBudget } from '../../src/operations/token-budget.ts';
import { type Compress, createBodyForms } from '../../src/operations/wire-format.ts';
import { resolvePollPolicy } from '../../src/policy/poll-policy.ts';
import { type Answer, type SeenRequest, scriptedFetch } from '../../src/testing/scripted-fetch.ts';
import { createVirtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';
import { connectionBudget } from '../../src/transport/connection-budget.ts';
import { createPipeline } from '../../src/transport/pipeline.ts';
import { createTransport } from '../../src/transport/transport.ts';
import { type ClientConfig, defaultClientConfig } from '../../src/wire/json/client-config.ts';

/** What operations run on, with a scripted server behind it. */
export interface TestRuntime {
  readonly runtime: PassRuntime;
  readonly clock: VirtualClock;
  readonly requests: readonly SeenRequest[];
  /** When each request was made, on the clock. */
  readonly times: number[];
  readonly events: TinkerEvent[];
  /** Tell the runtime that the platform woke. */
  wake(): void;
  /** How many listen for that. */
  readonly wakeListeners: number;
}

/** What the server of a {@link testRuntime} sets, and how bodies are compressed. */
export interface TestServerSettings {
  /** Beside the defaults. Given at all, it makes the server one that has `client/config`. */
  readonly config?: Partial<ClientConfig>;
  readonly compress?: Compress;
}

/** A runtime on virtual time, without jitter, that talks to a script. */
export function testRuntime(
  script: Record<string, readonly Answer[]>,
  options: Partial<PassRuntime> = {},
  accountOptions: Partial<AccountOptions> = {},
  { config: sets, compress }: TestServerSettings = {},
): TestRuntime {
  const clock = createVirtualClock();
  const events: TinkerEvent[] = [];
  const times: number[] = [];
  const wakeListeners = new Set<() => void>();
  const scripted = scriptedFetch(script, undefined, { clock });
  let ids = 0;
  const fanout = createAbortFanout();
  const emit = (event: TinkerEvent): void => void events.push(event);
  const random = (): number => 0;
  const address = { baseUrl: 'https://tinker.test', apiKey: 'tml-test' };
  const account = createAccount({
    ...address,
    clock,
    random,
    emit,
    storage: undefined,
    connections: connectionBudget(1_000),
    breaker: undefined,
    billingPauseMs: 3_600_000,
    progressTimeoutMs: 7_200_000,
    ...accountOptions,
  });
  const transport = createTransport({
    baseUrl: address.baseUrl,
    authScheme: 'x-api-key',
    credential: async () => address.apiKey,
    fetch: (request) => {
      times.push(clock.monotonic());
      return scripted.fetch(request);
    },
    clock,
    defaultHeaders: {},
  });
  const meter = createMeter();
  const config = { ...defaultClientConfig(), ...sets };
  const settings = { current: config, isServed: sets !== undefined, ready: async () => config };
  const format = options.wireFormat ?? 'auto';
  if (sets !== undefined) account.apply(config);
  const runtime: PassRuntime = {
    clock,
    random,
    createId: () => `id-${++ids}`,
    emit,
    wake(callback) {
      wakeListeners.add(callback);
      return () => void wakeListeners.delete(callback);
    },
    account,
    pipeline: createPipeline({ ...account, clock }, transport),
    scopes: createScopes(clock, fanout),
    operations: createOperations(),
    fanout,
    attemptTimeoutMs: 60_000,
    retryBudgetMs: 300_000,
    pollPolicy: resolvePollPolicy('pollPolicy'),
    onLimit: 'wait',
    serverDeduplicates: true,
    settings,
    wireFormat: 'auto',
    forms: createBodyForms({ format, compress, settings, emit }),
    credentials: { current: async () => address.apiKey, refused: () => false, exchanged: async (key) => key },
    unknownFields: new Map(),
    contextLengths: new Map(),
    meter,
    budget: createTokenBudget(undefined, meter),
    telemetry: noTelemetry,
    describesRequests: true,
    ...options,
  };
  return {
    runtime,
    clock,
    requests: scripted.requests,
    times,
    events,
    wake: () => {
      for (const listener of [...wakeListeners]) listener();
    },
    get wakeListeners() {
      return wakeListeners.size;
    },
  };
}

/** Answer after so many milliseconds of virtual time, or not at all if the request is aborted before. */
export function answerAfter(clock: VirtualClock, ms: number, make: () => Response): Answer {
  return (request) =>
    new Promise((resolve, reject) => {
      const cancel = clock.schedule(() => resolve(make()), ms);
      request.signal.addEventListener('abort', () => {
        cancel();
        reject(request.signal.reason);
      });
    });
}
