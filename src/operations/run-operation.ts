import { sleep } from '../kernel/abort.ts';
import { isTinkerError } from '../kernel/errors.ts';
import { resubmitDelay } from '../policy/backoff.ts';
import type { HandleDetails } from './future-handle.ts';
import type { Meter, TokenUsage } from './metering.ts';
import { aboutResult } from './operation-errors.ts';
import type { OperationView, SubmissionObserver } from './operation-view.ts';
import { pollParts } from './polling/poll-parts.ts';
import type { RequestType } from './polling/poll-request.ts';
import type { QueueObserver } from './queue-observer.ts';
import type { Runtime } from './runtime.ts';
import type { Scope } from './scope.ts';
import type { SubmittedBatch } from './turns.ts';

/** What a submission tells, and what it may tell of polls that are part of it. */
export type OperationObserver = SubmissionObserver & Pick<OperationView, 'heard'>;

/** What distinguishes one kind of operation from another. */
export interface OperationSpec<T> {
  /** Path of its submission, to tell operations apart. */
  readonly path: string;
  readonly type: RequestType;
  /** Its result may be large, and come as protobuf. @default false */
  readonly isLarge?: boolean | undefined;
  /** Hand it to the server. Its turn, its number, its limits and its retries are in here. */
  submit(scope: Scope, observer: OperationObserver, isResubmission: boolean): Promise<SubmittedBatch>;
  /** The result from the bodies of its parts, in order: of one, unless it was submitted in chunks. */
  decode(bodies: readonly unknown[]): T;
  /** What another process needs to know to read the result. @default it cannot */
  readonly handle?: (() => HandleDetails) | undefined;
  /** What it spends of the service's tokens. @default nothing */
  readonly metering?: OperationMetering<T> | undefined;
  /** Hears of its queue states. @default nobody */
  readonly observer?: QueueObserver | undefined;
  /** What surrounds the whole of it, e.g. a permit that is held to its end. @default nothing */
  readonly within?: (<R>(scope: Scope, work: (scope: Scope) => Promise<R>) => Promise<R>) | undefined;
  /** A result that the server lost is asked for anew, with a new submission. @default false */
  readonly resubmitsExpired?: boolean | undefined;
}

/** How the tokens of an operation are counted. */
export interface OperationMetering<T> {
  readonly meter: Meter;
  /** The most it can spend. */
  readonly estimate: number;
  /** What it spent. */
  usage(result: T): Partial<TokenUsage>;
}

/** Submit and poll; where a lost result may be asked for anew, as often as it takes, with growing pauses. */
export async function runToResult<T>(
  runtime: Runtime,
  spec: OperationSpec<T>,
  { view, startedAt, requestIds }: Running,
  scope: Scope,
): Promise<T> {
  for (let resubmissions = 0; ; resubmissions++) {
    // What was accepted once is not given up for a limit.
    const submission = await spec.submit(
      resubmissions > 0 ? { ...scope, onLimit: 'wait' } : scope,
      view,
      resubmissions > 0,
    );
    for (const part of submission) if ('requestId' in part) requestIds.push(part.requestId);
    if (requestIds[0] !== undefined) view.accepted(requestIds[0]);
    try {
      const { type, isLarge } = spec;
      const target = { type, isLarge, submittedMs: runtime.clock.monotonic() - startedAt };
      const bodies = await pollParts(runtime, submission, target, scope, (heard, status) =>
        view.heard(heard, status),
      );
      return decoded(spec, view, bodies);
    } catch (error) {
      scope.signal.throwIfAborted();
      if (spec.resubmitsExpired !== true || !isTinkerError(error, 'result_expired')) throw error;
      view.resubmitting(error);
      requestIds.length = 0;
      await sleep(runtime.clock, resubmitDelay(resubmissions, runtime.random), scope.signal);
    }
  }
}

function decoded<T>({ decode, type }: OperationSpec<T>, view: OperationView, bodies: readonly unknown[]): T {
  try {
    return decode(bodies);
  } catch (error) {
    throw aboutResult({ requestId: view.requestId, type }, error);
  }
}

/** An operation under way. */
export interface Running {
  readonly view: OperationView;
  readonly startedAt: number;
  /** Of its parts that the server accepted. */
  readonly requestIds: string[];
}
