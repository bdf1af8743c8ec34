import { show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import { checkedChunks, chunksLength, knownLength } from './checked-chunks.ts';
import type { CheckedChunk, CheckedDatum, CheckedTensor } from './checked-datum.ts';
import { checkedTensor, sizeOf } from './checked-tensor.ts';
import type { Datum, LossFn } from './types/datum.ts';

/** Which tensors a loss reads, beside `target_tokens`, and which of them it needs. */
interface LossTensors {
  readonly needs: readonly string[];
  readonly takes: readonly string[];
}

const LOSS_TENSORS: Readonly<Record<LossFn, LossTensors>> = {
  cross_entropy: { needs: [], takes: ['weights'] },
  importance_sampling: { needs: ['logprobs', 'advantages'], takes: [] },
  ppo: { needs: ['logprobs', 'advantages'], takes: ['clip_low_threshold', 'clip_high_threshold'] },
  cispo: { needs: ['logprobs', 'advantages'], takes: ['clip_low_threshold', 'clip_high_threshold'] },
  dro: { needs: ['logprobs', 'advantages'], takes: [] },
};

/**
 * A batch that is safe to send with this loss.
 *
 * @throws TinkerInputError - naming the datum, the tensor, the value and the bound.
 */
export function checkedBatch(data: readonly Datum[], lossFn: LossFn): CheckedDatum[] {
  if (!Object.hasOwn(LOSS_TENSORS, lossFn)) {
    throw new TinkerInputError(
      'lossFn',
      `must be one of ${Object.keys(LOSS_TENSORS).join(', ')}, got ${show(lossFn)}`,
    );
  }
  const batch = checkedData(data, lossFn);
  batch.forEach(({ lossFnInputs }, index) => {
    if (lossFn !== 'cross_entropy' || lossFnInputs['weights'] !== undefined) return;
    if (lossFnInputs['target_tokens']?.shape.length === 1) return;
    throw new TinkerInputError(
      `data[${index}].lossFnInputs.weights`,
      'is missing: rows of target_tokens need a weight for each target',
    );
  });
  return batch;
}

/**
 * A batch for a loss of the caller's own: cross-entropy's tensors, but weights may be missing everywhere.
 *
 * @throws TinkerInputError - naming the datum, the tensor, the value and the bound.
 */
export function checkedCustomBatch(data: readonly Datum<'cross_entropy'>[]): CheckedDatum[] {
  return checkedData(data, 'cross_entropy');
}

function checkedData(data: readonly Datum[], lossFn: LossFn): CheckedDatum[] {
  if (!Array.isArray(data) || data.length === 0) {
    const isOne = !Array.isArray(data) && typeof data === 'object' && data !== null;
    throw new TinkerInputError(
      'data',
      `must hold at least one datum, got ${Array.isArray(data) ? 'none' : show(data)}`,
      isOne ? { hint: 'Put a single datum into a list' } : {},
    );
  }
  return Array.from(data, (datum: Datum, index) => checkedDatum(datum, `data[${index}]`, lossFn));
}

function checkedDatum(datum: Datum, field: string, lossFn: LossFn): CheckedDatum {
  const tensors = LOSS_TENSORS[lossFn];
  checkObject(field, datum, 'a datum');
  const chunks = checkedChunks(`${field}.modelInput`, datum.modelInput);
  checkTrainable(`${field}.modelInput`, chunks);
  const inputs = datum.lossFnInputs as unknown as Record<string, unknown>;
  const at = (name: string): string => `${field}.lossFnInputs.${name}`;
  checkObject(`${field}.lossFnInputs`, inputs, 'an object of tensors');
  const known = ['target_tokens', ...tensors.needs, ...tensors.takes];
  const unknown = Object.keys(inputs).find((name) => inputs[name] !== undefined && !known.includes(name));
  if (unknown !== undefined)
    throw new TinkerInputError(at(unknown), `is not read by ${lossFn}; it reads ${known.join(', ')}`);

  if (inputs['target_tokens'] === undefined)
    throw new TinkerInputError(
      at('target_tokens'),
      'is missing: every loss needs a target for each position',
    );
  const targets = checkedTensor(at('target_tokens'), inputs['target_tokens'], 'tokens');
  checkTargets(at('target_tokens'), targets, chunks);
  const checked: Record<string, CheckedTensor> = { target_tokens: targets };
  for (const name of [...tensors.needs, ...tensors.takes]) {
    if (inputs[name] !== undefined) {
      checked[name] = checkedTensor(at(name), inputs[name], 'floats');
      checkLike(at(name), checked[name], targets);
    } else if (tensors.needs.includes(name))
      throw new TinkerInputError(at(name), `is missing: ${lossFn} needs it`);
  }
  return { chunks, lossFnInputs: checked };
}

function checkObject(field: string, value: unknown, what: string): void {
  if (typeof value === 'object' && value !== null) return;
  throw new TinkerInputError(field, `must be ${what}, got ${show(value)}`);
}

/** A pass over data has no form for an image that is elsewhere (protocol 4.2, 4.4). */
function checkTrainable(field: string, chunks: readonly CheckedChunk[]): void {
  const c = chunks.findIndex(({ type }) => type === 'image_asset_pointer');
  if (c === -1) return;
  throw new TinkerInputError(
    `${field}.chunks[${c}]`,
    'must not be an image_asset_pointer: only prompts take one; give the image itself',
  );
}

/** Targets of a datum: one, or one row of them, for each position of the model input. */
function checkTargets(field: string, { shape }: CheckedTensor, chunks: readonly CheckedChunk[]): void {
  const [positions = 0] = shape;
  if (shape.length < 1 || shape.length > 2) {
    throw new TinkerInputError(
      field,
      `must be one target or one row of targets a position, got the shape ${showShape(shape)}`,
    );
  }
  const length = chunksLength(chunks);
  if (length !== undefined && positions !== length) {
    throw new TinkerInputError(field, `must have the length of the model input, ${length}, got ${positions}`);
  }
  // An image that does not say how many positions it takes, takes the rest.
  const known = knownLength(chunks);
  if (positions < known) {
    throw new TinkerInputError(
      field,
      `must have the length of the model input, ${known} beside its images, got ${positions}`,
    );
  }
  if (sizeOf(shape) === 0) throw new TinkerInputError(field, 'must hold at least one target, got none');
}

function checkLike(field: string, { shape }: CheckedTensor, targets: CheckedTensor): void {
  if (showShape(shape) === showShape(targets.shape)) return;
  if (shape.length === 1 && targets.shape.length === 1) {
    throw new TinkerInputError(
      field,
      `must have the length of the model input, ${targets.shape[0]}, got ${shape[0]}`,
    );
  }
  throw new TinkerInputError(
    field,
    `must have the shape of target_tokens, ${showShape(targets.shape)}, got ${showShape(shape)}`,
  );
}

function showShape(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}
