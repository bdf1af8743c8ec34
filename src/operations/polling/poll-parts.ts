import { createAbortGroup } from '../../kernel/abort-group.ts';
import type { Runtime } from '../runtime.ts';
import type { Scope } from '../scope.ts';
import type { SubmittedBatch } from '../turns.ts';
import { pollFuture } from './poll.ts';
import type { PollListener } from './poll-judge.ts';
import type { PollTarget } from './poll-request.ts';

/**
 * Wait for all parts of a submission side by side; the first that fails ends the waiting for the others.
 *
 * @returns the parts' bodies, in their order.
 */
export async function pollParts(
  runtime: Runtime,
  parts: SubmittedBatch,
  target: Omit<PollTarget, 'requestId'>,
  scope: Pick<Scope, 'signal' | 'deadlineAt'>,
  listen: PollListener,
): Promise<unknown[]> {
  const [only] = parts;
  // Nobody's waiting to end: what most operations are.
  if (parts.length === 1 && only !== undefined && 'requestId' in only)
    return [await pollFuture(runtime, { ...target, requestId: only.requestId }, scope, listen)];
  const together = createAbortGroup(scope.signal);
  try {
    return await Promise.all(
      parts.map(async (part) => {
        if ('settled' in part) return part.settled;
        const inner = { signal: together.join(), deadlineAt: scope.deadlineAt };
        try {
          return await pollFuture(runtime, { ...target, requestId: part.requestId }, inner, listen);
        } catch (error) {
          together.abort(error);
          throw error;
        }
      }),
    );
  } finally {
    together.dispose();
  }
}
