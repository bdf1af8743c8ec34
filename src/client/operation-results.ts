import { TinkerResponseError } from '../kernel/errors.ts';
import type { CheckedDatum } from '../wire/checked-datum.ts';
import { sizeOf } from '../wire/checked-tensor.ts';
import { readSample } from '../wire/json/sampling.ts';
import { readForwardBackward } from '../wire/json/training.ts';
import { decodeForwardBackwardOutput } from '../wire/proto/forward-backward-output.ts';
import { decodeSampleResponse } from '../wire/proto/sample-response.ts';
import type { SampleResponse } from '../wire/types/sampling.ts';
import type { ForwardBackwardOutput } from '../wire/types/training.ts';
import { combineOutputs } from './passes/combine-outputs.ts';

/** Reads the result of an operation that is always one part. */
export function onePart<T>(read: (body: unknown) => T): (bodies: readonly unknown[]) => T {
  return ([body]) => {
    if (body instanceof Uint8Array)
      throw new TinkerResponseError('The result came as protobuf, in which this operation has none');
    return read(body);
  };
}

/** Result of a pass, from its chunks' results in order: what the server says decides whether it is protobuf. */
export function readPass(bodies: readonly unknown[]): ForwardBackwardOutput {
  return combineOutputs(
    bodies.map((body) =>
      body instanceof Uint8Array ? decodeForwardBackwardOutput(body) : readForwardBackward(body),
    ),
  );
}

/**
 * Result of a pass, where targets come in rows of those.
 *
 * @throws TinkerResponseError - from a server that has taken the rows for one target at each position: what it computed
 *   is something else, and so is the gradient that it has added.
 */
export function alignedWithRows(
  output: ForwardBackwardOutput,
  data: readonly CheckedDatum[],
): ForwardBackwardOutput {
  for (const [index, { lossFnInputs }] of data.entries()) {
    const { shape = [] } = lossFnInputs['target_tokens'] ?? {};
    const got = output.lossFnOutputs[index]?.['logprobs']?.data.length;
    if (shape.length < 2 || got === undefined || got === sizeOf(shape)) continue;
    const words = `The server returned ${got} log-probabilities for the ${sizeOf(shape)} targets of data[${index}]`;
    throw new TinkerResponseError(words, {
      hint: 'It seems not to take rows of targets: go on from the last checkpoint, with one target for each token',
    });
  }
  return output;
}

/** Result of a sample. @param promptLength - In tokens; `undefined` where it cannot be known. */
export function readSampled([body]: readonly unknown[], promptLength: number | undefined): SampleResponse {
  const response =
    body instanceof Uint8Array ? decodeSampleResponse(body, promptLength) : readSample(body, promptLength);
  for (const [index, { tokens, logprobs }] of response.sequences.entries()) {
    if (logprobs === undefined || logprobs.length === tokens.length) continue;
    // Whoever trains on them would weigh each token by another one's.
    const words = `${logprobs.length} log-probabilities for the ${tokens.length} tokens of sequences[${index}]`;
    throw new TinkerResponseError(`The server returned ${words}`);
  }
  return response;
}

/** A sample that was asked for with what belongs to the prompt. @throws TinkerResponseError - where that is of another. */
export function alignedWithPrompt(
  response: SampleResponse,
  promptLength: number | undefined,
): SampleResponse {
  const { promptLogprobs, topkPromptLogprobs } = response;
  const lengths = [promptLogprobs?.length, topkPromptLogprobs?.length];
  const other = lengths.find((length) => length !== undefined && length !== promptLength);
  if (promptLength === undefined || other === undefined) return response;
  throw new TinkerResponseError(
    `The server returned log-probabilities for ${other} prompt tokens, and the prompt has ${promptLength}`,
  );
}

/** What `computeLogprobs` makes of a sample: one number for each token of the prompt. */
export function promptLogprobsOf(
  { promptLogprobs }: SampleResponse,
  promptLength: number | undefined,
): Float32Array<ArrayBuffer> {
  // Nothing comes before a single token; servers that leave the first number out send none at all.
  if (promptLength === 1) return Float32Array.of(Number.NaN);
  if (promptLogprobs !== undefined && (promptLength === undefined || promptLogprobs.length === promptLength))
    return promptLogprobs;
  const tokens = promptLength === undefined ? 'a prompt with images' : `${promptLength} tokens`;
  throw new TinkerResponseError(
    `The server returned ${promptLogprobs?.length ?? 'no'} prompt log-probabilities for ${tokens}`,
  );
}
