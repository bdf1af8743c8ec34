import { bareMessage } from './bare-message.ts';
import { TinkerError } from './errors.ts';

/**
 * A pass that went in several chunks was taken only in part: `batch_incomplete`. The chunks that were taken have added
 * their part of the gradient; the order of the model's requests is kept, so the client goes on.
 */
export class TinkerBatchError extends TinkerError {
  override readonly name = 'TinkerBatchError';
  /** Chunks of the pass. */
  readonly chunks: number;
  /** Of those, how many the server took. */
  readonly acceptedChunks: number;

  /** @internal */
  constructor(chunks: number, acceptedChunks: number, cause: unknown) {
    const why = cause === undefined ? '' : `: ${bareMessage(cause)}`;
    super(
      'batch_incomplete',
      'protocol',
      `The server took ${acceptedChunks} of the ${chunks} chunks of this pass, and their part of the gradient has accumulated${why}`,
      { cause, hint: 'Load the last checkpoint before the next optimizer step' },
    );
    this.chunks = chunks;
    this.acceptedChunks = acceptedChunks;
  }
}
