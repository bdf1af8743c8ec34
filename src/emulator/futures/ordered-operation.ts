import type { Account } from '../accounts/accounts.ts';
import { type Fields, fieldsOf } from '../http/fields.ts';
import { type Call, type Handler, json } from '../http/http.ts';
import type { EmulatorState } from '../state.ts';
import { requireLoaded, type TrainingRun } from '../training/training-runs.ts';
import { PLAIN_JSON, type ResultEncoding } from './result-encoding.ts';

/** What a route of a model makes of a request: the job to run when its turn comes. */
export type Prepare = (run: TrainingRun, fields: Fields) => () => object | Promise<object>;

/** What ordered operations need of the emulator. */
export type OperationState = Pick<EmulatorState, 'runs' | 'sessions' | 'futures'>;

/** An operation of a model, as its request brings it. */
export interface OrderedOperation<T> {
  readonly account: Account;
  readonly modelId: string;
  /** Undefined for the next in line. */
  readonly sequenceId: number | undefined;
  /** What a repetition has in common with its first request. */
  readonly identity: Uint8Array;
  readonly encoding: ResultEncoding<T>;
  prepare(run: TrainingRun): () => T | Promise<T>;
}

/** Accept an operation that runs in the order of its model's sequence ids, once per id (protocol 5.3). */
export function submitInOrder<T>(
  { runs, sessions, futures }: OperationState,
  { account, modelId, sequenceId, identity, encoding, prepare }: OrderedOperation<T>,
): Response {
  const run = runs.touch(modelId, account);
  sessions.touch(run.session.id, account);
  // Prepared before it is numbered: a request that cannot be read takes no number.
  const job = prepare(run);
  const runJob = (): T | Promise<T> => {
    requireLoaded(run);
    return job();
  };
  const open = (): string => futures.open(run.jobs.run(sequenceId, runJob), encoding);
  const requestId = sequenceId === undefined ? open() : run.requests.once(sequenceId, identity, open);
  return json({ request_id: requestId, model_id: run.id });
}

/**
 * A route of such operations, in JSON both ways.
 *
 * @param identify - What a repetition has in common with its first request. Default: every byte of the body.
 */
export function orderedOperation(
  state: OperationState,
  prepare: Prepare,
  identify: (call: Call) => Uint8Array = ({ bytes }) => bytes,
): Handler {
  return (call) => {
    const fields = fieldsOf(call.body);
    return submitInOrder(state, {
      account: call.account,
      modelId: fields.text('model_id'),
      sequenceId: fields.optionalInteger('seq_id'),
      identity: identify(call),
      encoding: PLAIN_JSON,
      prepare: (run) => prepare(run, fields),
    });
  };
}
