import { createAbortFanout } from '../kernel/abort.ts';
import { platformName } from '../kernel/platform-name.ts';
import type { Account } from '../operations/account.ts';
import { createCredentials } from '../operations/credentials.ts';
import { createMeter } from '../operations/metering.ts';
import { createOperations } from '../operations/operations.ts';
import type { Runtime } from '../operations/runtime.ts';
import { createScopes } from '../operations/scope.ts';
import { createSettings } from '../operations/settings.ts';
import type { Telemetry, TelemetryParts } from '../operations/telemetry/telemetry.ts';
import { createTokenBudget } from '../operations/token-budget.ts';
import { type Credential, resolveKey } from '../transport/credential.ts';
import { createPipeline } from '../transport/pipeline.ts';
import { createTransport, type Transport } from '../transport/transport.ts';
import type { ResolvedServiceOptions } from './options.ts';

/**
 * Everything that the operations of one service share, made of its options. No I/O, no timer.
 *
 * @param telemetryOf - Handed in, so that a service without telemetry has none of it in its bundle.
 */
export function createRuntime(
  options: ResolvedServiceOptions,
  account: Account,
  telemetryOf: (parts: TelemetryParts) => Telemetry,
): Runtime {
  const { clock, random, createId, emit, wake, apiKey, attemptTimeoutMs, wireFormat } = options;
  const { retryBudgetMs, pollPolicy, onLimit, serverDeduplicates } = options;
  const timeoutMs = attemptTimeoutMs;
  const fanout = createAbortFanout();
  const scopes = createScopes(clock, fanout);
  const secrets = typeof apiKey === 'string' ? [apiKey] : [];
  const transportWith = (credential: Credential, refused?: (credential: string) => boolean): Transport =>
    createTransport({ ...options, credential, refused, secrets });
  const settings = createSettings({
    scopes,
    transport: transportWith(() => resolveKey(apiKey)),
    sdkVersion: options.sdkVersion,
    timeoutMs,
    overrides: options.clientConfig,
    apply: (config) => account.apply(config),
  });
  const credentials = createCredentials({ clock, emit, scopes, settings, apiKey, timeoutMs, transportWith });
  const pipeline = createPipeline(
    { ...account, clock },
    transportWith(credentials.current, credentials.refused),
  );
  const meter = createMeter();
  return {
    clock,
    random,
    createId,
    emit,
    wake,
    account,
    pipeline,
    scopes,
    operations: createOperations(),
    fanout,
    attemptTimeoutMs,
    retryBudgetMs,
    pollPolicy,
    onLimit,
    serverDeduplicates,
    loadTokenizer: options.loadTokenizer,
    settings,
    credentials,
    wireFormat,
    unknownFields: new Map(),
    contextLengths: new Map(),
    meter,
    budget: createTokenBudget(options.budget, meter),
    telemetry: telemetryOf({ clock, random, createId, pipeline }),
    describesRequests: platformName() !== 'browser',
  };
}
