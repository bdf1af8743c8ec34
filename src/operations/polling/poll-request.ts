import type { PipelineRequest } from '../../transport/pipeline.ts';
import type { Runtime } from '../runtime.ts';

/** Limit of one poll: longer than servers hold it, shorter than proxies and runtimes allow (servers.md 2.1 item 25). */
const LEG_TIMEOUT_MS = 45_000;

/** What is asked for. */
export interface PollTarget {
  readonly requestId: string;
  /** The protocol's word for the operation (3.1), which some servers count by. */
  readonly type: RequestType;
  /** Its result may come as protobuf, and its size before it. @default false */
  readonly isLarge?: boolean | undefined;
  /** From the call to the submission's answer, in milliseconds; told with the first poll. */
  readonly submittedMs?: number | undefined;
}

/** Names of operations in `X-Tinker-Request-Type` (protocol 3.1). */
export type RequestType =
  | 'CreateModel'
  | 'Forward'
  | 'ForwardBackward'
  | 'OptimStep'
  | 'SaveWeights'
  | 'LoadWeights'
  | 'SaveWeightsForSampler'
  | 'Sample'
  | 'UnloadModel';

/** One poll. What only describes it is left out in a page, where each header more is one that a proxy must allow. */
export function pollRequest(
  { pollPolicy, settings, describesRequests, wireFormat }: Runtime,
  { requestId, type, isLarge = false, submittedMs }: PollTarget,
  iteration: number,
  isAnnounced: boolean,
): Omit<PipelineRequest, 'signal'> {
  const roundTrip =
    iteration === 0 && submittedMs !== undefined
      ? { 'x-tinker-create-promise-roundtrip-time': String(submittedMs / 1_000) }
      : {};
  const described = {
    'x-tinker-request-iteration': String(iteration),
    'x-tinker-request-type': type,
    ...roundTrip,
  };
  // Only servers that are known to know the field are sent it (servers.md 2.1 item 32).
  const isAsking = isLarge && settings.isServed && !isAnnounced;
  return {
    method: 'POST',
    path: '/api/v1/retrieve_future',
    lane: 'poll',
    body: { request_id: requestId, ...(isAsking ? { allow_metadata_only: true } : {}) },
    headers: describesRequests ? described : {},
    ...(isLarge && wireFormat !== 'json' ? { accept: 'application/x-protobuf, application/json' } : {}),
    timeoutMs: LEG_TIMEOUT_MS,
    requestId,
    onLimit: 'wait',
    isDeafToHints: pollPolicy.kind === 'python',
  };
}
