import { isTinkerError } from '../../kernel/errors.ts';
import { asUnsupported, isMissingRoute } from '../../operations/missing-route.ts';
import { type ResilientRequest, type Runtime, sendResilient } from '../../operations/runtime.ts';
import type { CallOptions, LastHeard, Scope } from '../../operations/scope.ts';
import { createSubmissionFate } from '../../operations/submission-fate.ts';
import { isRouteMissing, statusError } from '../../transport/classify.ts';

/** A request of the REST client. */
export type RestRequest = Omit<ResilientRequest, 'lane' | 'scope' | 'isFinal'>;

/**
 * Send one as part of a call.
 *
 * @throws TinkerUnsupportedError - where the server has no such route (servers.md 2.1 item 38).
 */
export async function sendRest(runtime: Runtime, scope: Scope, request: RestRequest): Promise<unknown> {
  try {
    // A 501 could be taken for an outage otherwise.
    return await sendResilient(runtime, { ...request, lane: 'rest', scope, isFinal: isMissingRoute });
  } catch (error) {
    const [path = ''] = request.path.split('?', 1);
    throw isTinkerError(error) ? asUnsupported(`${request.method} ${path}`, error) : error;
  }
}

/** For the time-out of a call: which request it was. */
export function lastOf({ method, path }: Pick<RestRequest, 'method' | 'path'>): () => LastHeard {
  return () => ({ words: `${method} ${path.split('?', 1)[0]}` });
}

/** A call that is one request. */
export function askRest<T>(
  runtime: Runtime,
  request: RestRequest,
  read: (body: unknown) => T,
  options: CallOptions = {},
): Promise<T> {
  return runtime.scopes.run(
    options,
    async (scope) => {
      try {
        return read(await sendRest(runtime, scope, request));
      } catch (error) {
        if (!scope.signal.aborted || isTinkerError(error, 'timed_out')) runtime.telemetry.failed(error);
        throw error;
      }
    },
    lastOf(request),
  );
}

/**
 * Ask for a change; any 2xx is a success, whatever it says (servers.md 2.1 item 23). After an attempt whose fate is
 * unknown, an answer of `doneStatus` is one as well: it says that there is nothing left to change.
 */
export async function changeRest(
  runtime: Runtime,
  scope: Scope,
  request: RestRequest,
  doneStatus?: number,
): Promise<void> {
  const fate = createSubmissionFate();
  await sendRest(runtime, scope, {
    ...request,
    onSend: () => fate.sent(),
    onFailure: (error) => fate.failed(error),
    special: (answer) => {
      const isDone = fate.isUnknown && answer.status === doneStatus;
      const isSuccess = answer.status >= 200 && answer.status < 300;
      return isSuccess || (isDone && !isRouteMissing(statusError(answer, runtime.clock.now())))
        ? { value: undefined }
        : undefined;
    },
  });
}
