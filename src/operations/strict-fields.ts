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

/** Optional fields that a server refused, by the path of the request. */
export type UnknownFields = Map<string, Set<string>>;

/** A request whose sender may want to know that the server has not taken it yet. */
export interface TolerantRequest extends PipelineRequest {
  /** Told when the attempt with fields that the server refused is over, before the one without them is sent. */
  readonly onRefused?: (() => void) | undefined;
}

/**
 * One attempt; where a strict server refuses a field that it does not know, and the request can do without it, one more
 * (servers.md 2.1 item 5). What was refused once is not sent again.
 */
export async function sendTolerant(
  { pipeline, emit, unknownFields }: Pick<Runtime, 'pipeline' | 'emit' | 'unknownFields'>,
  request: TolerantRequest,
): Promise<unknown> {
  const { body, path, method } = request;
  // What a PUT carries is what it is about.
  if (body === undefined || 'bytes' in body || method !== 'POST') return pipeline.send(request);
  const sent = without(body, unknownFields.get(path));
  try {
    return await pipeline.send({ ...request, body: sent });
  } catch (error) {
    const refused = forbiddenFields(error).filter((name) => name in sent && OPTIONAL_FIELDS.includes(name));
    if (refused.length === 0) throw error;
    request.onRefused?.();
    // Looked up anew: many may be refused together, and one of them tells.
    const known = unknownFields.get(path) ?? new Set();
    unknownFields.set(path, known);
    for (const field of refused) {
      if (!known.has(field)) emit({ type: 'field_dropped', path, field });
      known.add(field);
    }
    return pipeline.send({ ...request, body: without(body, known) });
  }
}

function without(body: object, fields: ReadonlySet<string> | undefined): object {
  if (fields === undefined) return body;
  return Object.fromEntries(Object.entries(body).filter(([name]) => !fields.has(name)));
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
