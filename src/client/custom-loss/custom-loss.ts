import { checkFinite, checkRecord, show } from '../../kernel/checks.ts';
import { TinkerInputError, TinkerResponseError } from '../../kernel/errors.ts';
import type { CheckedDatum, CheckedTensor } from '../../wire/checked-datum.ts';
import { sizeOf } from '../../wire/checked-tensor.ts';
import type { Datum, FloatInput } from '../../wire/types/datum.ts';
import type { ForwardBackwardOutput } from '../../wire/types/training.ts';

/** What a loss of your own makes of the log-probabilities. */
export interface CustomLossResult {
  /** The loss; reported as the metric `custom_loss`. */
  readonly loss: number;
  /**
   * dLoss/dLogprob, one number per target token: one array per datum, each as long as its log-probabilities, and row by row
   * where there are rows of targets.
   */
  readonly gradients: readonly FloatInput[];
  /** Metrics of your own; they win over the server's of the same name. @default none */
  readonly metrics?: Readonly<Record<string, number>> | undefined;
}

/**
 * A loss of your own (protocol 5.6): gets the data and the log-probability of each target token under the model, and
 * gives the loss and its gradient. It may take its time; the model's other requests wait for it, so it must not await one
 * of them: that would wait for itself.
 */
export type CustomLoss = (
  data: readonly Datum<'cross_entropy'>[],
  logprobs: readonly Float32Array<ArrayBuffer>[],
) => CustomLossResult | Promise<CustomLossResult>;

/** The pass that only asks for log-probabilities: weights are zero where the caller gave none. */
export function forwardData(data: readonly CheckedDatum[]): CheckedDatum[] {
  return data.map(({ chunks, lossFnInputs }) => ({
    chunks,
    lossFnInputs: {
      weights: weightsOf(lossFnInputs, new Float32Array(lengthOf(lossFnInputs))),
      ...lossFnInputs,
    },
  }));
}

/** @throws TinkerResponseError - where the server did not give one log-probability for each target. */
export function logprobsOf(
  data: readonly CheckedDatum[],
  output: ForwardBackwardOutput,
): Float32Array<ArrayBuffer>[] {
  return data.map(({ lossFnInputs }, index) => {
    const logprobs = output.lossFnOutputs[index]?.['logprobs']?.data;
    const length = lengthOf(lossFnInputs);
    if (logprobs instanceof Float32Array && logprobs.length === length) return logprobs;
    throw new TinkerResponseError(
      `The server returned ${logprobs?.length ?? 'no'} log-probabilities for the ${length} targets of data[${index}]`,
    );
  });
}

/**
 * The data of the pass that carries the gradient: cross-entropy is sum(-logprob * weight), so a weight of minus the
 * gradient makes the server's gradient equal to it.
 *
 * @throws TinkerInputError - naming what is wrong with the loss function's result.
 */
export function backwardData(data: readonly CheckedDatum[], result: CustomLossResult): CheckedDatum[] {
  checkRecord('customLoss()', result, 'an object with loss and gradients');
  checkFinite('customLoss().loss', result.loss);
  checkMetrics(result.metrics);
  const { gradients } = result;
  if (!Array.isArray(gradients) || gradients.length !== data.length) {
    const got = Array.isArray(gradients) ? gradients.length : show(gradients);
    throw new TinkerInputError(
      'customLoss().gradients',
      `must hold one array for each of the ${data.length} data, got ${got}`,
    );
  }
  return data.map(({ chunks, lossFnInputs }, index) => {
    const weights = negated(
      `customLoss().gradients[${index}]`,
      gradients[index] as FloatInput,
      lengthOf(lossFnInputs),
    );
    return { chunks, lossFnInputs: { ...lossFnInputs, weights: weightsOf(lossFnInputs, weights) } };
  });
}

/** The server's output with the loss and the caller's metrics in it. */
export function withMetrics(output: ForwardBackwardOutput, result: CustomLossResult): ForwardBackwardOutput {
  return { ...output, metrics: { ...output.metrics, ...customMetrics(result) } };
}

/** The loss and the caller's metrics, by name. */
export function customMetrics({ loss, metrics }: CustomLossResult): Readonly<Record<string, number>> {
  return { custom_loss: loss, ...metrics };
}

/** NaN is a metric too. */
function checkMetrics(metrics: unknown): void {
  if (metrics === undefined) return;
  if (typeof metrics !== 'object' || metrics === null) {
    throw new TinkerInputError('customLoss().metrics', `must be an object of numbers, got ${show(metrics)}`);
  }
  for (const [name, value] of Object.entries(metrics)) {
    if (typeof value === 'number') continue;
    throw new TinkerInputError(`customLoss().metrics.${name}`, `must be a number, got ${show(value)}`);
  }
}

/** Number of targets, those that a sparse tensor leaves out among them. */
function lengthOf(inputs: CheckedDatum['lossFnInputs']): number {
  return sizeOf(shapeOf(inputs));
}

function shapeOf(inputs: CheckedDatum['lossFnInputs']): readonly number[] {
  return inputs['target_tokens']?.shape ?? [0];
}

/** Dense weights, one for each target. */
function weightsOf(inputs: CheckedDatum['lossFnInputs'], data: Float32Array): CheckedTensor {
  return { data, dtype: 'float32', shape: shapeOf(inputs) };
}

function negated(field: string, gradient: FloatInput, length: number): Float32Array {
  if (gradient?.length !== length)
    throw new TinkerInputError(
      field,
      `must hold ${length} numbers, one for each target token, got ${gradient?.length ?? show(gradient)}`,
    );
  const weights = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    // Zero minus, so that a gradient of 0 is not sent as -0.
    weights[i] = 0 - checkFinite(`${field}[${i}]`, gradient[i]);
    checkFinite(`${field}[${i}] as a float32`, weights[i]);
  }
  return weights;
}
