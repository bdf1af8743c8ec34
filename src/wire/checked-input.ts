import { checkInteger, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import type { Datum, LossFn } from './types/datum.ts';
import type { ModelInput, TokenIds } from './types/model-input.ts';

/** The largest token id: ids are int32 on the wire. */
const MAX_TOKEN = 2 ** 31 - 1;

/** Which tensors each loss reads, beside `target_tokens`, and which of them it needs. */
const LOSS_TENSORS: Readonly<
  Record<LossFn, { readonly needs: readonly string[]; readonly takes: readonly string[] }>
> = {
  cross_entropy: { needs: [], takes: ['weights'] },
  importance_sampling: { needs: ['logprobs', 'advantages'], takes: [] },
  ppo: { needs: ['logprobs', 'advantages'], takes: [] },
  cispo: { needs: ['logprobs', 'advantages'], takes: [] },
  dro: { needs: ['logprobs', 'advantages'], takes: [] },
};

/** A datum that is safe to send: own copies of the right types, all of one length. */
export interface CheckedDatum {
  readonly chunks: readonly Int32Array[];
  readonly lossFnInputs: Readonly<Record<string, Int32Array | Float32Array>>;
}

/**
 * Token ids of a prompt or model input, one array per chunk.
 *
 * @throws TinkerInputError - naming the chunk and the position of the first id that is not one, or an empty input.
 */
export function checkedChunks(field: string, input: ModelInput | TokenIds): Int32Array[] {
  const isTokens = Array.isArray(input) || input instanceof Int32Array;
  const chunks = isTokens ? undefined : (input as ModelInput | undefined)?.chunks;
  if (!isTokens && !Array.isArray(chunks)) {
    throw new TinkerInputError(field, `must be token ids or a ModelInput, got ${show(input)}`);
  }
  const arrays = isTokens
    ? [checkedTokens(field, input as TokenIds)]
    : Array.from(chunks ?? [], (chunk, c) => {
        checkObject(`${field}.chunks[${c}]`, chunk, 'a chunk');
        return checkedTokens(`${field}.chunks[${c}].tokens`, chunk.tokens);
      });
  if (arrays.every((array) => array.length === 0))
    throw new TinkerInputError(field, 'must hold at least one token, got none');
  return arrays;
}

/** Number of tokens in all chunks together. */
export function chunksLength(chunks: readonly Int32Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

/**
 * A batch that is safe to send with this loss.
 *
 * @throws TinkerInputError - naming the datum, the tensor, the value and the bound.
 */
export function checkedBatch(data: readonly Datum[], lossFn: LossFn): CheckedDatum[] {
  const tensors = Object.hasOwn(LOSS_TENSORS, lossFn) ? LOSS_TENSORS[lossFn] : undefined;
  if (tensors === undefined) {
    throw new TinkerInputError(
      'lossFn',
      `must be one of ${Object.keys(LOSS_TENSORS).join(', ')}, got ${show(lossFn)}`,
    );
  }
  if (!Array.isArray(data) || data.length === 0) {
    throw new TinkerInputError(
      'data',
      `must hold at least one datum, got ${Array.isArray(data) ? 'none' : show(data)}`,
    );
  }
  return Array.from(data, (datum, index) => checkedDatum(datum, `data[${index}]`, tensors));
}

function checkedDatum(
  datum: Datum,
  field: string,
  tensors: { readonly needs: readonly string[]; readonly takes: readonly string[] },
): CheckedDatum {
  checkObject(field, datum, 'a datum');
  const chunks = checkedChunks(`${field}.modelInput`, datum.modelInput);
  const length = chunksLength(chunks);
  const inputs = datum.lossFnInputs as unknown as Record<string, unknown>;
  const at = (name: string): string => `${field}.lossFnInputs.${name}`;
  checkObject(`${field}.lossFnInputs`, inputs, 'an object of tensors');
  const known = ['target_tokens', ...tensors.needs, ...tensors.takes];
  const unknown = Object.keys(inputs).find((name) => inputs[name] !== undefined && !known.includes(name));
  if (unknown !== undefined)
    throw new TinkerInputError(at(unknown), `is not read by this loss; it reads ${known.join(', ')}`);

  const checked: Record<string, Int32Array | Float32Array> = {
    target_tokens: checkedTokens(at('target_tokens'), inputs['target_tokens'] as TokenIds),
  };
  for (const name of [...tensors.needs, ...tensors.takes]) {
    if (inputs[name] !== undefined) checked[name] = checkedFloats(at(name), inputs[name]);
    else if (tensors.needs.includes(name))
      throw new TinkerInputError(at(name), 'is missing: this loss needs it');
  }
  for (const [name, values] of Object.entries(checked)) {
    if (values.length !== length) {
      throw new TinkerInputError(
        at(name),
        `must have the length of the model input, ${length}, got ${values.length}`,
      );
    }
  }
  return { chunks, lossFnInputs: checked };
}

function checkObject(field: string, value: unknown, what: string): void {
  if (typeof value === 'object' && value !== null) return;
  throw new TinkerInputError(field, `must be ${what}, got ${show(value)}`);
}

function checkedTokens(field: string, values: TokenIds | undefined): Int32Array {
  if (!Array.isArray(values) && !(values instanceof Int32Array)) {
    throw new TinkerInputError(field, `must be an array of token ids, got ${show(values)}`);
  }
  const out = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const id = values[i];
    const isToken = typeof id === 'number' && (id | 0) === id && id >= 0;
    out[i] = isToken ? id : checkInteger(`${field}[${i}]`, id, { min: 0, max: MAX_TOKEN });
  }
  return out;
}

function checkedFloats(field: string, values: unknown): Float32Array {
  if (!Array.isArray(values) && !(values instanceof Float32Array) && !(values instanceof Float64Array)) {
    throw new TinkerInputError(field, `must be an array of numbers, got ${show(values)}`);
  }
  const out = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as unknown;
    out[i] = typeof value === 'number' ? value : Number.NaN;
    // The rounded value is what is sent: 1e39 is finite, but not as a float32.
    if (!Number.isFinite(out[i])) {
      throw new TinkerInputError(
        `${field}[${i}]`,
        `must be a number that float32 can hold, got ${show(value)}`,
      );
    }
  }
  return out;
}
