import { float32Bytes, int32Bytes } from './little-endian.ts';
import { writeMessage } from './wire-writer.ts';

/** A `SampleResponse` (protocol 4.2). */
export interface SampleResponseMessage {
  readonly sequences: readonly SampledSequenceMessage[];
  /** NaN where it is not known, as for the first token. */
  readonly promptLogprobs: Float32Array | undefined;
  readonly topkPromptLogprobs: TopkMatrix | undefined;
  readonly promptCacheHitTokens: number;
}

/** One sample. */
export interface SampledSequenceMessage {
  readonly stopReason: 'stop' | 'length';
  readonly tokens: Int32Array;
  readonly logprobs: Float32Array;
}

/** The likeliest tokens at each position of a prompt: row-major, a row for each token of it, `k` cells a row. */
export interface TopkMatrix {
  readonly k: number;
  /** 0 in an empty cell. */
  readonly tokens: Int32Array;
  /** {@link EMPTY_CELL} in an empty cell. */
  readonly logprobs: Float32Array;
}

/** The log-prob in a cell that holds no token. */
export const EMPTY_CELL = -99_999;

const STOP_REASONS = { stop: 0, length: 1 } as const;

/** The message's bytes. What the request did not ask for is not there. */
export function encodeSampleResponse(response: SampleResponseMessage): Uint8Array<ArrayBuffer> {
  const message = writeMessage();
  for (const { stopReason, tokens, logprobs } of response.sequences) {
    message.message(
      1,
      writeMessage()
        .integer(1, STOP_REASONS[stopReason])
        .bytes(2, int32Bytes(tokens))
        .present(3, float32Bytes(logprobs)),
    );
  }
  if (response.promptLogprobs !== undefined) message.present(2, float32Bytes(response.promptLogprobs));
  if (response.topkPromptLogprobs !== undefined) {
    const { k, tokens, logprobs } = response.topkPromptLogprobs;
    message.message(
      3,
      writeMessage()
        .bytes(1, int32Bytes(tokens))
        .bytes(2, float32Bytes(logprobs))
        .integer(3, k)
        .integer(4, tokens.length / k),
    );
  }
  return message.integer(4, response.promptCacheHitTokens).finish();
}
