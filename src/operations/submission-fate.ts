import { isTinkerError } from '../kernel/errors.ts';

/** What is known of a request that is sent again until it is answered. */
export interface SubmissionFate {
  /** An attempt is handed to `fetch`. */
  sent(): void;
  /** The attempt failed. */
  failed(error: unknown): void;
  /** The attempt failed, and the server provably did not take the request. */
  refused(): void;
  /** An attempt is under way. */
  readonly isInFlight: boolean;
  /** An attempt failed in a way that leaves open whether the server took the request. */
  readonly isUnknown: boolean;
}

/** Nothing was sent yet. */
export function createSubmissionFate(): SubmissionFate {
  return new Fate();
}

/** A class, for there is one in each operation: accessors of its own would make every object one of a kind. */
class Fate implements SubmissionFate {
  isInFlight = false;
  isUnknown = false;

  sent(): void {
    this.isInFlight = true;
  }

  failed(error: unknown): void {
    this.isUnknown ||= this.isInFlight && !isRefusal(error);
    this.isInFlight = false;
  }

  refused(): void {
    this.isInFlight = false;
  }
}

/** Whether the failure of a request that was sent proves that the server did not take it: it said no, or never heard. */
function isRefusal(error: unknown): boolean {
  if (isTinkerError(error, 'connection_failed')) return error.isUnsent;
  // What a 429 or a 402 becomes for those who do not want to wait.
  if (isTinkerError(error, 'limit_reached')) return true;
  return (
    isTinkerError(error, 'http_status') && error.status >= 400 && error.status < 500 && error.status !== 408
  );
}
