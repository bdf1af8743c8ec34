import { isTinkerError } from '../kernel/errors.ts';
import type { PipelineRequest } from '../transport/pipeline.ts';
import type { Runtime } from './runtime.ts';

/** Fields that older servers do not know and that a request can do without. */
const OPTIONAL_FIELDS = [
  'allow_metadata_only',
  'overwrite',
  'project_id',
  'topk_prompt_logprobs',
  'ttl_seconds',
  'user_metadata',
];

/**
 * One attempt; where a strict server refuses a field that it does not know, and the request can do without it, one more
 * (servers.md 2.1 item 5).
 */
export async function sendTolerant(
  { pipeline, emit }: Pick<Runtime, 'pipeline' | 'emit'>,
  request: PipelineRequest,
): Promise<unknown> {
  try {
    return await pipeline.send(request);
  } catch (error) {
    const { body, path } = request;
    if (body === undefined || 'bytes' in body) throw error;
    const fields = forbiddenFields(error).filter((field) => field in body && OPTIONAL_FIELDS.includes(field));
    if (fields.length === 0) throw error;
    for (const field of fields) emit({ type: 'field_dropped', path, field });
    const left = Object.entries(body).filter(([field]) => !fields.includes(field));
    return pipeline.send({ ...request, body: Object.fromEntries(left) });
  }
}

/** Top-level fields that a 422 names as unknown. */
function forbiddenFields(error: unknown): string[] {
  if (!isTinkerError(error, 'http_status') || error.status !== 422) return [];
  const { detail } = (error.body ?? {}) as { detail?: unknown };
  if (!Array.isArray(detail)) return [];
  return detail.flatMap((problem: { type?: unknown; loc?: unknown } | null) => {
    if (problem?.type !== 'extra_forbidden' || !Array.isArray(problem.loc)) return [];
    const place: unknown[] = problem.loc[0] === 'body' ? problem.loc.slice(1) : problem.loc;
    const [field] = place;
    return place.length === 1 && typeof field === 'string' ? [field] : [];
  });
}
