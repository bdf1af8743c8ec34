import { raceAbort } from '../../kernel/abort.ts';
import { pollParts } from '../../operations/polling/poll-parts.ts';
import type { OperationObserver } from '../../operations/run-operation.ts';
import type { Runtime } from '../../operations/runtime.ts';
import type { Scope } from '../../operations/scope.ts';
import type { SubmittedBatch, Turns } from '../../operations/turns.ts';
import type { CheckedDatum } from '../../wire/checked-datum.ts';
import type { Datum } from '../../wire/types/datum.ts';
import { readPass } from '../operation-results.ts';
import type { TrainingRequests } from '../training-requests.ts';
import {
  backwardData,
  type CustomLoss,
  type CustomLossResult,
  forwardData,
  logprobsOf,
} from './custom-loss.ts';

/** What a pass with a loss of the caller's own needs. */
export interface CustomLossParts {
  readonly runtime: Runtime;
  readonly turns: Turns;
  readonly requests: TrainingRequests;
  /** As the caller gave them: what the loss function sees. */
  readonly data: readonly Datum<'cross_entropy'>[];
  readonly checked: readonly CheckedDatum[];
  readonly customLoss: CustomLoss;
  /** Told what the loss function returned. */
  evaluated(result: CustomLossResult): void;
}

/** Forward pass, the caller's loss, and the pass that carries its gradient, in one turn (protocol 5.6). */
export function submitCustomLoss(
  { runtime, turns, requests, data, checked, customLoss, evaluated }: CustomLossParts,
  scope: Scope,
  observer: OperationObserver,
): Promise<SubmittedBatch> {
  return turns.hold(
    scope,
    async (submit) => {
      const parts = await submit(requests.pass('forward', forwardData(checked)).batch());
      const target = { type: 'Forward', isLarge: true } as const;
      const bodies = await pollParts(runtime, parts, target, scope, (heard, status) =>
        observer.heard(heard, status),
      );
      observer.onWait('the custom loss runs');
      const logprobs = logprobsOf(checked, readPass(bodies));
      const result = await raceAbort(scope.signal, Promise.resolve(customLoss(data, logprobs)));
      const pass = requests.pass('forward_backward', backwardData(checked, result));
      evaluated(result);
      return submit(pass.batch());
    },
    observer,
  );
}
