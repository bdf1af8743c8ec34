import { createAbortFanout } from '../kernel/abort.ts';
import { platformName } from '../kernel/platform-name.ts';
import type { Account } from '../operations/account.ts';
import { createCredentials } from '../operations/credentials.ts';
import { createMeter } from '../operations/metering.ts';
import { createOperations } from '../operations/operations.ts';
import type { Runtime } from '../operations/runtime.ts';
import { createScopes } from '../operations/scope.ts';
import { createSettings } from '../operations/settings.ts';
import { createTelemetry, noTelemetry } from '../operations/telemetry/telemetry.ts';
import { createTokenBudget } from '../operations/token-budget.ts';
import { createBodyForms } from '../operations/wire-format.ts';
import { type Credential, resolveKey } from '../transport/credential.ts';
import { createPipeline } from '../transport/pipeline.ts';
import { createTransport, type Transport } from '../transport/transport.ts';
import type { ResolvedServiceOptions } from './options.ts';

/** Everything that the operations of one service share, made of its options. No I/O, no timer. */
export function createRuntime(options: ResolvedServiceOptions, account: Account): Runtime {
  const { clock, random, createId, emit, wake, apiKey, attemptTimeoutMs, wireFormat } = options;
  const { retryBudgetMs, pollPolicy, onLimit, serverDeduplicates } = options;
  const fanout = createAbortFanout();
  const scopes = createScopes(clock, fanout);
  const secrets = typeof apiKey === 'string' ? [apiKey] : [];
  const transportWith = (credential: Credential, refused?: (credential: string) => boolean): Transport =>
    createTransport({ ...options, credential, refused, secrets });
  const settings = createSettings({
    scopes,
    transport: transportWith(() => resolveKey(apiKey)),
    sdkVersion: options.sdkVersion,
    timeoutMs: attemptTimeoutMs,
    overrides: options.clientConfig,
    apply: (config) => account.apply(config),
  });
  const credentials = createCredentials({
    clock,
    emit,
    scopes,
    settings,
    apiKey,
    timeoutMs: attemptTimeoutMs,
    transportWith,
  });
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
    forms: createBodyForms({ format: wireFormat, compress: options.compress, settings, emit }),
    unknownFields: new Map(),
    contextLengths: new Map(),
    meter,
    budget: createTokenBudget(options.budget, meter),
    telemetry: options.telemetry ? createTelemetry({ clock, random, createId, pipeline }) : noTelemetry,
    describesRequests: platformName() !== 'browser',
  };
}
