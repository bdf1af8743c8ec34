import type { EmulatorDialect, MissingFuture } from './dialect.ts';

/** The values of each switch that has a few; booleans, numbers and records are checked by their kind. */
export type DialectChoices = {
  readonly [K in keyof EmulatorDialect]?: readonly EmulatorDialect[K][];
};

const MISSING: readonly MissingFuture[] = [404, 410, 'pending', '200-error', 400];

/** See {@link DialectChoices}. */
export const CHOICES = {
  fwdbwdRequest: ['both', 400, 404, 405, 406, 415, 422, 500],
  zstd: ['accepted', 415, 422, 500],
  idempotency: ['same-id-409', 'same-id-422', 'passes', 'none'],
  ordering: ['any', 'load-first', 'numbered'],
  backpressure: ['429', 'failure'],
  temperatureOfZero: [0, 1],
  auth: ['any', 'none', 'x-api-key', 'bearer'],
  heartbeat: [404, 410, 'ok', 'silent', 'absent'],
  requestIdForm: ['request', 'integer', 'number', 'zero-based', 'uuid', 'hex', 'composed'],
  modelIdForm: ['session', 'request-id', 'stamped', 'main'],
  samplerIdForm: ['session', 'hex', 'path', 'at'],
  paths: ['tinker', 'kindless', 'twinkle', 'absolute', 'null'],
  submitReply: ['model-id', 'null-model-id', 'bare'],
  requestIdField: ['request_id', 'future_id', 'id'],
  resultFormat: ['by-accept', 'json'],
  pending: ['408-try-again', '408', '408-detail', '408-queue', '200-try-again', '200-bare'],
  failure: ['200-error', '400-detail', '400-error', '400-error-message', '500-detail'],
  unknownFuture: MISSING,
  expiredFuture: MISSING,
  resultRetention: ['keep', 'one-shot'],
  metrics: ['all', 'none', 'average', 'undefined'],
  stepResult: ['metrics', 'plain'],
  outputs: ['logprobs', 'losses', 'deferred'],
  promptLogprobs: ['all', 'without-first', 'none'],
  errors: ['detail', 'detail-list', 'detail-object', 'error', 'error-status', 'code', 'text'],
  timestamps: ['utc', 'naive'],
  changeAnswer: ['204', '204-json', '200-json'],
  archiveId: ['prefixed', 'bare'],
  archiveAnswer: ['redirect', 'json', 'gone'],
} as const satisfies DialectChoices;
