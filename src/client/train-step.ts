import { TinkerOperationError } from '../kernel/errors.ts';
import type { ApiFuture } from '../operations/api-future.ts';
import type { Batch } from '../operations/turns.ts';
import type { ForwardBackwardOutput, OptimStepResponse } from '../wire/types/training.ts';

/** What {@link TrainStep} resolves to. */
export interface TrainStepOutput {
  /** Loss, log-probabilities and metrics of the pass. */
  readonly forwardBackward: ForwardBackwardOutput;
  /** What the optimizer reported. */
  readonly optimStep: OptimStepResponse;
}

/** One step of training under way: await it for both results, or await its halves. */
export interface TrainStep extends PromiseLike<TrainStepOutput> {
  /** The pass, submitted first. */
  readonly forwardBackward: ApiFuture<ForwardBackwardOutput>;
  /** The optimizer's step, submitted behind it. */
  readonly optimStep: ApiFuture<OptimStepResponse>;
}

/** Ties an optimizer's step to the pass before it: it is not sent unless all of the pass was accepted. */
export function chained(): {
  readonly pass: Pick<Required<Batch>, 'accepted'>;
  readonly step: Pick<Required<Batch>, 'precondition'>;
} {
  let isAccepted = false;
  return {
    pass: {
      accepted() {
        isAccepted = true;
      },
    },
    step: {
      precondition() {
        if (isAccepted) return;
        throw new TinkerOperationError(
          'operation_failed',
          'user',
          'Not sent: the forward-backward pass before it was not submitted',
          { hint: 'The error of the pass, trainStep(…).forwardBackward, says why' },
        );
      },
    },
  };
}

/** Both halves as one. */
export function joinTrainStep(
  forwardBackward: ApiFuture<ForwardBackwardOutput>,
  optimStep: ApiFuture<OptimStepResponse>,
): TrainStep {
  return {
    forwardBackward,
    optimStep,
    // biome-ignore lint/suspicious/noThenProperty: a step is awaited like the two results it stands for.
    then: (onValue, onError) =>
      Promise.all([forwardBackward, optimStep])
        .then(([forwardBackward, optimStep]) => ({ forwardBackward, optimStep }))
        .then(onValue, onError),
  };
}
