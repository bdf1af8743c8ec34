import { isFailure, type OperationFailure, userFailure } from '../futures/operation-failure.ts';
import { problem } from '../http/http.ts';
import type { Loss, LossData } from '../losses/loss.ts';
import { LOSSES } from '../losses/losses.ts';
import type { Sequence } from '../model/sequence-batch.ts';
import { tokensOf } from './input-chunk.ts';
import type { TrainingDatum, TrainingRequest } from './training-request.ts';
import type { TrainingTensor } from './training-tensor.ts';

/** A batch that can be run. */
export interface ForwardInput {
  readonly loss: Loss;
  readonly examples: readonly Example[];
}

/** One datum of it. */
export interface Example {
  readonly sequence: Sequence;
  /** Shape of `target_tokens`, and so of the log-probs: [N] or [N, K]. */
  readonly shape: readonly number[];
  readonly data: LossData;
}

/**
 * Check a batch against its loss.
 *
 * @param at - Where the batch is in the request, for messages.
 * @returns a failure where the request is right, but asks for what this model cannot do: a matter of its future.
 * @throws HttpProblem 422 - where the request is wrong.
 */
export function checkForwardInput(request: TrainingRequest, at: string): ForwardInput | OperationFailure {
  if (request.data.length === 0) throw problem(422, `${at}.data must hold at least one datum`);
  const loss = LOSSES.find(({ name }) => name === request.lossFn);
  if (loss === undefined) {
    const names = LOSSES.map(({ name }) => name).join(', ');
    return userFailure(`Loss "${request.lossFn}" is not available; this emulator has ${names}`);
  }
  const setting = settingsOf(loss, request.lossFnConfig, at);
  const examples: Example[] = [];
  for (const [index, datum] of request.data.entries()) {
    const example = checkDatum(loss, setting, datum, `${at}.data[${index}]`);
    if (isFailure(example)) return example;
    examples.push(example);
  }
  return { loss, examples };
}

function settingsOf(loss: Loss, config: ReadonlyMap<string, number>, at: string): LossData['setting'] {
  const known = Object.keys(loss.settings);
  for (const [name, value] of config) {
    if (!known.includes(name)) {
      const has = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`;
      throw problem(422, `${at}.loss_fn_config.${name} is no setting of ${loss.name}; ${has}`);
    }
    if (!Number.isFinite(value))
      throw problem(422, `${at}.loss_fn_config.${name} is ${value}; it must be finite`);
  }
  return (name) => config.get(name) ?? loss.settings[name] ?? Number.NaN;
}

function checkDatum(
  loss: Loss,
  setting: LossData['setting'],
  { chunks, tensors }: TrainingDatum,
  at: string,
): Example | OperationFailure {
  const inputs = `${at}.loss_fn_inputs`;
  const targets = tensors.get('target_tokens');
  if (targets === undefined) throw problem(422, `${inputs}.target_tokens is missing`);
  checkTensors(loss, tensors, targets.shape, inputs);
  const tokens = tokensOf(chunks, `${at}.model_input`);
  if (isFailure(tokens)) return tokens;
  const targetsPerToken = checkTargetShape(loss, targets.shape, tokens.length, inputs);
  const numbers: LossData['numbers'] = (name, missing = 0) => {
    const tensor = tensors.get(name);
    return tensor === undefined
      ? new Float64Array(targets.values.length).fill(missing)
      : Float32Array.from(tensor.values);
  };
  return {
    sequence: { tokens, targets: targetTokens(targets, inputs), targetsPerToken },
    shape: targets.shape,
    data: { numbers, setting },
  };
}

function checkTensors(
  loss: Loss,
  tensors: ReadonlyMap<string, TrainingTensor>,
  shape: readonly number[],
  at: string,
): void {
  const absent = loss.required.find((name) => !tensors.has(name));
  if (absent !== undefined) throw problem(422, `${at}.${absent} is missing; ${loss.name} needs it`);
  const taken = ['target_tokens', ...loss.required, ...loss.optional];
  for (const [name, tensor] of tensors) {
    if (!taken.includes(name))
      throw problem(422, `${at}.${name} is no tensor of ${loss.name}; it takes ${taken.join(', ')}`);
    if (tensor.shape.join() !== shape.join()) {
      const shapes = `the shape [${tensor.shape.join(', ')}]; it must have that of target_tokens, [${shape.join(', ')}]`;
      throw problem(422, `${at}.${name} has ${shapes}`);
    }
    const wrong = tensor.values.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0)
      throw problem(422, `${at}.${name}[${wrong}] is ${tensor.values[wrong]}; it must be finite`);
  }
}

/** Targets per token, given the shape of `target_tokens`. */
function checkTargetShape(loss: Loss, shape: readonly number[], tokens: number, at: string): number {
  const [rows, columns = 1, ...more] = shape;
  if (rows === tokens && columns > 0 && more.length === 0 && (shape.length === 1 || loss.manyTargets))
    return columns;
  const allowed = loss.manyTargets ? `[${tokens}] or [${tokens}, K]` : `[${tokens}]`;
  throw problem(
    422,
    `${at}.target_tokens has the shape [${shape.join(', ')}]; for ${tokens} tokens and ${loss.name} it must be ${allowed}`,
  );
}

function targetTokens({ dtype, values }: TrainingTensor, at: string): Int32Array {
  if (dtype === 'float32') throw problem(422, `${at}.target_tokens must have the dtype int64`);
  const wrong = values.findIndex((value) => value !== (value | 0));
  if (wrong >= 0)
    throw problem(422, `${at}.target_tokens[${wrong}] is ${values[wrong]}, which is no token id`);
  return Int32Array.from(values);
}
