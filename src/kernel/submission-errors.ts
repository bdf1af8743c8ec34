import { bareMessage } from './bare-message.ts';
import { TinkerError } from './errors.ts';

const ADVICE = 'Continue from the last checkpoint with a new training client';

const lastWords = (lastAcceptedId: number): string =>
  lastAcceptedId === 0 ? 'none before it was accepted' : `the last one accepted is ${lastAcceptedId}`;

/**
 * A numbered training request may or may not have reached the server, and sending it again could apply it twice:
 * `submit_ambiguous`. The client it belongs to refuses everything later with a {@link TinkerPoisonedError}.
 */
export class TinkerAmbiguousSubmitError extends TinkerError {
  override readonly name = 'TinkerAmbiguousSubmitError';
  /** Sequence id of the request whose fate is unknown. */
  readonly sequenceId: number;
  /** Sequence id of the last request that the server accepted; 0 for none. */
  readonly lastAcceptedId: number;

  /** @internal */
  constructor(sequenceId: number, lastAcceptedId: number, cause: unknown) {
    const why = cause === undefined ? '' : `: ${bareMessage(cause)}`;
    super(
      'submit_ambiguous',
      'protocol',
      `Training request ${sequenceId} may or may not have reached the server (${lastWords(lastAcceptedId)})${why}`,
      { cause, hint: ADVICE },
    );
    this.sequenceId = sequenceId;
    this.lastAcceptedId = lastAcceptedId;
  }
}

/**
 * The fate of an earlier numbered request is unknown, so no later one can be numbered safely: `client_poisoned`.
 * Save nothing more with this client; continue from the last checkpoint with a new one.
 */
export class TinkerPoisonedError extends TinkerError {
  override readonly name = 'TinkerPoisonedError';
  /** Sequence id of the request whose fate is unknown. */
  readonly sequenceId: number;
  /** Sequence id of the last request that the server accepted; 0 for none. */
  readonly lastAcceptedId: number;

  /** @internal */
  constructor(sequenceId: number, lastAcceptedId: number, cause: unknown) {
    super(
      'client_poisoned',
      'protocol',
      `Not sent: the fate of training request ${sequenceId} is unknown (${lastWords(lastAcceptedId)})`,
      { cause, hint: ADVICE },
    );
    this.sequenceId = sequenceId;
    this.lastAcceptedId = lastAcceptedId;
  }
}
