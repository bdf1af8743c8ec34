import { isVisibleAscii } from '../../kernel/checks.ts';
import { asRecord } from './as-record.ts';

/** What a server sets for its clients (protocol 5.2), and what no server sets but a user may. */
export interface ClientConfig {
  /** Credentials are exchanged for short-lived tokens (`pjwt_auth_enabled`). @default false */
  readonly jwtAuth: boolean;
  /** Bytes of sample submissions at once. @default 10_485_760 */
  readonly sampleDispatchBytes: number;
  /** Bytes of large results fetched at once. @default 52_428_800 */
  readonly responseBytes: number;
  /** The chunks of one pass are submitted side by side. @default true */
  readonly parallelChunks: boolean;
  /** Protobuf bodies are compressed, where the client has a `compress` option. @default false */
  readonly compressBodies: boolean;
  /** Data in one chunk of a pass, at most. @default 1_024 */
  readonly maxChunkLength: number;
  /** Estimated bytes of one chunk, at most; a larger datum goes alone. @default 5_000_000 */
  readonly maxChunkBytes: number;
  /** Tokens of one chunk, at most; a longer datum goes alone. No server tells it, some need it. @default no limit */
  readonly maxChunkTokens: number;
  /** Estimated bytes of submissions of passes at once. @default 50_000_000 */
  readonly passDispatchBytes: number;
  /** How long a 402 is waited out, in milliseconds. @default 3_600_000 */
  readonly billingPauseMs: number;
  /** Samples are submitted once: no limit of samples under way, no watch, no new submission of a lost one. @default false */
  readonly sampleNoRetries: boolean;
  /** Samples of which none succeeds for hours count as stuck. @default true */
  readonly stuckDetection: boolean;
  /** Samples under way at once. @default 2_000 */
  readonly maxConcurrentSamples: number;
  /** A client from a saved state is made by one `load_weights`, not by `create_model` and it. @default false */
  readonly createModelViaLoad: boolean;
  /** Whether passes go as protobuf, where an older server says so (`proto_write_fwdbwd`). @default true */
  readonly protobufPasses: boolean;
}

/** What holds where a server sets nothing (protocol 5.2). */
export function defaultClientConfig(): ClientConfig {
  return {
    jwtAuth: false,
    sampleDispatchBytes: 10_485_760,
    responseBytes: 52_428_800,
    parallelChunks: true,
    compressBodies: false,
    maxChunkLength: 1_024,
    maxChunkBytes: 5_000_000,
    maxChunkTokens: Number.POSITIVE_INFINITY,
    passDispatchBytes: 50_000_000,
    billingPauseMs: 3_600_000,
    sampleNoRetries: false,
    stuckDetection: true,
    maxConcurrentSamples: 2_000,
    createModelViaLoad: false,
    protobufPasses: true,
  };
}

// What is not what it should be counts as not set: a server's slip must not stop its clients.
const flag = (value: unknown, byDefault: boolean): boolean =>
  typeof value === 'boolean' ? value : byDefault;
const count = (value: unknown, byDefault: number): number =>
  Number.isSafeInteger(value) && (value as number) >= 1 ? (value as number) : byDefault;
const milliseconds = (seconds: unknown, byDefault: number): number => {
  const ms = typeof seconds === 'number' ? seconds * 1_000 : Number.NaN;
  return Number.isFinite(ms) && ms >= 0 ? ms : byDefault;
};

/** Answer of `client/config`: what is missing, unknown or not of its type leaves the default. */
export function readClientConfig(body: unknown): ClientConfig {
  const read = asRecord(body);
  const byDefault = defaultClientConfig();
  return {
    jwtAuth: flag(read['pjwt_auth_enabled'], byDefault.jwtAuth),
    sampleDispatchBytes: count(read['sample_dispatch_bytes_semaphore_size'], byDefault.sampleDispatchBytes),
    responseBytes: count(read['inflight_response_bytes_semaphore_size'], byDefault.responseBytes),
    parallelChunks: flag(read['parallel_fwdbwd_chunks'], byDefault.parallelChunks),
    compressBodies: flag(read['proto_compress_fwdbwd'], byDefault.compressBodies),
    maxChunkLength: count(read['fwdbwd_max_chunk_len'], byDefault.maxChunkLength),
    maxChunkBytes: count(read['fwdbwd_max_chunk_bytes_count'], byDefault.maxChunkBytes),
    maxChunkTokens: byDefault.maxChunkTokens,
    passDispatchBytes: count(read['fwdbwd_dispatch_bytes_semaphore_size'], byDefault.passDispatchBytes),
    billingPauseMs: milliseconds(read['billing_exception_max_pause_duration_sec'], byDefault.billingPauseMs),
    sampleNoRetries: flag(read['sample_no_retries'], byDefault.sampleNoRetries),
    stuckDetection: flag(read['sample_enable_stuck_detection'], byDefault.stuckDetection),
    maxConcurrentSamples: count(read['sample_max_concurrent_requests'], byDefault.maxConcurrentSamples),
    createModelViaLoad: flag(read['create_model_via_load_weights'], byDefault.createModelViaLoad),
    protobufPasses: flag(read['proto_write_fwdbwd'], byDefault.protobufPasses),
  };
}

/** Answer of `auth/token`; `undefined` where there is no token in it. */
export function readExchangedToken(body: unknown): string | undefined {
  const { jwt } = asRecord(body);
  return typeof jwt === 'string' && isVisibleAscii(jwt) ? jwt : undefined;
}

/** Answer of `client/dynamic_config`: how long it holds, in milliseconds. */
export function readRefreshInterval(body: unknown): number {
  return milliseconds(asRecord(body)['refresh_interval_sec'], 300_000);
}
