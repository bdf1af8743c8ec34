import { checkFinite, checkRecord, show } from '../../kernel/checks.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import type { FloatInput } from '../../wire/types/datum.ts';
import type { CustomLossResult } from './custom-loss.ts';

/** A loss of your own at given log-probabilities. */
export interface LossEvaluation {
  readonly loss: number;
  readonly gradients: readonly (readonly number[])[];
}

/** Log-probabilities as float32, for each datum. @throws TinkerInputError */
export function checkedRows(
  data: readonly unknown[],
  logprobs: readonly FloatInput[],
): Float32Array<ArrayBuffer>[] {
  if (!Array.isArray(logprobs) || !Array.isArray(data) || logprobs.length !== data.length) {
    const expected = Array.isArray(data)
      ? `one array for each of the ${data.length} data`
      : 'one array a datum';
    throw new TinkerInputError('logprobs', `must hold ${expected}, got ${show(logprobs)}`);
  }
  const rows = logprobs.map((row: FloatInput, datum) => {
    if (!Array.isArray(row) && !ArrayBuffer.isView(row))
      throw new TinkerInputError(`logprobs[${datum}]`, `must be an array of numbers, got ${show(row)}`);
    const rounded = Float32Array.from(row);
    for (const [i, value] of rounded.entries()) checkFinite(`logprobs[${datum}][${i}] as a float32`, value);
    return rounded;
  });
  if (rows.every((row) => row.length === 0))
    throw new TinkerInputError('logprobs', 'must hold at least one log-probability, got none');
  return rows;
}

/** What a loss function gave. @throws TinkerInputError */
export function checkedEvaluation(result: CustomLossResult, rows: readonly Float32Array[]): LossEvaluation {
  const field = 'customLoss().gradients';
  checkRecord('customLoss()', result, 'an object with loss and gradients');
  const loss = checkFinite('customLoss().loss', result.loss);
  const { gradients } = result;
  if (!Array.isArray(gradients) || gradients.length !== rows.length)
    throw new TinkerInputError(
      field,
      `must hold one array for each of the ${rows.length} data, got ${show(gradients)}`,
    );
  // Copies: a loss may fill the same arrays again.
  const copies = rows.map((row, datum) => {
    const gradient: FloatInput | undefined = gradients[datum];
    if (gradient?.length !== row.length) {
      const got = gradient?.length ?? show(gradient);
      throw new TinkerInputError(
        `${field}[${datum}]`,
        `must hold ${row.length} numbers, one for each target token, got ${got}`,
      );
    }
    return Array.from(gradient, (value, i) => checkFinite(`${field}[${datum}][${i}]`, value));
  });
  return { loss, gradients: copies };
}

/** Two evaluations at the same place must not differ. @throws TinkerInputError */
export function checkSame(one: LossEvaluation, other: LossEvaluation): void {
  const again = 'when it is evaluated again with the same log-probabilities';
  if (one.loss !== other.loss) {
    throw new TinkerInputError(
      'customLoss().loss',
      `must be the same ${again}, got ${one.loss} and ${other.loss}`,
    );
  }
  for (const [datum, gradient] of one.gradients.entries()) {
    const index = gradient.findIndex((value, i) => value !== other.gradients[datum]?.[i]);
    if (index < 0) continue;
    throw new TinkerInputError(
      `customLoss().gradients[${datum}][${index}]`,
      `must be the same ${again}, got ${gradient[index]} and ${other.gradients[datum]?.[index]}`,
    );
  }
}

/**
 * What the loss is rounded from, at `logprobs` and within a step around: terms may cancel out in it, and each is about its
 * gradient times its log-probability.
 */
export function magnitudeOf(
  { loss, gradients }: LossEvaluation,
  rows: readonly Float32Array[],
  step: number,
): number {
  let sum = 0;
  for (const [datum, gradient] of gradients.entries()) {
    for (const [i, value] of gradient.entries())
      sum += Math.abs(value) * Math.max(Math.abs(rows[datum]?.[i] ?? 0), step);
  }
  return Math.max(Math.abs(loss), sum);
}
