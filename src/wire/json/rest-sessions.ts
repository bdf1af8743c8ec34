import * as z from 'zod/mini';
import type { AuditLogEntry, SamplerInfo, SessionInfo } from '../types/rest.ts';
import { choice, text, time } from './field.ts';
import { lazy } from './lazy.ts';
import { parseWire } from './parse.ts';
import type { ReadPage } from './rest-runs.ts';
import { readTimestamp } from './rest-timestamp.ts';

const sessionsSchema = /* @__PURE__ */ lazy(() => z.looseObject({ sessions: z.array(text()) }));

/** Answer of `sessions` (protocol 2.9): ids, and no cursor. */
export function readSessions(body: unknown): ReadPage<string> {
  return { items: parseWire(sessionsSchema, body, 'list of sessions').sessions, cursor: undefined };
}

const sessionInfoSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({
    training_run_ids: z.nullish(z.array(text())),
    sampler_ids: z.nullish(z.array(text())),
  }),
);

/** Answer of `sessions/{id}`. */
export function readSessionInfo(body: unknown): SessionInfo {
  const info = parseWire(sessionInfoSchema, body, 'session');
  return { trainingRunIds: info.training_run_ids ?? [], samplerIds: info.sampler_ids ?? [] };
}

const samplerSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({ sampler_id: text(), base_model: text(), model_path: z.nullish(text()) }),
);

/** Answer of `samplers/{id}` (protocol 2.6). */
export function readSampler(body: unknown): SamplerInfo {
  const sampler = parseWire(samplerSchema, body, 'sampler');
  return {
    samplerId: sampler.sampler_id,
    baseModel: sampler.base_model,
    modelPath: sampler.model_path ?? undefined,
  };
}

const auditLogSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({
    entries: z.array(
      z.looseObject({
        timestamp: z.nullish(time()),
        event: text(),
        model_id: z.nullish(text()),
        tinker_path: z.nullish(text()),
        purpose: z.nullish(text()),
      }),
    ),
  }),
);

/** Answer of `audit`. */
export function readAuditLog(body: unknown): readonly AuditLogEntry[] {
  return parseWire(auditLogSchema, body, 'audit log').entries.map((entry, index) => ({
    timestamp: readTimestamp(`entries.${index}.timestamp`, entry.timestamp),
    event: entry.event,
    modelId: entry.model_id ?? undefined,
    tinkerPath: entry.tinker_path ?? undefined,
    purpose: entry.purpose ?? undefined,
  }));
}

/** How far the export of a trace is. */
export interface TraceExport {
  readonly status: 'pending' | 'ready' | 'failed';
  readonly url: string | undefined;
  readonly error: string | undefined;
}

const traceExportSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({
    status: choice('pending', 'ready', 'failed'),
    url: z.nullish(text()),
    error: z.nullish(text()),
  }),
);

/** Answer of `sessions/{id}/trace_export`. */
export function readTraceExport(body: unknown): TraceExport {
  const { status, url, error } = parseWire(traceExportSchema, body, 'trace_export answer');
  return { status, url: url ?? undefined, error: error ?? undefined };
}
