import { createAbortGroup } from '../kernel/abort-group.ts';
import { TinkerBatchError } from '../kernel/batch-error.ts';
import { TinkerAmbiguousSubmitError, TinkerPoisonedError } from '../kernel/submission-errors.ts';
import { createLimiter } from '../policy/limiter.ts';
import type { SettledSubmission, SubmittedFuture } from '../wire/json/futures.ts';
import { type NumberedOutcome, type NumberedRequest, submitNumbered } from './numbered-submission.ts';
import type { SubmissionObserver } from './operation-view.ts';
import type { PassRuntime } from './runtime.ts';
import type { OnLimit, Scope } from './scope.ts';

/** Requests that belong together: one, or the chunks of a pass, numbered in a row. */
export interface Batch {
  readonly requests: readonly NumberedRequest[];
  /** What a part of it leaves behind on the server is not nothing: a gradient. @default false */
  readonly accumulates?: boolean | undefined;
  /** Looked at when the turn has come; what it throws fails the batch before it takes a number. */
  precondition?(): void;
  /** Told, while the turn is still held, that the server accepted all of it. */
  accepted?(): void;
}

/** What the server made of a batch, in the order of its requests. */
export type SubmittedBatch = readonly (SubmittedFuture | SettledSubmission)[];

/** Submit one batch of a turn. */
export type SubmitInTurn = (batch: Batch) => Promise<SubmittedBatch>;

/** The order of one model's requests: the server runs them by sequence id, and holds later ones for a missing one. */
export interface Turns {
  /** Submit in call order, one batch at a time; results are polled elsewhere, side by side. */
  submit(scope: Scope, batch: Batch, observer?: SubmissionObserver): Promise<SubmittedBatch>;
  /** Hold one turn for as long as `work` takes, for several batches between which no other request may come. */
  hold<T>(
    scope: Scope,
    work: (submit: SubmitInTurn) => Promise<T>,
    observer?: SubmissionObserver,
  ): Promise<T>;
}

/** One request of a batch, its number, and what became of it. */
interface Slot {
  readonly request: NumberedRequest;
  readonly sequenceId: number;
  outcome: NumberedOutcome | undefined;
}

/**
 * Turns that leave no hole. Numbers are taken when their turn comes, not when the call is made, so a call that is
 * aborted in the queue takes none; what the server refused, or what provably never left, is used again.
 *
 * The chunks of a batch go side by side, the first one last (protocol 5.4). Where some of them are refused, the numbers
 * between those that were taken are filled with a request that changes nothing, so that the model goes on.
 *
 * Where it stays unknown whether a number is taken the order is lost: the batch fails with a
 * {@link TinkerAmbiguousSubmitError}, and every later one with a {@link TinkerPoisonedError}. On a server that does not
 * know a number again, nothing that was lost is repeated.
 *
 * @param filler - A request that every model accepts, and that changes nothing.
 */
export function createTurns(runtime: PassRuntime, filler: () => NumberedRequest): Turns {
  const limiter = createLimiter(1);
  let nextId = 1;
  let poison: TinkerPoisonedError | undefined;

  /** Whatever happens to one of them, the others' fates must be known before the numbers can be counted. */
  async function submitAll(
    slots: readonly Slot[],
    caller: Scope,
    observer: SubmissionObserver | undefined,
  ): Promise<void> {
    // A chunk that is refused keeps back those that were not sent yet, and the waves behind it.
    const others = createAbortGroup(caller.signal);
    let { onLimit } = caller;
    const submit = async (slot: Slot): Promise<void> => {
      const scope = { ...caller, signal: others.join(), onLimit };
      slot.outcome = await submitNumbered(runtime, slot.request, slot.sequenceId, scope, observer);
      if (slot.outcome.kind !== 'taken') others.abort(slot.outcome.error);
    };
    try {
      for (const wave of wavesOf(slots, caller.onLimit ?? runtime.onLimit)) {
        await Promise.all(wave.map(submit));
        // With a part of it accepted the rest waits at limits: to be turned away would leave the pass half done.
        onLimit = 'wait';
      }
    } finally {
      others.dispose();
    }
  }

  /** Which requests go side by side, one such group behind the other (protocol 5.4). */
  function wavesOf(slots: readonly Slot[], onLimit: OnLimit): readonly (readonly Slot[])[] {
    if (!runtime.settings.current.parallelChunks) return slots.map((slot) => [slot]);
    const [first, rest] = [slots.slice(0, 1), slots.slice(1)];
    // Who does not want to wait goes ahead with one, which is turned away or lets all of them in.
    const waves = onLimit === 'throw' ? [rest.slice(0, 1), rest.slice(1), first] : [rest, first];
    return waves.filter((wave) => wave.length > 0);
  }

  /** Later requests wait on the server for every number before them. */
  async function fillHoles(slots: readonly Slot[], lastTaken: number): Promise<void> {
    const holes = slots.filter(
      ({ sequenceId, outcome }) => sequenceId < lastTaken && outcome?.kind !== 'taken',
    );
    const outcomes = await Promise.all(
      holes.map(async ({ sequenceId }) => ({
        sequenceId,
        outcome: await runtime.scopes.run({}, (scope) =>
          submitNumbered(runtime, filler(), sequenceId, { ...scope, onLimit: 'wait' }, undefined),
        ),
      })),
    );
    const open = outcomes.find(({ outcome }) => outcome.kind !== 'taken');
    if (open !== undefined && open.outcome.kind !== 'taken') throw lose(open.sequenceId, open.outcome.error);
  }

  /** From here on nothing can be numbered. */
  function lose(sequenceId: number, error: unknown): TinkerAmbiguousSubmitError {
    const lost = new TinkerAmbiguousSubmitError(sequenceId, nextId - 1, error);
    poison = new TinkerPoisonedError(sequenceId, nextId - 1, lost);
    return lost;
  }

  async function submitBatch(
    batch: Batch,
    caller: Scope,
    observer: SubmissionObserver | undefined,
  ): Promise<SubmittedBatch> {
    if (poison !== undefined) throw poison;
    batch.precondition?.();
    const slots: Slot[] = batch.requests.map((request, index) => ({
      request,
      sequenceId: nextId + index,
      outcome: undefined,
    }));
    await submitAll(slots, caller, observer);
    const taken = slots.flatMap(({ outcome }) => (outcome?.kind === 'taken' ? [outcome.submission] : []));
    if (taken.length === slots.length) {
      nextId += slots.length;
      batch.accepted?.();
      return taken;
    }
    const lost = slots.find(({ outcome }) => outcome?.kind === 'lost');
    if (lost?.outcome?.kind === 'lost') throw lose(lost.sequenceId, lost.outcome.error);
    // The one that failed first: those kept back for it failed with its error.
    const [error] = slots.flatMap(({ outcome }) => (outcome?.kind === 'free' ? [outcome.error] : []));
    if (taken.length === 0) throw error;
    const lastTaken = Math.max(
      ...slots.map(({ sequenceId, outcome }) => (outcome?.kind === 'taken' ? sequenceId : 0)),
    );
    await fillHoles(slots, lastTaken);
    nextId = lastTaken + 1;
    caller.signal.throwIfAborted();
    throw batch.accumulates === true ? new TinkerBatchError(slots.length, taken.length, error) : error;
  }

  const hold: Turns['hold'] = (scope, work, observer) =>
    limiter.run(scope.signal, () => work((batch) => submitBatch(batch, scope, observer)));

  return { hold, submit: (scope, batch, observer) => hold(scope, (submit) => submit(batch), observer) };
}
