import { isTinkerError, type TinkerApiError, type TinkerError } from '../kernel/errors.ts';
import { TinkerUnsupportedError } from '../kernel/unsupported-error.ts';
import { isRouteMissing } from '../transport/classify.ts';

/** Whether an error is the answer of a server that has no such route (servers.md 2.1 item 38). */
export function isMissingRoute(error: unknown): error is TinkerApiError {
  return isTinkerError(error, 'http_status') && isRouteMissing(error);
}

/** The error as it is, or where it means that the server lacks the route, the one that says so. */
export function asUnsupported(route: string, error: TinkerError): TinkerError {
  if (!isMissingRoute(error)) return error;
  const unsupported = new TinkerUnsupportedError(route, { cause: error });
  unsupported.attempts = error.attempts;
  return unsupported;
}
