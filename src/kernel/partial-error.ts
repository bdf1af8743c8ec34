import { bareMessage } from './bare-message.ts';
import { isTinkerError, TinkerError } from './errors.ts';

/** One of many, and why it failed. */
export interface PartialFailure {
  /** What it was about, as it was given. */
  readonly item: string;
  /** What it failed with. */
  readonly error: unknown;
}

/** Some of many failed, and the others were done: `partly_failed`. */
export class TinkerPartialError extends TinkerError {
  override readonly name = 'TinkerPartialError';
  /** Those that failed, in the order given. */
  readonly failures: readonly PartialFailure[];
  /** Those that were done, in the order given. */
  readonly done: readonly string[];

  /** @internal @param what - What was done with each, e.g. `deleted`. */
  constructor(what: string, failures: readonly PartialFailure[], done: readonly string[]) {
    const [first] = failures;
    const errors = failures.map(({ error }) => error);
    const named = failures.map(({ item, error }) => `${item} (${bareMessage(error)})`).join(', ');
    const category = isTinkerError(first?.error) ? first.error.category : 'server';
    super(
      'partly_failed',
      category,
      `${failures.length} of ${failures.length + done.length} could not be ${what}: ${named}`,
      {
        cause: first?.error,
        hint: `${done.length > 0 ? 'The others are done; ' : ''}failures holds the error of each`,
        retryable: errors.every((error) => isTinkerError(error) && error.retryable),
      },
    );
    this.failures = failures;
    this.done = done;
  }
}
