import * as z from 'zod/mini';
import type { BillingEvent, BillingEventInfo, BillingUsage } from '../types/billing.ts';
import { flag, number, record, recordOf, text, time } from './field.ts';
import { lazy } from './lazy.ts';
import { parseWire } from './parse.ts';
import { readMetadata } from './rest-runs.ts';
import { readTimestamp } from './rest-timestamp.ts';

const infoSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({
    type: text(),
    token_count: z.nullish(number()),
    cached: z.nullish(flag()),
    count: z.nullish(number()),
    gigabyte_hours: z.nullish(number()),
  }),
);

const eventSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({
    bucket_start: z.nullish(time()),
    bucket_end: z.nullish(time()),
    base_model: z.nullish(text()),
    user_id: z.nullish(text()),
    user_name: z.nullish(text()),
    session_id: z.nullish(text()),
    project_id: z.nullish(text()),
    event_info: infoSchema(),
  }),
);

const usageSchema = /* @__PURE__ */ lazy(() =>
  z.looseObject({
    data: z.array(eventSchema()),
    sessions: z.nullish(recordOf(z.looseObject({ user_metadata: z.nullish(record()) }))),
  }),
);

type WireEvent = z.infer<ReturnType<typeof eventSchema>>;

/** Answer of `billing/usage/events` (protocol 2.9). */
export function readBillingUsage(body: unknown): BillingUsage {
  const { data, sessions } = parseWire(usageSchema, body, 'billing answer');
  const known = Object.entries(sessions ?? {}).map(([id, { user_metadata }]) => [
    id,
    { userMetadata: readMetadata(user_metadata) },
  ]);
  return { events: data.map(billingEvent), sessions: Object.fromEntries(known) as BillingUsage['sessions'] };
}

function billingEvent(event: WireEvent, index: number): BillingEvent {
  return {
    bucketStart: readTimestamp(`data.${index}.bucket_start`, event.bucket_start),
    bucketEnd: readTimestamp(`data.${index}.bucket_end`, event.bucket_end),
    baseModel: event.base_model ?? undefined,
    userId: event.user_id ?? undefined,
    userName: event.user_name ?? undefined,
    sessionId: event.session_id ?? undefined,
    projectId: event.project_id ?? undefined,
    eventInfo: eventInfo(event.event_info),
  };
}

/** A kind that is new, or that lacks its number, is handed on as it came: a bill must not fail for one line of it. */
function eventInfo(info: WireEvent['event_info']): BillingEventInfo {
  const { type, token_count: tokenCount, cached, count, gigabyte_hours: gigabyteHours } = info;
  if (typeof tokenCount === 'number') {
    if (type === 'sampling_prefill') return { type, cached: cached ?? false, tokenCount };
    if (type === 'training' || type === 'sampling_sample') return { type, tokenCount };
  }
  if (type === 'checkpoint' && typeof count === 'number') return { type, count };
  if (type === 'storage' && typeof gigabyteHours === 'number') return { type, gigabyteHours };
  return { type: 'other', name: type, fields: { ...info } };
}
